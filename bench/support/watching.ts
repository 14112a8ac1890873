import { performance } from 'node:perf_hooks'

/** What watchers of one session heard of it, until its end. */
export interface Watching {
  /** Updates a second between the first and the last event, of the watcher that got the fewest. */
  fewestPerSecond: number
  /** Processor time that all of them took together, of one core, 0 to 1. */
  processorShare: number
  /** How many heard of the end. */
  ended: number
}

/** Told by a watcher what it hears. */
export interface Heard {
  update: () => void
  /** @param isTold whether of the session's end, and not of the connection's */
  end: (isTold: boolean) => void
}

/** Connections that are opened at once. */
const AT_ONCE = 50

export async function connectAll<Client>(count: number, connect: () => Promise<Client>): Promise<Client[]> {
  const clients: Client[] = []
  while (clients.length < count) clients.push(...await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - clients.length) }, connect)))
  return clients
}

/** Have each client watch until it hears of an end. */
export async function watchAll<Client>(clients: readonly Client[], watch: (client: Client, heard: Heard) => void): Promise<Watching> {
  const [startedAt, used] = [performance.now(), process.cpuUsage()]
  const ends = await Promise.all(clients.map((client) => new Promise<{ perSecond: number, isTold: boolean }>((resolve) => {
    let updates = 0
    let firstAt = 0
    watch(client, {
      update: () => {
        if (updates++ === 0) firstAt = performance.now()
      },
      end: (isTold) => resolve({ perSecond: updates / ((performance.now() - firstAt) / 1000), isTold }),
    })
  })))
  const { user, system } = process.cpuUsage(used)
  return {
    fewestPerSecond: Math.min(...ends.map(({ perSecond }) => perSecond)),
    processorShare: (user + system) / 1000 / (performance.now() - startedAt),
    ended: ends.filter(({ isTold }) => isTold).length,
  }
}

/** How many can watch one import, and what that costs. */
import { randomUUID } from 'node:crypto'
import { dataFile } from '../generate.ts'
import type { Part, Plot } from '../support/part.ts'
import { Companion } from '../support/processes.ts'
import { BenchServer } from '../support/server.ts'
import { median } from '../support/statistics.ts'
import type { ClientRun } from '../processes/import-client.ts'
import type { TimedWatching } from '../processes/watchers.ts'
import type { Watching } from '../support/watching.ts'

const COUNTS = [1, 100, 1000] as const

const ROWS = 2_000_000

/** How long updates are sent to measure their delay, seconds. */
const DELAY_SECONDS = 5

export const watchers: Part = {
  name: 'watchers',
  title: 'Watchers of one session',
  measure: async ({ folder, rounds, scale }) => {
    const delays: TimedWatching[] = []
    for (const count of COUNTS) delays.push(await measureDelay(count))

    const { path } = await dataFile(folder, 'narrow', Math.round(ROWS * scale))
    const runs = new Map<number, WatchedImport[]>([0, ...COUNTS].map((count) => [count, []]))
    for (let round = 0; round < rounds; round++) {
      for (const [count, of] of runs) of.push(await importWatched(path, count))
    }
    const medianOf = (count: number, read: (run: WatchedImport) => number): number => median(runs.get(count)!.map(read))
    const moreThanAlone = (count: number, read: (run: WatchedImport) => number): string => `${((medianOf(count, read) / medianOf(0, read) - 1) * 100).toFixed(0)} %`
    const imports = [...runs].map(([count, of]) => [
      count, medianOf(count, (run) => run.seconds).toFixed(2), moreThanAlone(count, (run) => run.seconds),
      medianOf(count, (run) => run.processorSeconds).toFixed(2), moreThanAlone(count, (run) => run.processorSeconds),
      ...count === 0
        ? ['', '', '']
        : [
            medianOf(count, ({ watched }) => watched!.fewestPerSecond).toFixed(1), `${Math.min(...of.map(({ watched }) => watched!.ended))} of ${count}`,
            medianOf(count, ({ watched }) => watched!.processorShare).toFixed(2),
          ],
    ])
    const plot: Plot = {
      name: 'watchers', title: 'Delay of an update by the number of watchers', x: 'watchers', y: 'ms', isLogarithmic: true,
      lines: (['p50Ms', 'p99Ms'] as const).map((which) => ({ name: which.slice(0, 3), points: COUNTS.map((count, index) => [count, delays[index]!.delay[which]]) })),
    }
    return [
      `Delay from \`updateProgress\` to the handler of a \`socket.io-client\`, ${DELAY_SECONDS} s of updates. All watchers share one process, whose own work is part of the delay.`,
      {
        columns: ['watchers', 'p50, ms', 'p99, ms', 'max, ms', 'fewest updates/s', 'heard the end'],
        rows: delays.map(({ delay, fewestPerSecond, ended }, index) =>
          [COUNTS[index]!, delay.p50Ms.toFixed(1), delay.p99Ms.toFixed(1), delay.maxMs.toFixed(1), fewestPerSecond.toFixed(1), `${ended} of ${COUNTS[index]!}`]),
      },
      `An import of narrow rows while so many watch it. These watchers read no more of an event than its name; they are on the same machine and take what the last column `
      + `says of one of its cores. What they cost the server is its processor time. Targets: at least 8 updates/s for each and the end; at most 15 % slower. Medians of ${rounds}, in turns.`,
      { columns: ['watchers', 'seconds', 'slower by', 'processor time of the server, s', 'more by', 'fewest updates/s', 'heard the end', 'cores the watchers take'], rows: imports },
      plot,
    ]
  },
}

async function measureDelay(count: number): Promise<TimedWatching> {
  const sessionId = randomUUID()
  const server = await Companion.start<null>('tracker-server', sessionId, String(DELAY_SECONDS))
  const watching = (await Companion.start<TimedWatching>('watchers', server.greeting, sessionId, String(count))).run()
  await server.run()
  return watching
}

interface WatchedImport {
  seconds: number
  /** Of the server, during the import. */
  processorSeconds: number
  watched?: Watching
}

async function importWatched(path: string, count: number): Promise<WatchedImport> {
  const server = await BenchServer.start({ env: { MAX_SOCKETS_PER_ADDRESS: String(count + 10) } })
  try {
    const sessionId = randomUUID()
    const client = await Companion.start<ClientRun>('import-client', server.url, path, sessionId)
    const watching = count === 0 ? undefined : (await Companion.start<Watching>('wire-watchers', server.url, sessionId, String(count))).run()
    const before = server.processorSeconds
    const { seconds } = await client.run()
    const processorSeconds = server.processorSeconds - before
    const watched = await watching
    return { seconds, processorSeconds, ...(watched && { watched }) }
  } finally {
    await server.stop()
  }
}

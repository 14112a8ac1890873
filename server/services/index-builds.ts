import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Fault, type FaultMessage } from '../faults.ts'
import type { IndexTask } from '../workers/index-process.ts'
import type { WriteTurns } from './write-turns.ts'

const PROCESS = fileURLToPath(new URL('../workers/index-process.ts', import.meta.url))

/** How often a build gives way to another writer. Then it is done to its end, or it might never be. */
const MOST_GIVEN_WAY = 5

/** More than a build needs, whose sorting has a bounded memory. */
const MAX_MEMORY_BYTES = 512 * 2 ** 20

/**
 * Builds indexes over large tables, which takes seconds in which nobody else can write. So a build begins when nobody is
 * writing, and is given up and begun again later where an import, or anybody else, wants to write meanwhile.
 */
export class IndexBuilds {
  readonly #databasePath: string
  readonly #turns: WriteTurns
  readonly #busyTimeoutMs: number
  readonly #checkWritable: () => void
  readonly #closing = new AbortController()

  /** @param checkWritable throws where nothing may be written now; asked each time before a build begins */
  constructor(databasePath: string, turns: WriteTurns, busyTimeoutMs: number, checkWritable: () => void) {
    this.#databasePath = databasePath
    this.#turns = turns
    this.#busyTimeoutMs = busyTimeoutMs
    this.#checkWritable = checkWritable
  }

  /**
   * Build an index over a column, if there is none.
   * @throws Fault TABLE_NOT_FOUND, BAD_QUERY, INTERRUPTED, SQLITE_BUSY, SQLITE_FULL, and what `checkWritable` throws
   */
  async build(table: string, column: string): Promise<void> {
    for (let givenWay = 0; !await this.#try(table, column, givenWay < MOST_GIVEN_WAY); givenWay++);
  }

  /** @returns false where it has given way */
  async #try(table: string, column: string, mayGiveWay: boolean): Promise<boolean> {
    const wanted = new AbortController()
    const release = await this.#turns.takeWhenIdle(() => {
      if (mayGiveWay) wanted.abort()
    })
    try {
      this.#checkWritable()
      if (this.#closing.signal.aborted) throw interrupted()
      if (wanted.signal.aborted) return false
      return await this.#run(table, column, wanted.signal)
    } finally {
      release()
    }
  }

  async #run(table: string, column: string, wanted: AbortSignal): Promise<boolean> {
    const signal = AbortSignal.any([wanted, this.#closing.signal])
    const child = fork(PROCESS, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const kill = (): void => void child.kill('SIGKILL')
    signal.addEventListener('abort', kill)
    const answers: (FaultMessage | null)[] = []
    child.on('message', (message) => answers.push(message as FaultMessage | null))
    child.send({
      databasePath: this.#databasePath, busyTimeoutMs: this.#busyTimeoutMs, table, column, guard: { maxMemoryBytes: MAX_MEMORY_BYTES, serverId: process.pid },
    } satisfies IndexTask, () => undefined)
    // All that it has said has arrived when it has disconnected.
    await Promise.all([once(child, 'exit'), once(child, 'disconnect')])
    signal.removeEventListener('abort', kill)
    const [answer] = answers
    if (answer) throw Fault.fromMessage(answer)
    if (answer === null) return true
    if (this.#closing.signal.aborted) throw interrupted()
    if (wanted.aborted) return false
    throw new Fault('INTERNAL', 'The index was not built.', { cause: new Error(`index process ended with ${child.signalCode ?? child.exitCode}`) })
  }

  /** End what is being built. Nothing of it stays. */
  close(): void {
    this.#closing.abort()
  }
}

const interrupted = (): Fault => new Fault('INTERRUPTED', 'The server stopped before the index was built.')

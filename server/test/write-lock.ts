import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Scope, TestServer } from './support.ts'

/** What a server needs so that imports wait for a lock for as long as a test wants. */
export const PATIENT = { BUSY_TIMEOUT_MS: '600000' }

/**
 * Stops the next import between two batches, without a timer: another process takes the database's write lock there, as any
 * program might. What the server does then depends on its BUSY_TIMEOUT_MS.
 */
export class WriteLock {
  /** Resolves once the import stands still, to the rows that it has written. */
  readonly held: Promise<number>
  readonly #process: ReturnType<typeof fork>

  /** @param rows how far the import has to be */
  constructor(scope: Scope, server: TestServer, rows: number) {
    const child = fork(join(import.meta.dirname, 'write-lock-process.ts'), [server.databasePath, String(rows)], { execArgv: [] })
    this.#process = child
    scope.after(async () => {
      child.disconnect()
      child.kill('SIGKILL')
      await once(child, 'exit')
    })
    this.held = new Promise((resolve, reject) => {
      child.once('message', (rows) => resolve(Number(rows)))
      child.once('exit', (code) => reject(new Error(`the program that was to hold the lock ended with ${code}`)))
    })
    // Who never waits for it is not to be told of its end.
    this.held.catch(() => undefined)
  }

  async release(): Promise<void> {
    const answered = once(this.#process, 'message')
    this.#process.send('release')
    await answered
  }
}

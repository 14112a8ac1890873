import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Fault } from '../faults.ts'
import type { CheckedFile, CheckLiveTask, CheckTask, CopiedFile, CopyFileTask, CopyLiveTask, CopyProgress, CopyTask, FromCopyProcess } from './backup-messages.ts'
import type { Control } from './control.ts'

const PROCESS = fileURLToPath(new URL('copy-process.ts', import.meta.url))

/** Heap of the process, MiB: what it holds in JavaScript is little. */
const MAX_HEAP_MIB = 64

/** How often it is looked for a stop while the process works, ms. */
const STOP_INTERVAL_MS = 20

type OnProgress = (progress: Omit<CopyProgress, 'phase'>) => void

/** A copy process as the thread sees it that has it work, see copy-process.ts. */
export class CopyHelper {
  readonly #process: ChildProcess
  readonly #control: Control

  /** Start one, so that it is ready when it is needed. @param control what ends it: the word of the operation that it works for */
  constructor(control: Control) {
    this.#control = control
    this.#process = fork(PROCESS, { execArgv: [`--max-old-space-size=${MAX_HEAP_MIB}`], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    // What goes wrong with the process is told to who waits for it.
    this.#process.on('error', () => undefined)
  }

  /**
   * Have it do something, which ends with the operation: a copy at once, a check too.
   * @throws Fault as copy-process.ts; CANCELLED, INTERRUPTED where the operation is stopped
   */
  perform(task: CopyLiveTask | CopyFileTask, onProgress?: OnProgress): Promise<CopiedFile>
  perform(task: CheckTask, onProgress?: OnProgress): Promise<CheckedFile>
  perform(task: CheckLiveTask): Promise<null>
  async perform(task: CopyTask, onProgress: OnProgress = () => undefined): Promise<CopiedFile | CheckedFile | null> {
    const ended = Promise.withResolvers<CopiedFile | CheckedFile | null>()
    const hear = (message: FromCopyProcess): void => {
      switch (message.kind) {
        case 'progress': return onProgress(message.progress)
        case 'done': return ended.resolve(message.answer)
        case 'failed': return ended.reject(Fault.fromMessage(message.fault))
      }
    }
    const exit = (): void => ended.reject(new Fault('INTERNAL', 'The work stopped without a word. Nothing of it was kept.', { cause: new Error(`copy process ended with ${this.#process.signalCode ?? this.#process.exitCode}`) }))
    const watch = setInterval(() => {
      try {
        this.#control.throwIfStopped()
      } catch (fault) {
        ended.reject(fault)
      }
    }, STOP_INTERVAL_MS)
    this.#process.on('message', hear).once('exit', exit)
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) exit()
    else this.#process.send(task, (error) => error && exit())
    try {
      return await ended.promise
    } finally {
      clearInterval(watch)
      this.#process.off('message', hear).off('exit', exit)
    }
  }

  /** End it, whatever it does. @returns when it is gone, and with it its hold on every file */
  async close(): Promise<void> {
    const { exitCode, signalCode } = this.#process
    if (exitCode !== null || signalCode !== null) return
    const gone = new Promise((resolve) => this.#process.once('exit', resolve))
    if (this.#process.kill('SIGKILL')) await gone
  }
}

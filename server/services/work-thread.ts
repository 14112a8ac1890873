import { Worker } from 'node:worker_threads'
import { Fault } from '../faults.ts'
import type { FromThread, ToThread } from '../workers/messages.ts'
import { THREAD_LIMITS } from '../workers/thread-limits.ts'
import type { WriteTurns } from './write-turns.ts'

export interface ThreadWatch<Progress, Result, Question> {
  onProgress: (progress: Progress) => void
  /** Told success or failure as soon as it is decided, before the thread has cleaned up. */
  onOutcome: (outcome: Result | Fault) => void
  /** Does what only the main thread can. */
  onQuestion?: (question: Question) => Promise<unknown>
}

/**
 * Run a piece of work in a thread of its own.
 * @param name of its file among the workers, without `.ts`
 * @returns when the thread has ended: whether it did so by itself, and not by dying in the middle of its work
 */
export function runThread<Progress, Result, Question = never>(
  name: string, plan: object, turns: WriteTurns, { onProgress, onOutcome, onQuestion }: ThreadWatch<Progress, Result, Question>,
): Promise<boolean> {
  return new Promise((resolve) => {
    let worker: Worker
    try {
      worker = new Worker(new URL(`../workers/${name}.ts`, import.meta.url), { workerData: plan, resourceLimits: THREAD_LIMITS })
    } catch (error) {
      // A limit of processes, or of memory.
      onOutcome(new Fault('INTERNAL', 'The system let the server begin no further thread. Try again when less is running on it.', { cause: error }))
      return resolve(true)
    }
    let hasEnded = false
    let isDecided = false
    let releaseTurn: (() => void) | undefined

    const decide = (outcome: Result | Fault): void => {
      if (isDecided) return
      isDecided = true
      onOutcome(outcome)
    }
    const say = (message: ToThread): void => worker.postMessage(message)
    const grantTurn = async (): Promise<void> => {
      const wanted = new SharedArrayBuffer(4)
      const release = await turns.take(() => {
        Atomics.store(new Int32Array(wanted), 0, 1)
        say({ kind: 'turn-wanted' })
      })
      // The thread may have died while it waited; its turn must not die with it.
      if (hasEnded) {
        release()
      } else {
        releaseTurn = release
        say({ kind: 'turn', wanted })
      }
    }
    const answer = async (id: number, question: Question): Promise<void> => {
      try {
        say({ kind: 'answer', id, value: await onQuestion?.(question) })
      } catch (error) {
        say({ kind: 'answer', id, fault: Fault.from(error).toMessage() })
      }
    }

    worker.on('message', (message: FromThread<Progress, Result, Question>) => {
      switch (message.kind) {
        case 'want-turn': return void grantTurn()
        case 'end-turn': return releaseTurn?.()
        case 'progress': return onProgress(message.progress)
        case 'ask': return void answer(message.id, message.question)
        case 'completed': return decide(message.result)
        case 'failed': return decide(Fault.fromMessage(message.fault))
      }
    })
    worker.on('error', (error) => decide(Fault.from(error)))
    worker.on('exit', (code) => {
      hasEnded = true
      releaseTurn?.()
      decide(new Fault('INTERNAL', 'The work stopped without a word. Nothing of it was kept.', { cause: new Error(`thread ${name} exited with ${code}`) }))
      resolve(code === 0)
    })
  })
}

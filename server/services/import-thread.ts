import { Worker } from 'node:worker_threads'
import { Fault } from '../faults.ts'
import type { Receipt } from '../protocol.ts'
import type { FromImportWorker, ImportPlan, ImportProgress, ToImportWorker } from '../workers/messages.ts'
import type { WriteTurns } from './write-turns.ts'

/** Heap of an import's thread, MiB: many times what it needs, so that only a runaway meets it. */
const MAX_HEAP_MIB = 512

/** Space for short-lived values, MiB. V8's own default lets it grow so far that memory depends on the file (docs/architecture.md). */
const MAX_YOUNG_MIB = 8

/**
 * Run an import in a thread of its own.
 * @param onOutcome is told success or failure as soon as it is decided, before the thread has cleaned up
 * @returns when the thread has ended and nothing of it is left
 */
export function runImportThread(
  plan: ImportPlan,
  turns: WriteTurns,
  onProgress: (progress: ImportProgress) => void,
  onOutcome: (outcome: { receipt: Receipt, message: string } | Fault) => void,
): Promise<void> {
  return new Promise((resolve) => {
    const worker = new Worker(new URL('../workers/import-worker.ts', import.meta.url), {
      workerData: plan,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB, maxYoungGenerationSizeMb: MAX_YOUNG_MIB },
    })
    let hasEnded = false
    let isDecided = false
    let releaseTurn: (() => void) | undefined

    const decide = (outcome: { receipt: Receipt, message: string } | Fault): void => {
      if (isDecided) return
      isDecided = true
      onOutcome(outcome)
    }
    const grantTurn = async (): Promise<void> => {
      const release = await turns.take()
      // The thread may have died while it waited; its turn must not die with it.
      if (hasEnded) {
        release()
      } else {
        releaseTurn = release
        worker.postMessage({ kind: 'turn' } satisfies ToImportWorker)
      }
    }

    worker.on('message', (message: FromImportWorker) => {
      switch (message.kind) {
        case 'want-turn': return void grantTurn()
        case 'end-turn': return releaseTurn?.()
        case 'progress': return onProgress(message.progress)
        case 'completed': return decide({ receipt: message.receipt, message: message.message })
        case 'failed': return decide(Fault.fromMessage(message.fault))
      }
    })
    worker.on('error', (error) => decide(Fault.from(error)))
    worker.on('exit', (code) => {
      hasEnded = true
      releaseTurn?.()
      decide(new Fault('INTERNAL', 'The import stopped without a word. Nothing of it was kept.', { cause: new Error(`import thread exited with ${code}`) }))
      resolve()
    })
  })
}

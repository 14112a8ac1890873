/** What a call of `updateProgress` costs an operation that reports far more often than is sent. */
import { performance } from 'node:perf_hooks'
import { ProgressTracker } from '../../server/tracker.ts'
import type { Part } from '../support/part.ts'
import { median } from '../support/statistics.ts'

const CALLS = 2_000_000

const METADATA = { phase: 'import', bytesDone: 1, bytesTotal: 2, rowsDone: 3, rowsRejected: 0, rowsPerSecond: 4, etaSeconds: 5.1 }

export const tracker: Part = {
  name: 'tracker',
  title: 'One call of updateProgress inside the window',
  measure: ({ rounds }) => {
    let emitted = 0
    const measured = new ProgressTracker({ to: () => ({ emit: () => emitted++ }) })
    const id = measured.createSession()
    // No timer fires in between, since the event loop does not turn.
    const microseconds = (call: (number: number) => void): number => {
      const startedAt = performance.now()
      for (let number = 0; number < CALLS; number++) call(number)
      return (performance.now() - startedAt) * 1000 / CALLS
    }
    const calls: Record<string, (number: number) => void> = {
      'progress alone': (number) => void measured.updateProgress(id, number % 100),
      'progress and message': (number) => void measured.updateProgress(id, number % 100, 'Importing rows'),
      'progress, message and seven facts': (number) => void measured.updateProgress(id, number % 100, 'Importing rows', METADATA),
    }
    const rows = Object.entries(calls).map(([name, call]) => [name, median(Array.from({ length: rounds }, () => microseconds(call))).toFixed(3)])
    measured.close()
    return Promise.resolve([
      `Median of ${rounds} times ${CALLS.toLocaleString('en')} calls, of which ${emitted} sent. Target: under 1 µs.`,
      { columns: ['a call with', 'µs'], rows },
    ])
  },
}

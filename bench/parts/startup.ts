/** From `node server/main.ts` to the first answer. */
import { performance } from 'node:perf_hooks'
import type { Part } from '../support/part.ts'
import { BenchServer } from '../support/server.ts'
import { median } from '../support/statistics.ts'

export const startup: Part = {
  name: 'startup',
  title: 'Start of the server',
  measure: async ({ rounds }) => {
    const listening: number[] = []
    const answered: number[] = []
    const peaks: number[] = []
    for (let round = 0; round < rounds; round++) {
      const server = await BenchServer.start()
      const askedAt = performance.now()
      await server.request('GET', '/api/health')
      listening.push(server.startMs)
      answered.push(server.startMs + performance.now() - askedAt)
      peaks.push(server.peakBytes)
      await server.stop()
    }
    return [
      `With a new database. Medians of ${rounds}.`,
      { columns: ['listens after, ms', 'first answer after, ms', 'memory, MB'], rows: [[median(listening).toFixed(0), median(answered).toFixed(0), (median(peaks) / 1e6).toFixed(0)]] },
    ]
  },
}

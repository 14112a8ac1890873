/** Whether several imports at once leave room for everybody else. */
import { dataFile } from '../generate.ts'
import type { Part } from '../support/part.ts'
import { median } from '../support/statistics.ts'
import { importAtOnce, NOTICED, noticed } from './http.ts'

const ROWS = 500_000

const AT_ONCE = [1, 4] as const

export const parallel: Part = {
  name: 'parallel',
  title: 'Imports side by side',
  measure: async ({ folder, rounds, scale }) => {
    const { path, rows } = await dataFile(folder, 'narrow', Math.round(ROWS * scale))
    const table: string[][] = []
    for (const count of AT_ONCE) {
      const runs = []
      for (let round = 0; round < rounds; round++) runs.push(await importAtOnce(Array.from({ length: count }, () => path)))
      const first = median(runs.map((run) => Math.min(...run.map(({ seconds }) => seconds))))
      const last = median(runs.map((run) => Math.max(...run.map(({ seconds }) => seconds))))
      table.push([String(count), first.toFixed(2), last.toFixed(2), Math.round(rows * count / last).toLocaleString('en'), ...noticed(runs.flat())])
    }
    return [
      `Each of ${rows.toLocaleString('en')} narrow rows into a table of its own, uploaded at once. Targets: event loop p99 under 20 ms, health p99 under 30 ms, memory under 250 MB. Medians of ${rounds}.`,
      { columns: ['imports', 'first done, s', 'last done, s', 'rows/s together', ...NOTICED], rows: table },
    ]
  },
}

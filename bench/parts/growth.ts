/** How the cost of an import grows with rows and with columns. */
import { Base, importByCli, type ImportCase } from '../support/import-cases.ts'
import { dataFile, type Shape } from '../generate.ts'
import { HAS_CLI } from '../support/machine.ts'
import type { Part, Plot, Settings } from '../support/part.ts'
import { runModule } from '../support/processes.ts'
import { median } from '../support/statistics.ts'
import type { EngineRun } from '../processes/engine.ts'

const ROWS = [31_250, 125_000, 500_000, 2_000_000] as const

const COLUMNS = [2, 20, 200, 1000] as const

/** Of each file whose columns differ. */
const CELLS = 4_000_000

/** The median of so many is enough for a line. */
const MOST_ROUNDS = 3

export const growth: Part = {
  name: 'growth',
  title: 'Growth of an import with its rows and columns',
  measure: async (settings) => {
    const { scale } = settings
    const byRows: Measured[] = []
    for (const rows of ROWS.map((count) => Math.round(count * scale))) byRows.push(await measure('narrow', rows, settings, rows))
    const byColumns: Measured[] = []
    for (const columns of COLUMNS) byColumns.push(await measure(columns, Math.round(CELLS / columns * scale), settings, columns))
    const plotOf = (name: string, title: string, x: string, measured: readonly Measured[]): Plot => ({
      name, title, x, y: 'seconds', isLogarithmic: true,
      lines: [
        { name: 'HexTrackr', points: measured.map(({ at, seconds }) => [at, seconds]) },
        ...HAS_CLI ? [{ name: 'sqlite3 CLI', points: measured.map(({ at, cliSeconds }): [number, number] => [at, cliSeconds]) }] : [],
      ],
    })
    return [
      `The import itself, of a file on the disk. Medians of ${Math.min(settings.rounds, MOST_ROUNDS)}.`,
      {
        columns: ['file', 'seconds', 'sqlite3 CLI, s', 'peak memory, MB'],
        rows: [...byRows, ...byColumns].map(({ file, seconds, cliSeconds, peakBytes }) =>
          [file, seconds.toFixed(2), cliSeconds.toFixed(2), (peakBytes / 1e6).toFixed(0)]),
      },
      plotOf('rows', 'Import by rows, 5 columns', 'rows', byRows),
      plotOf('columns', `Import by columns, ${(CELLS * scale).toLocaleString('en')} cells`, 'columns', byColumns),
    ]
  },
}

interface Measured {
  file: string
  at: number
  seconds: number
  cliSeconds: number
  peakBytes: number
}

async function measure(shape: Shape, rows: number, { folder, rounds }: Settings, at: number): Promise<Measured> {
  const one: ImportCase = { name: String(shape), file: await dataFile(folder, shape, rows) }
  const base = await Base.make(folder, 'growth')
  const runs: { seconds: number, cliSeconds: number, peakBytes: number }[] = []
  for (let round = 0; round < Math.min(rounds, MOST_ROUNDS); round++) {
    const { answer, peakBytes } = await base.use((run) => runModule<EngineRun>('engine', one.file.path, run))
    runs.push({ seconds: answer.seconds, peakBytes, cliSeconds: HAS_CLI ? (await base.use((run) => importByCli(run, one))).seconds : NaN })
  }
  const of = (read: (run: typeof runs[number]) => number): number => median(runs.map(read))
  return {
    file: typeof shape === 'number' ? `${rows.toLocaleString('en')} rows x ${shape} columns` : `${rows.toLocaleString('en')} rows x 5 columns`,
    at, seconds: of((run) => run.seconds), cliSeconds: of((run) => run.cliSeconds), peakBytes: of((run) => run.peakBytes),
  }
}

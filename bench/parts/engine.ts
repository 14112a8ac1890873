/** How fast rows get from a file on the disk into the database, beside others that do that. */
import { join } from 'node:path'
import { Base, importByCli, importCases, KEY, prepareCliBase, sizeOf, upsertCase, type ImportCase } from '../support/import-cases.ts'
import { HAS_CLI } from '../support/machine.ts'
import type { Part, Settings, Table } from '../support/part.ts'
import { runModule } from '../support/processes.ts'
import { median } from '../support/statistics.ts'
import type { EngineRun } from '../processes/engine.ts'

interface Run {
  seconds: number
  peakBytes: number
}

/** Somebody who imports: what is there before, and the import itself. */
interface Contender {
  name: string
  prepare: (folder: string) => Promise<unknown>
  run: (folder: string) => Promise<Run>
}

export const engine: Part = {
  name: 'engine',
  title: 'Import of a file on the disk',
  measure: async (settings) => {
    const rows: string[][] = []
    for (const one of [...await importCases(settings), await upsertCase(settings)]) rows.push(...await compare(one, settings))
    const table: Table = { columns: ['file', 'by', 'seconds', 'rows/s', 'MB/s', 'peak memory, MB', 'time / CLI'], rows }
    return [
      'HexTrackr: the modules of the server without HTTP, from handing over the staged file to the terminal event, with a type for each column and progress. '
      + '`sqlite3` CLI: `.import --csv` into a database with a write-ahead log, the whole process; for upsert into a second table, and from there by `ON CONFLICT`. '
      + `csv-parse: its stream, one row per \`run()\` of better-sqlite3, 5,000 rows per transaction, the whole process. Medians of ${settings.rounds}, in turns.`,
      table,
    ]
  },
}

async function compare(one: ImportCase, { folder, rounds }: Settings): Promise<string[][]> {
  const contenders = contendersFor(one)
  const bases = new Map<string, Base>()
  for (const { name, prepare } of contenders) bases.set(name, await Base.make(folder, name, one.onto && prepare))
  const runs = new Map<string, Run[]>(contenders.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const { name, run } of contenders) runs.get(name)!.push(await bases.get(name)!.use(run))
  }
  for (const base of bases.values()) await base.remove()
  const secondsOf = (name: string): number => median((runs.get(name) ?? []).map(({ seconds }) => seconds))
  return contenders.map(({ name }) => {
    const seconds = secondsOf(name)
    return [
      `${one.name}: ${sizeOf(one)}`, name, seconds.toFixed(2), Math.round(one.file.rows / seconds).toLocaleString('en'), (one.file.bytes / 1e6 / seconds).toFixed(1),
      (median(runs.get(name)!.map(({ peakBytes }) => peakBytes)) / 1e6).toFixed(0), HAS_CLI ? (seconds / secondsOf(CLI)).toFixed(2) : '',
    ]
  })
}

const CLI = 'sqlite3 CLI'

function contendersFor(one: ImportCase): Contender[] {
  const { file, onto } = one
  const options = JSON.stringify({ table: 't', ...(onto && { mode: 'upsert', key: [KEY] }) })
  return [
    {
      name: 'HexTrackr',
      prepare: (folder) => runModule('engine', onto!.path, folder, JSON.stringify({ table: 't' })),
      run: async (folder) => {
        const { answer, peakBytes } = await runModule<EngineRun>('engine', file.path, folder, options)
        return { seconds: answer.seconds, peakBytes }
      },
    },
    ...HAS_CLI ? [{ name: CLI, prepare: (folder: string) => prepareCliBase(folder, one), run: (folder: string) => importByCli(folder, one) }] : [],
    {
      name: 'csv-parse',
      prepare: (folder) => prepareCliBase(folder, one),
      run: (folder) => runModule('csv-parse-rows', file.path, join(folder, 'cli.db'), ...onto ? [KEY] : []),
    },
  ]
}

/** An import as people meet it: upload, live events, and what others notice meanwhile. */
import { Base, importByCli, importCases, sizeOf } from '../support/import-cases.ts'
import { HAS_CLI } from '../support/machine.ts'
import type { Part } from '../support/part.ts'
import { Companion } from '../support/processes.ts'
import { BenchServer, type Latency } from '../support/server.ts'
import { median } from '../support/statistics.ts'
import type { ClientRun } from '../processes/import-client.ts'

interface HttpRun extends ClientRun {
  peakBytes: number
  loop: Latency
  health: Latency
}

export const http: Part = {
  name: 'http',
  title: 'Import over HTTP, with a Socket.IO client listening',
  measure: async (settings) => {
    const rows: string[][] = []
    for (const one of await importCases(settings)) {
      const base = await Base.make(settings.folder, 'cli')
      const ours: HttpRun[] = []
      const cli: number[] = []
      for (let round = 0; round < settings.rounds; round++) {
        ours.push(...await importAtOnce([one.file.path]))
        if (HAS_CLI) cli.push((await base.use((folder) => importByCli(folder, one))).seconds)
      }
      const seconds = median(ours.map((run) => run.seconds))
      rows.push([
        `${one.name}: ${sizeOf(one)}`, seconds.toFixed(2), Math.round(one.file.rows / seconds).toLocaleString('en'), (one.file.bytes / 1e6 / seconds).toFixed(1),
        ...noticed(ours), HAS_CLI ? median(cli).toFixed(2) : 'not installed', HAS_CLI ? (seconds / median(cli)).toFixed(2) : '',
      ])
    }
    return [
      `From the first byte of the upload to the terminal event at the client. Server, client and what asks for the health are processes of their own. Medians of ${settings.rounds}, in turns with the CLI.`,
      { columns: ['file', 'seconds', 'rows/s', 'MB/s', ...NOTICED, 'sqlite3 CLI, s', 'time / CLI'], rows },
    ]
  },
}

/** What `noticed` tells. */
export const NOTICED = ['peak memory, MB', 'updates/s', 'event loop p50 / p99 / max, ms', 'health p50 / p99 / max, ms']

/** What was noticed of a server in the median of some runs. */
export const noticed = (runs: readonly HttpRun[]): string[] => {
  const of = (read: (run: HttpRun) => number): number => median(runs.map(read))
  const latency = (read: (run: HttpRun) => Latency): string =>
    [of((run) => read(run).p50Ms), of((run) => read(run).p99Ms), of((run) => read(run).maxMs)].map((ms) => ms.toFixed(1)).join(' / ')
  const [memory, updates] = [of((run) => run.peakBytes) / 1e6, of((run) => run.updates / run.seconds)]
  return [memory.toFixed(0), updates.toFixed(1), latency((run) => run.loop), latency((run) => run.health)]
}

/** Import files side by side, each by a client of its own, into a fresh server. */
export async function importAtOnce(paths: readonly string[]): Promise<HttpRun[]> {
  const server = await BenchServer.start()
  try {
    const clients = await Promise.all(paths.map((path) => Companion.start<ClientRun>('import-client', server.url, path)))
    const stopHealth = server.watchHealth()
    const stopLoop = await server.watchLoop()
    const runs = await Promise.all(clients.map((client) => client.run()))
    const [loop, health, { peakBytes }] = [await stopLoop(), await stopHealth(), server]
    return runs.map((run) => ({ ...run, peakBytes, loop, health }))
  } finally {
    await server.stop()
  }
}

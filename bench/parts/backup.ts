/** Backup and restore over HTTP beside the sqlite3 command line tool: its `.backup` and `.restore`, and all the steps that ours take. */
import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import Database from 'better-sqlite3'
import { HAS_CLI } from '../support/machine.ts'
import type { Part } from '../support/part.ts'
import { runCommand } from '../support/processes.ts'
import { BenchServer } from '../support/server.ts'
import { median } from '../support/statistics.ts'

const MEGABYTES = 1000

/** Rows of about 128 bytes, as an import of a narrow file leaves them. */
const ROW_BYTES = 128

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return (performance.now() - startedAt) / 1000
}

const sqlite3 = async (database: string, command: string): Promise<number> => (await runCommand('sqlite3', [database, command])).seconds

/** Seconds that the tool takes for each step. */
const TOOL_STEPS = ['.backup', 'check of the copy', 'check of the backup', '.backup as a safety copy', 'check of it', '.restore', 'check of what is restored'] as const

type ToolTimes = Record<typeof TOOL_STEPS[number], number>

/** Have the tool back up the database at `live`, and restore that, with the steps that HexTrackr takes. */
async function runTool(live: string, copy: string, safety: string): Promise<ToolTimes> {
  for (const path of [copy, safety]) await rm(path, { force: true })
  return {
    '.backup': await sqlite3(live, `.backup ${copy}`),
    'check of the copy': await sqlite3(copy, 'PRAGMA integrity_check'),
    'check of the backup': await sqlite3(copy, 'PRAGMA integrity_check'),
    '.backup as a safety copy': await sqlite3(live, `.backup ${safety}`),
    'check of it': await sqlite3(safety, 'PRAGMA integrity_check'),
    '.restore': await sqlite3(live, `.restore ${copy}`),
    'check of what is restored': await sqlite3(live, 'PRAGMA integrity_check'),
  }
}

function fill(path: string, megabytes: number): void {
  const db = new Database(path, { timeout: 60_000 })
  db.exec('CREATE TABLE measured (id INTEGER, host TEXT, port INTEGER, score REAL, note TEXT)')
  db.prepare(
    `WITH RECURSIVE n (id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM n WHERE id < ?)
     INSERT INTO measured SELECT id, 'host-' || (id % 10000) || '.lan', id % 65536, (id % 100) / 10.0, hex(randomblob(46)) FROM n`,
  ).run(Math.round(megabytes * 1e6 / ROW_BYTES))
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()
}

export const backup: Part = {
  name: 'backup',
  title: 'Backup and restore',
  measure: async ({ folder, rounds, scale }) => {
    const megabytes = Math.round(MEGABYTES * scale)
    const server = await BenchServer.start()
    const [live, copy, safety] = ['live', 'copy', 'safety'].map((name) => join(folder, `tool-${name}.db`)) as [string, string, string]
    /** Begin an operation and wait for its end. */
    const operate = async <Answer extends { sessionId: string }>(path: string): Promise<Answer> => {
      const answer = await server.request<Answer>('POST', path)
      await server.ended(answer.sessionId)
      return answer
    }
    try {
      fill(server.databasePath, megabytes)
      if (HAS_CLI) {
        await copyFile(server.databasePath, live)
        // The same kind of database: it is written by way of a log.
        await sqlite3(live, 'PRAGMA journal_mode = WAL')
      }
      const stopHealth = server.watchHealth()
      const readMemory = server.watchMemory()
      const times = { backup: [] as number[], restore: [] as number[] }
      const tool: ToolTimes[] = []
      for (let round = 0; round < rounds; round++) {
        let name = ''
        times.backup.push(await secondsOf(async () => (name = (await operate<{ sessionId: string, name: string }>('/api/backups')).name)))
        times.restore.push(await secondsOf(() => operate(`/api/backups/${name}/restore`)))
        for (const kept of await server.request<{ name: string }[]>('GET', '/api/backups')) await server.request('DELETE', `/api/backups/${kept.name}`)
        if (HAS_CLI) tool.push(await runTool(live, copy, safety))
      }
      const health = await stopHealth()
      const step = (...names: (keyof ToolTimes)[]): number => median(tool.map((steps) => names.reduce((sum, name) => sum + steps[name], 0)))
      const compared = (name: string, seconds: number, bare: number, same: number): string[] =>
        [name, seconds.toFixed(2), bare.toFixed(2), (seconds / bare).toFixed(2), same.toFixed(2), (seconds / same).toFixed(2)]
      return [
        `Of a database of ${megabytes} MB, checked and synced. Medians of ${rounds}, in turns with the CLI, which works on a copy of the database.`,
        {
          columns: ['over HTTP', 'seconds', 'CLI, bare', 'ratio', 'CLI, same steps', 'ratio'],
          rows: [
            compared('backup', median(times.backup), step('.backup'), step('.backup', 'check of the copy')),
            compared('restore', median(times.restore), step('.restore'), step(...TOOL_STEPS.slice(2))),
          ],
        },
        'Bare are `.backup` and `.restore`. The same steps are `.backup` and `PRAGMA integrity_check` of the copy; for a restore such a check of the backup, '
        + '`.backup` as a safety copy, its check, `.restore`, and a check of what is there then.',
        { columns: ['step of the CLI', 'seconds'], rows: TOOL_STEPS.map((name) => [name, step(name).toFixed(2)]) },
        `Peak memory of the server with its processes ${(readMemory() / 1e6).toFixed(0)} MB; health p50 / p99 / max ${[health.p50Ms, health.p99Ms, health.maxMs].map((ms) => ms.toFixed(1)).join(' / ')} ms.`,
      ]
    } finally {
      await server.stop()
      for (const path of [live, copy, safety]) await rm(path, { force: true })
    }
  },
}

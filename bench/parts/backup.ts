/** Backup and restore over HTTP beside `.backup` of the sqlite3 command line tool and its integrity check of the copy. */
import { rm } from 'node:fs/promises'
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
    const copy = join(folder, 'tool.db')
    /** Begin an operation and wait for its end. */
    const operate = async <Answer extends { sessionId: string }>(path: string): Promise<Answer> => {
      const answer = await server.request<Answer>('POST', path)
      await server.ended(answer.sessionId)
      return answer
    }
    try {
      fill(server.databasePath, megabytes)
      const stopHealth = server.watchHealth()
      const times = { backup: [] as number[], restore: [] as number[], tool: [] as number[], check: [] as number[] }
      for (let round = 0; round < rounds; round++) {
        let name = ''
        times.backup.push(await secondsOf(async () => (name = (await operate<{ sessionId: string, name: string }>('/api/backups')).name)))
        if (HAS_CLI) {
          await rm(copy, { force: true })
          times.tool.push((await runCommand('sqlite3', [server.databasePath, `.backup ${copy}`])).seconds)
          times.check.push((await runCommand('sqlite3', [copy, 'PRAGMA integrity_check'])).seconds)
        }
        times.restore.push(await secondsOf(() => operate(`/api/backups/${name}/restore`)))
        for (const kept of await server.request<{ name: string }[]>('GET', '/api/backups')) await server.request('DELETE', `/api/backups/${kept.name}`)
      }
      const health = await stopHealth()
      const [taken, restored, tool, check] = [times.backup, times.restore, times.tool, times.check].map(median) as [number, number, number, number]
      return [
        `Of a database of ${megabytes} MB, checked and synced. Medians of ${rounds}, in turns with the CLI.`,
        {
          columns: ['', 'seconds', 'time / CLI .backup', 'time / .backup and integrity_check'],
          rows: [
            ['backup over HTTP', taken.toFixed(2), (taken / tool).toFixed(2), (taken / (tool + check)).toFixed(2)],
            ['restore over HTTP', restored.toFixed(2), (restored / tool).toFixed(2), (restored / (tool + check)).toFixed(2)],
            ['sqlite3 CLI .backup', tool.toFixed(2), '1.00', ''],
            ['sqlite3 CLI integrity_check', check.toFixed(2), '', ''],
          ],
        },
        `Peak memory ${(server.peakBytes / 1e6).toFixed(0)} MB; health p50 / p99 / max ${[health.p50Ms, health.p99Ms, health.maxMs].map((ms) => ms.toFixed(1)).join(' / ')} ms.`,
      ]
    } finally {
      await server.stop()
      await rm(copy, { force: true })
    }
  },
}

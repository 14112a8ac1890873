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

/** Seconds that the tool takes for each step of a backup, and of a restore like ours. */
const BACKUP_STEPS = ['.backup', 'check of the copy'] as const
const RESTORE_STEPS = ['check of the backup', '.backup as a safety copy', 'check of it', '.restore', 'check of what is restored'] as const

type BackupTimes = Record<typeof BACKUP_STEPS[number], number>
type RestoreTimes = Record<typeof RESTORE_STEPS[number], number>

/** Of all that these steps take together. */
const medianOf = <Step extends string>(times: readonly Record<Step, number>[], ...steps: readonly Step[]): number =>
  median(times.map((seconds) => steps.reduce((sum, step) => sum + seconds[step], 0)))

/** Have the tool back up a database. The copy is removed. */
async function backUpByTool(database: string, copy: string): Promise<BackupTimes> {
  const times = { '.backup': await sqlite3(database, `.backup ${copy}`), 'check of the copy': await sqlite3(copy, 'PRAGMA integrity_check') }
  await rm(copy)
  return times
}

/** Have the tool restore a copy, with the steps that HexTrackr takes. */
async function restoreByTool(database: string, copy: string, safety: string): Promise<RestoreTimes> {
  const times = {
    'check of the backup': await sqlite3(copy, 'PRAGMA integrity_check'),
    '.backup as a safety copy': await sqlite3(database, `.backup ${safety}`),
    'check of it': await sqlite3(safety, 'PRAGMA integrity_check'),
    '.restore': await sqlite3(database, `.restore ${copy}`),
    'check of what is restored': await sqlite3(database, 'PRAGMA integrity_check'),
  }
  await rm(safety)
  return times
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
        await copyFile(server.databasePath, copy)
        // The same kind of database: it is written by way of a log.
        await sqlite3(live, 'PRAGMA journal_mode = WAL')
      }
      const stopHealth = server.watchHealth()
      const readMemory = server.watchMemory()
      const times = { backup: [] as number[], restore: [] as number[] }
      const tool = { backup: [] as BackupTimes[], restore: [] as RestoreTimes[] }
      const backUp = async (): Promise<string> => (await operate<{ sessionId: string, name: string }>('/api/backups')).name
      const removeBackups = async (): Promise<void> => {
        for (const { name } of await server.request<{ name: string }[]>('GET', '/api/backups')) await server.request('DELETE', `/api/backups/${name}`)
      }
      // Who comes first has the pages of memory that the other one has just let go, or has not; so that changes with each round.
      for (let round = 0; round < rounds; round++) {
        const turns = [
          async () => {
            times.backup.push(await secondsOf(backUp))
            await removeBackups()
          },
          async () => {
            if (HAS_CLI) tool.backup.push(await backUpByTool(server.databasePath, safety))
          },
        ]
        for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn()
      }
      for (let round = 0; round < rounds; round++) {
        const name = await backUp()
        times.restore.push(await secondsOf(() => operate(`/api/backups/${name}/restore`)))
        await removeBackups()
        if (HAS_CLI) tool.restore.push(await restoreByTool(live, copy, safety))
      }
      const health = await stopHealth()
      const compared = (name: string, seconds: number, bare: number, same: number): string[] =>
        [name, seconds.toFixed(2), bare.toFixed(2), (seconds / bare).toFixed(2), same.toFixed(2), (seconds / same).toFixed(2)]
      return [
        `Of a database of ${megabytes} MB, checked and synced. Medians of ${rounds}, in turns with the CLI, which backs up the same database and restores a copy of it.`,
        {
          columns: ['over HTTP', 'seconds', 'CLI, bare', 'ratio', 'CLI, same steps', 'ratio'],
          rows: [
            compared('backup', median(times.backup), medianOf(tool.backup, '.backup'), medianOf(tool.backup, ...BACKUP_STEPS)),
            compared('restore', median(times.restore), medianOf(tool.restore, '.restore'), medianOf(tool.restore, ...RESTORE_STEPS)),
          ],
        },
        'Bare are `.backup` and `.restore`. The same steps are `.backup` and `PRAGMA integrity_check` of the copy; for a restore such a check of the backup, '
        + '`.backup` as a safety copy, its check, `.restore`, and a check of what is there then.',
        { columns: ['step of the CLI', 'seconds'], rows: [...BACKUP_STEPS.map((step) => [step, medianOf(tool.backup, step).toFixed(2)]), ...RESTORE_STEPS.map((step) => [step, medianOf(tool.restore, step).toFixed(2)])] },
        `Peak memory of the server with its processes ${(readMemory() / 1e6).toFixed(0)} MB; health p50 / p99 / max ${[health.p50Ms, health.p99Ms, health.maxMs].map((ms) => ms.toFixed(1)).join(' / ')} ms.`,
      ]
    } finally {
      await server.stop()
      for (const path of [live, copy, safety]) await rm(path, { force: true })
    }
  },
}

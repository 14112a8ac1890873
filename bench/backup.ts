/**
 * Measures backup and restore over HTTP beside `sqlite3 db ".backup x"` (and its integrity_check of the copy), in turns.
 * usage: node bench/backup.ts [megabytes of the database] [rounds]
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import type { ProgressSnapshot } from '../server/protocol.ts'
import { median, peakMemory, percentile, startServer, watchHealth } from './measure-http.ts'

const [megabytes = '1000', rounds = '3'] = process.argv.slice(2)

/** Rows of about 128 bytes, as an import of a narrow file leaves them. */
const ROW_BYTES = 128

const POLL_MS = 5

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return (performance.now() - startedAt) / 1000
}

const folder = await mkdtemp(join(tmpdir(), 'hextrackr-bench-'))
const server = await startServer(join(folder, 'data'))
const databasePath = join(folder, 'data', 'hextrackr.db')

/** Begin an operation and wait for its end. @returns its answer */
async function operate<Answer extends { sessionId: string }>(path: string): Promise<Answer> {
  const answer = await (await fetch(server.url + path, { method: 'POST' })).json() as Answer
  for (;;) {
    const { status, error } = await (await fetch(`${server.url}/api/progress/${answer.sessionId}`)).json() as ProgressSnapshot
    if (status === 'completed') return answer
    if (error) throw new Error(`${error.code}: ${error.detail}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

try {
  const db = new Database(databasePath, { timeout: 60_000 })
  db.exec('CREATE TABLE measured (id INTEGER, host TEXT, port INTEGER, score REAL, note TEXT)')
  db.prepare(
    `WITH RECURSIVE n (id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM n WHERE id < ?)
     INSERT INTO measured SELECT id, 'host-' || (id % 10000) || '.lan', id % 65536, (id % 100) / 10.0, hex(randomblob(46)) FROM n`,
  ).run(Math.round(Number(megabytes) * 1e6 / ROW_BYTES))
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()

  const health = watchHealth(server.url)
  const times = { 'backup over HTTP': [] as number[], 'restore over HTTP': [] as number[], 'sqlite3 .backup': [] as number[], 'sqlite3 integrity_check': [] as number[] }
  const copy = join(folder, 'tool.db')
  for (let round = 0; round < Number(rounds); round++) {
    let name = ''
    times['backup over HTTP'].push(await seconds(async () => (name = (await operate<{ sessionId: string, name: string }>('/api/backups')).name)))
    await rm(copy, { force: true })
    times['sqlite3 .backup'].push(await seconds(() => promisify(execFile)('sqlite3', [databasePath, `.backup ${copy}`])))
    times['sqlite3 integrity_check'].push(await seconds(() => promisify(execFile)('sqlite3', [copy, 'PRAGMA integrity_check'])))
    times['restore over HTTP'].push(await seconds(() => operate(`/api/backups/${name}/restore`)))
    for (const { name: kept } of await (await fetch(`${server.url}/api/backups`)).json() as { name: string }[]) {
      await fetch(`${server.url}/api/backups/${kept}`, { method: 'DELETE' })
    }
  }
  const latencies = await health.stop()
  const [backup, tool, check] = [times['backup over HTTP'], times['sqlite3 .backup'], times['sqlite3 integrity_check']].map(median) as [number, number, number]
  console.log(`backup and restore of ${megabytes} MB, median of ${rounds}`)
  console.table({
    ...Object.fromEntries(Object.entries(times).map(([what, taken]) => [`${what}, s`, median(taken).toFixed(2)])),
    'backup / sqlite3 .backup': (backup / tool).toFixed(2),
    'backup / .backup and integrity_check': (backup / (tool + check)).toFixed(2),
    'restore / sqlite3 .backup': (median(times['restore over HTTP']) / tool).toFixed(2),
    'peak memory, MB': ((peakMemory(server.pid) ?? NaN) / 1e6).toFixed(0),
    'health p50 / p99 / max, ms': [percentile(latencies, 0.5), percentile(latencies, 0.99), latencies.at(-1) ?? NaN].map((ms) => ms.toFixed(1)).join(' / '),
  })
} finally {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
}

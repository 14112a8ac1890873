/**
 * Measures imports over HTTP beside the sqlite3 command line tool, in turns, each in a process of its own.
 * usage: npm run bench -- [rows of the narrow file] [rows of the wide file] [rounds]
 */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { promisify } from 'node:util'
import { generate, type Shape } from './generate.ts'
import { median, type HttpMeasurement } from './measure-http.ts'

const [narrowRows = '2000000', wideRows = '400000', rounds = '5'] = process.argv.slice(2)
const folder = join(tmpdir(), 'hextrackr-bench')

const hasCli = spawnSync('sqlite3', ['--version']).status === 0

/** Seconds that `sqlite3 db ".import --csv file t"` takes into a new database with a write-ahead log. */
async function measureCli(path: string): Promise<number> {
  const db = join(folder, 'cli.db')
  for (const suffix of ['', '-wal', '-shm']) await rm(db + suffix, { force: true })
  const startedAt = performance.now()
  await promisify(execFile)('sqlite3', [db, 'PRAGMA journal_mode=WAL', `.import --csv ${path} t`])
  return (performance.now() - startedAt) / 1000
}

async function measureOurs(path: string): Promise<HttpMeasurement> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'measure-http.ts'), path])
  return JSON.parse(stdout) as HttpMeasurement
}

await mkdir(folder, { recursive: true })
console.log(`${cpus()[0]!.model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}\n`)
for (const [shape, rows] of [['narrow', Number(narrowRows)], ['wide', Number(wideRows)]] as [Shape, number][]) {
  const path = join(folder, `${shape}-${rows}.csv`)
  if (!existsSync(path)) await generate(path, shape, rows)
  const ours: HttpMeasurement[] = []
  const cli: number[] = []
  for (let round = 0; round < Number(rounds); round++) {
    ours.push(await measureOurs(path))
    if (hasCli) cli.push(await measureCli(path))
  }
  const of = (read: (measurement: HttpMeasurement) => number): number => median(ours.map(read))
  const seconds = of((one) => one.seconds)
  const row = {
    'seconds over HTTP': seconds.toFixed(2),
    'rows/s': Math.round(ours[0]!.rows / seconds).toLocaleString('en'),
    'MB/s': (ours[0]!.bytes / 1e6 / seconds).toFixed(1),
    'peak memory, MB': (of((one) => one.peakBytes ?? NaN) / 1e6).toFixed(0),
    'updates/s': of((one) => one.updatesPerSecond).toFixed(1),
    'health p50, ms': of((one) => one.healthP50Ms).toFixed(1),
    'health p99, ms': of((one) => one.healthP99Ms).toFixed(1),
    'sqlite3 CLI, s': hasCli ? median(cli).toFixed(2) : 'not installed',
    'ratio to it': hasCli ? (seconds / median(cli)).toFixed(2) : '',
  }
  console.log(`${shape}: ${ours[0]!.rows.toLocaleString('en')} rows, ${(ours[0]!.bytes / 1e6).toFixed(1)} MB, median of ${rounds}`)
  console.table(row)
}

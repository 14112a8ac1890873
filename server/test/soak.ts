/**
 * `npm run soak -- [minutes] [seed] [report]`: everything at random, for as long as one likes (30 minutes). For two thirds of
 * the time servers are killed and stopped as well; then one of them has to live through the rest, to be measured. Ends with
 * 1 where anything was lost, or an answer was given that no server may give.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { seeded } from './fuzz.ts'
import { Havoc, tally, type Disturbance } from './havoc.ts'

const ROOT = join(import.meta.dirname, '../..')

const minutes = Number(process.argv[2] ?? 30)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
const reportPath = join(ROOT, process.argv[4] ?? 'docs/soak-report.md')

/** Part of the time in which servers die. */
const ROUGH_PART = 2 / 3

/** Until threads without work have ended, and connections without requests: those are kept, not leaked. */
const QUIET_MS = 45_000

/** Steps that a new server takes before it is measured: what is opened or compiled once is by then. */
const WARM_UP_STEPS = 40

/** Until something that reads must have been answered, however busy the machine is. */
const MOST_WAITING_MS = 180_000

const MIB = 2 ** 20

const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms).unref())

/** What asks and reads all the while, and what it was answered. */
class Readers {
  readonly counts: Record<string, number> = {}
  /** Answers that no server may give. */
  readonly failures: string[] = []
  readonly #havoc: Havoc
  readonly #random = seeded(seed + 1)
  readonly #running: Promise<void>[]
  #isPaused = false
  #isStopped = false
  #active = 0

  constructor(havoc: Havoc) {
    this.#havoc = havoc
    this.#running = [() => this.#page(), () => this.#export(), () => this.#query(), () => this.#rooms()].map((ask) => this.#loop(ask))
  }

  /** @returns when nobody asks any more */
  async pause(): Promise<void> {
    this.#isPaused = true
    while (this.#active > 0) await sleep(20)
  }

  resume(): void {
    this.#isPaused = false
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#running)
  }

  async #loop(ask: () => Promise<void>): Promise<void> {
    while (!this.#isStopped) {
      if (!this.#isPaused) {
        this.#active++
        // A server that has just been killed does not answer.
        const answered = ask().catch(() => this.#count('not answered, since the server was gone'))
        if (!await Promise.race([answered.then(() => true), sleep(MOST_WAITING_MS).then(() => false)])) this.failures.push('no answer for minutes')
        this.#active--
      }
      await sleep(50 + this.#random() * 200)
    }
  }

  #count(what: string): void {
    tally(this.counts, what)
  }

  #judge(what: string, status: number, body: unknown): void {
    this.#count(what)
    // A table may be gone; a stopping server may say so.
    if (status >= 500 && status !== 503) this.failures.push(`${what}: ${status} ${JSON.stringify(body).slice(0, 300)}`)
  }

  async #page(): Promise<void> {
    const table = this.#havoc.someTable(this.#random)
    if (!table) return
    const offset = Math.floor(this.#random() * table.rows.length)
    const query = this.#random() < 0.5 ? `?limit=50&offset=${offset}&sort=-text` : `?q=${encodeURIComponent('of 7')}&limit=20`
    const { status, body } = await this.#havoc.server.get(`/api/tables/${table.name}/rows${query}`)
    this.#judge('pages of rows', status, body)
  }

  async #export(): Promise<void> {
    const table = this.#havoc.someTable(this.#random)
    if (!table) return
    const gone = new AbortController()
    const response = await fetch(`${this.#havoc.server.url}/api/tables/${table.name}/export`, { signal: gone.signal })
    if (this.#random() < 0.3) {
      gone.abort()
      this.#count('exports, given up')
    } else {
      this.#judge('exports', response.status, await response.text())
    }
  }

  async #query(): Promise<void> {
    if (this.#random() < 0.7) return
    const { status, body } = await this.#havoc.server.send('POST', '/api/query', { sql: 'SELECT count(*) FROM _hextrackr_imports a, _hextrackr_imports b' })
    this.#judge('SQL queries', status, body)
  }

  async #rooms(): Promise<void> {
    const { socket } = await this.#havoc.server.connect()
    for (let round = 0; round < 5; round++) {
      const id = crypto.randomUUID()
      socket.emit('join-progress', id)
      socket.emit('leave-progress', id)
    }
    socket.disconnect()
    this.#count('sockets')
  }
}

interface Sample {
  atMs: number
  rssBytes: number
  descriptors: number
}

/** What the system says of a process; undefined where it is not Linux. */
function sample(pid: number, startedAt: number): Sample | undefined {
  try {
    const rssKib = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1])
    return { atMs: performance.now() - startedAt, rssBytes: rssKib * 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length }
  } catch {
    return undefined
  }
}

/** Of the line through the samples with the least squares, MiB an hour. */
function slope(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number): number => samples.reduce((sum, each) => sum + of(each), 0) / samples.length
  const [t, m] = [mean(({ atMs }) => atMs), mean(({ rssBytes }) => rssBytes)]
  const covariance = samples.reduce((sum, { atMs, rssBytes }) => sum + (atMs - t) * (rssBytes - m), 0)
  const variance = samples.reduce((sum, { atMs }) => sum + (atMs - t) ** 2, 0)
  return variance === 0 ? 0 : covariance / variance * 3600_000 / MIB
}

function disturbance(havoc: Havoc, mayDie: boolean): Disturbance {
  const die = havoc.random()
  const afterMs = havoc.below(400)
  if (die < 0.5) return { kind: 'none' }
  if (die < 0.6) return { kind: 'cancel', afterMs }
  if (die < 0.7) return { kind: 'cut', afterMs }
  // Shorter and longer than the busy timeout.
  if (die < 0.78) return { kind: 'lock', afterMs: afterMs < 200 ? afterMs : 3 * afterMs }
  if (!mayDie) return { kind: 'none' }
  if (die < 0.84) return { kind: 'stop', afterMs }
  return { kind: 'death', part: havoc.random(), isLate: die < 0.92 }
}

interface Measured {
  before: Sample
  after: Sample
  samples: Sample[]
}

/** Take steps until the time is up. @returns what one server took while it lived, where the system tells */
async function soak(havoc: Havoc, readers: Readers): Promise<Measured | undefined> {
  const startedAt = performance.now()
  const endAt = startedAt + minutes * 60_000
  await havoc.start()
  while (performance.now() < startedAt + (endAt - startedAt) * ROUGH_PART) await havoc.step(disturbance(havoc, true))

  for (let step = 0; step < WARM_UP_STEPS; step++) await havoc.step(disturbance(havoc, false))
  const pid = havoc.server.process.pid!
  const quiet = async (): Promise<Sample | undefined> => {
    await readers.pause()
    await sleep(QUIET_MS)
    const seen = sample(pid, startedAt)
    readers.resume()
    return seen
  }
  const before = await quiet()
  const samples: Sample[] = []
  do {
    await havoc.step(disturbance(havoc, false))
    const seen = sample(pid, startedAt)
    if (seen) samples.push(seen)
  } while (performance.now() < endAt)
  const after = await quiet()
  return before && after ? { before, after, samples } : undefined
}

const commit = (): string => {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}

const grouped = (value: number): string => Math.round(value).toLocaleString('en')

function report(havoc: Havoc, readers: Readers, measured: Measured | undefined, failure: string | undefined): string {
  const steps = Object.entries(havoc.counts).filter(([what]) => !what.includes(','))
  const faults = Object.entries(havoc.faults)
  const sum = (entries: [string, number][]): number => entries.reduce((total, [, count]) => total + count, 0)
  const rows = (entries: [string, number][]): string => entries.sort(([a], [b]) => a < b ? -1 : 1).map(([what, count]) => `| ${what} | ${grouped(count)} |`).join('\n')
  const leaked = measured && Math.max(0, measured.after.descriptors - measured.before.descriptors)
  const memory = measured && [
    `| memory slope | ${slope(measured.samples).toFixed(1)} MiB an hour, over ${((measured.samples.at(-1)!.atMs - measured.samples[0]!.atMs) / 60_000).toFixed(0)} minutes of one server at work |`,
    `| memory at rest, before and after those | ${grouped(measured.before.rssBytes / MIB)} MiB, ${grouped(measured.after.rssBytes / MIB)} MiB |`,
    `| descriptors leaked | ${leaked} (${measured.before.descriptors} at rest before, ${measured.after.descriptors} after) |`,
  ].join('\n')
  return `# Soak report

Written by \`npm run soak -- ${minutes} ${seed}\` on ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, at commit ${commit()}, on
${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${grouped(totalmem() / 2 ** 30)} GiB, ${process.platform} ${release()}, Node ${process.versions.node}.

| | |
|---|---|
| operations | ${grouped(sum(steps))} that change something, ${grouped(sum(Object.entries(readers.counts)))} that read beside them |
| faults injected | ${grouped(sum(faults))} |
| data lost | ${failure === undefined ? '0' : failure} |
| answers that no server may give | ${readers.failures.length} |
${memory ?? '| memory, descriptors | not told by this system |'}

After each operation the database passed \`integrity_check\`, every table held exactly the rows that a model of it said, what the
server told of the operation was true of them, and neither a staging table nor a file without a record was left.

| operation | times |
|---|---|
${rows(steps)}
${rows(Object.entries(readers.counts))}

| fault | times |
|---|---|
${rows(faults)}
${readers.failures.slice(0, 20).map((each) => `\n    ${each}`).join('')}`
}

console.log({ seed, minutes })
const cleanUps: (() => unknown)[] = []
const havoc = new Havoc({ after: (cleanUp) => void cleanUps.unshift(cleanUp) }, { seed, maxRows: 4000, env: { BUSY_TIMEOUT_MS: '300', LOG_LEVEL: 'error' } })
const readers = new Readers(havoc)
let failure: string | undefined
let measured: Measured | undefined
try {
  measured = await soak(havoc, readers)
} catch (error) {
  failure = `after ${Object.values(havoc.counts).reduce((total, count) => total + count, 0)} steps: ${(error as Error).message}`
  console.error(error)
}
await readers.stop()
const text = report(havoc, readers, measured, failure)
writeFileSync(reportPath, `${text.trimEnd()}\n`)
console.log(text)
for (const cleanUp of cleanUps) await cleanUp()
const hasLeaked = measured !== undefined && measured.after.descriptors > measured.before.descriptors
process.exitCode = failure !== undefined || readers.failures.length > 0 || hasLeaked ? 1 : 0

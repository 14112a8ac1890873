/**
 * Random work on a server, from a seed, with a model beside it that knows what every table must hold; and what goes wrong
 * meanwhile: kills, stops, cancels, uploads that are cut off, locks of other programs. After each step the outcome that
 * the server tells must be true of what is in the database.
 */
import { once } from 'node:events'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import Database from 'better-sqlite3'
import type { BackupInfo, ImportMode, ImportRecord, ProgressSnapshot } from '../protocol.ts'
import { startBackup, startRestore } from './backup-support.ts'
import { seeded } from './fuzz.ts'
import { setDeath, startMortal } from './killer.ts'
import { folderFaults, readContent, type Content } from './soundness.ts'
import { newSessionId, temporaryFolder, type Scope, type TestServer } from './support.ts'

type Row = readonly [id: number, text: string]

/** An import that can be taken back, and what the table was before it; undefined where it was not. */
interface Undoable {
  sessionId: string
  before: readonly Row[] | undefined
}

/** What the database must hold. */
interface State {
  tables: ReadonlyMap<string, readonly Row[]>
  undoable: ReadonlyMap<string, readonly Undoable[]>
}

/** Something that is done, whole or not at all. */
interface Step {
  what: string
  after: State
  /** Do it, to its end. Rejects where the server dies meanwhile. */
  run: () => Promise<void>
  /** Whether the server says that it was done. @throws where what it says is not an outcome that can be */
  isDone: () => Promise<boolean>
  /** Remember what later steps need. */
  settle: (isDone: boolean) => Promise<void>
}

/** An import that was interrupted, whose file is still there. */
interface Resumable {
  sessionId: string
  table: string
  mode: ImportMode
  rows: readonly Row[]
}

/** What goes wrong during a step. */
export type Disturbance =
  | { kind: 'none' }
  /** Killed after this part of the points that such a step passes; `isLate` as of Death. */
  | { kind: 'death', part: number, isLate: boolean }
  | { kind: 'stop' | 'cancel' | 'cut' | 'lock', afterMs: number }

/** How an import may end that was disturbed so. */
const CODES: Record<Disturbance['kind'], readonly string[]> = {
  none: [], death: ['INTERRUPTED'], stop: ['INTERRUPTED'], cancel: ['CANCELLED'], cut: ['UPLOAD_LOST'], lock: ['SQLITE_BUSY'],
}

/** What each is called where faults are counted. */
const FAULTS: Record<Exclude<Disturbance['kind'], 'none'>, string> = {
  death: 'kill -9', stop: 'SIGTERM', cancel: 'cancel', cut: 'upload cut off', lock: 'lock of another program',
}

/** Until a server that no longer answers must be gone. */
const MOST_DYING_MS = 60_000

/** Until it is known how many points a step of a kind passes. */
const FIRST_POINTS = 30

/** Of a start that has something to set right. */
const MOST_START_POINTS = 60

const MOST_TABLES = 5
const MOST_BACKUPS = 3

/** A table with more is not added to. */
const MOST_ROWS = 40_000

/** Every how-manieth row has a field too many, and is rejected. */
const ROWS_PER_REJECT = 1000

const quoted = (text: string): string => /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text

const isRejected = (index: number): boolean => index % ROWS_PER_REJECT === 7

const lineOf = ([id, text]: Row, index: number): string => `${id},${quoted(text)}${isRejected(index) ? ',more' : ''}\n`

const csvOf = (rows: readonly Row[]): string => `id,text\n${rows.map(lineOf).join('')}`

const accepted = (rows: readonly Row[]): Row[] => rows.filter((_, index) => !isRejected(index))

export interface HavocOptions {
  seed: number
  env?: Record<string, string>
  /** Most rows of an import. */
  maxRows: number
}

export class Havoc {
  server!: TestServer
  /** How often each kind of step was taken; after a comma, what became of some of them. */
  readonly counts: Record<string, number> = {}
  /** How often each kind of fault was met. */
  readonly faults: Record<string, number> = {}
  readonly random: () => number
  readonly #scope: Scope
  readonly #folder: string
  readonly #dataDir: string
  readonly #options: HavocOptions
  #state: State = { tables: new Map(), undoable: new Map() }
  #backups: { name: string, state: State }[] = []
  #resumable: Resumable[] = []
  #made = 0
  #gone!: Promise<true>
  /** Points that the last step of a kind passed. */
  readonly #points: Record<string, number> = {}
  #disturbance: Disturbance = { kind: 'none' }

  constructor(scope: Scope, options: HavocOptions) {
    this.#scope = scope
    this.#options = options
    this.#folder = temporaryFolder(scope)
    this.#dataDir = temporaryFolder(scope)
    this.random = seeded(options.seed)
  }

  /** Start the server, or start it again. @param points after which it is killed as it starts, and started once more */
  async start(points?: number): Promise<void> {
    const given = { dataDir: this.#dataDir, env: this.#options.env ?? {} }
    if (points !== undefined) {
      const died = await startMortal(this.#scope, this.#folder, { ...given, death: { points, isLate: false } })
        .then((server) => server.kill().then(() => false), () => true)
      if (died) this.#count('start, killed')
    }
    const server = await startMortal(this.#scope, this.#folder, given)
    this.server = server
    this.#gone = once(server.process, 'exit').then(() => true)
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  /** Take one step, disturbed or not, and hold the server to its word. @throws Error saying what is wrong */
  async step(disturbance: Disturbance = { kind: 'none' }): Promise<{ what: string, died: boolean }> {
    this.#disturbance = disturbance
    const step = this.#choose()
    const before = this.#state
    const died = await this.#run(step)
    this.#count(step.what)
    const isMortal = disturbance.kind === 'death' || disturbance.kind === 'stop'
    if (disturbance.kind !== 'none' && (died || !isMortal)) tally(this.faults, FAULTS[disturbance.kind])
    if (died) this.#count(`${step.what}, killed`)
    if (died) await this.start(disturbance.kind === 'death' && this.below(6) === 0 ? 1 + this.below(MOST_START_POINTS) : undefined)

    const isDone = await step.isDone()
    if (disturbance.kind !== 'none' && !isDone) this.#count(`${step.what}, not done for ${disturbance.kind}`)
    this.#state = isDone ? step.after : before
    await this.check(died)
    await step.settle(isDone)
    return { what: step.what, died }
  }

  /**
   * The whole data folder must be sound, and every table exactly as the model has it.
   * @param atOnce not even a moment is given for clearing up
   * @throws Error
   */
  async check(atOnce: boolean): Promise<void> {
    for (let triesLeft = atOnce ? 1 : 500; ; triesLeft--) {
      const faults = await folderFaults(this.server)
      if (faults.length === 0) break
      if (triesLeft <= 1) throw new Error(faults.join('; '))
      await sleep(20)
    }
    const db = new Database(this.server.databasePath, { readonly: true })
    const found = readContent(db)
    db.close()
    if (!isDeepStrictEqual(found, contentOf(this.#state))) throw new Error(`the tables are not as they must be: ${difference(found, contentOf(this.#state))}`)
  }

  /**
   * A table of the model, if there is any.
   * @param random whoever reads beside the steps has one of its own, so that the steps do not depend on it
   */
  someTable(random = this.random): { name: string, rows: readonly Row[] } | undefined {
    const tables = [...this.#state.tables]
    const found = tables[Math.floor(random() * tables.length)]
    return found && { name: found[0], rows: found[1] }
  }

  #count(what: string): void {
    tally(this.counts, what)
  }

  #pick<T>(choices: readonly T[]): T | undefined {
    return choices[this.below(choices.length)]
  }

  /** @returns whether the server died of it */
  async #run(step: Step): Promise<boolean> {
    const { server } = this
    const disturbance = this.#disturbance
    const gone = this.#gone
    const points = disturbance.kind === 'death' ? 1 + Math.floor(disturbance.part * (this.#points[step.what] ?? FIRST_POINTS)) : 0
    if (disturbance.kind === 'death') await setDeath(server, { points, isLate: disturbance.isLate })
    let timer: NodeJS.Timeout | undefined
    const sent = { stop: false }
    if (disturbance.kind === 'stop') {
      timer = setTimeout(() => {
        sent.stop = true
        server.process.kill('SIGTERM')
      }, disturbance.afterMs)
    }
    const ran = step.run().then(() => false, async (error: unknown) => {
      // No answer at all, or one that says that the server is stopping.
      if (!(error instanceof TypeError) && !sent.stop) throw error
      return Promise.race([gone, sleep(MOST_DYING_MS, undefined, { ref: false }).then(() => Promise.reject(error as Error))])
    })
    const died = await Promise.race([gone, ran])
    clearTimeout(timer)
    if (sent.stop) return gone
    if (died || disturbance.kind !== 'death') return died
    const passed = setDeath(server, { points: 0, isLate: false }).then((left) => void (this.#points[step.what] = points - left))
    return Promise.race([gone, passed.then(() => false)])
  }

  #choose(): Step {
    const { tables, undoable } = this.#state
    const table = this.someTable()
    const undoTable = this.#pick([...undoable.keys()])
    const backup = this.#pick(this.#backups.filter(({ state }) => state !== this.#state))
    const resumable = this.#pick(this.#resumable.filter(({ mode, table: name }) => mode === 'create' || mode === 'replace' || tables.has(name)))
    const choices: (() => Step)[] = []
    if (tables.size < MOST_TABLES) choices.push(() => this.#import('create', `t${++this.#made}`))
    const modes = table && table.rows.length > MOST_ROWS ? ['replace'] as const : ['append', 'replace', 'upsert'] as const
    if (table) for (const mode of modes) choices.push(() => this.#import(mode, table.name))
    if (undoTable) choices.push(() => this.#undo(undoTable))
    // What only the server can do in its own time has nothing that could be cut off.
    if (!['cut', 'lock', 'cancel'].includes(this.#disturbance.kind)) {
      choices.push(() => this.#backup())
      if (backup) choices.push(() => this.#restore(backup))
      if (resumable) choices.push(() => this.#resume(resumable), () => this.#resume(resumable))
    } else if (undoTable) choices.splice(-1)
    return this.#pick(choices)!()
  }

  #rows(mode: ImportMode, table: string): Row[] {
    const count = 20 + this.below(this.#options.maxRows)
    const last = this.#state.tables.get(table)?.at(-1)?.[0] ?? 0
    const first = mode === 'upsert' ? Math.max(1, last - this.below(count)) : mode === 'append' ? last + 1 : 1
    const tag = `${mode} ${++this.#made}`
    return Array.from({ length: count }, (_, index) => [first + index, index % 50 === 0 ? `${tag}, "${index}"` : `${tag} of ${index}`] as const)
  }

  #import(mode: ImportMode, table: string): Step {
    const rows = this.#rows(mode, table)
    const sessionId = newSessionId()
    const content = csvOf(rows)
    const options = { table, mode, ...(mode === 'upsert' && { key: 'id' }) }
    let isAnswered = false
    return this.#importStep(mode, { sessionId, table, mode, rows }, async () => {
      const { kind } = this.#disturbance
      if (kind === 'cut') return this.#cutUpload(sessionId, content, options)
      const { status, body } = await this.server.upload(content, { filename: `${table}.csv`, options, sessionId })
      if (status !== 202) throw new Error(`the upload was answered with ${status} ${body.code}: ${body.detail}`)
      isAnswered = true
      await this.#disturbed(sessionId)
    }, () => isAnswered)
  }

  #resume(resumable: Resumable): Step {
    const sessionId = newSessionId()
    let isAnswered = false
    const step = this.#importStep('resume', { ...resumable, sessionId }, async () => {
      const { status, body } = await this.server.send<{ code?: string }>('POST', `/api/imports/${resumable.sessionId}/resume`, { sessionId })
      if (status !== 202) throw new Error(`the resumption was answered with ${status} ${body.code}`)
      isAnswered = true
      await this.#disturbed(sessionId)
    }, () => isAnswered)
    return {
      ...step,
      settle: async (isDone) => {
        await step.settle(isDone)
        // A kill before the answer leaves the file with either.
        if (isAnswered || !(await this.server.record(resumable.sessionId)).stagedFile) this.#resumable = this.#resumable.filter((each) => each !== resumable)
      },
    }
  }

  /** Let the import come to its end, with what was to go wrong. */
  async #disturbed(sessionId: string): Promise<void> {
    const { kind, ...more } = this.#disturbance
    const afterMs = 'afterMs' in more ? more.afterMs : 0
    if (kind === 'cancel') {
      await sleep(afterMs)
      await this.server.request('POST', `/api/imports/${sessionId}/cancel`)
    }
    if (kind === 'lock') {
      const other = new Database(this.server.databasePath, { timeout: 10_000 })
      other.exec('BEGIN IMMEDIATE')
      await sleep(afterMs)
      other.exec('ROLLBACK')
      other.close()
    }
    await this.server.outcome(sessionId)
  }

  #importStep(what: string, { sessionId, table, mode, rows }: Resumable, run: () => Promise<void>, isAnswered: () => boolean): Step {
    const before = this.#state.tables.get(table)
    const after = merged(mode, before, accepted(rows))
    return {
      what,
      after: {
        tables: new Map(this.#state.tables).set(table, after),
        undoable: new Map(this.#state.undoable).set(table, [...this.#state.undoable.get(table) ?? [], { sessionId, before }]),
      },
      run,
      isDone: async () => {
        const { status, body } = await this.server.get<ProgressSnapshot>(`/api/progress/${sessionId}`)
        // One that nobody was told of may be unknown. A stop that is waited for may have refused it.
        if (status === 404 && !isAnswered()) return false
        const { kind } = this.#disturbance
        if (body.status === 'error' && CODES[kind].includes(body.error?.code ?? '')) {
          const isKept = body.metadata.stagedFile !== undefined
          if (isAnswered() && (kind === 'death' || kind === 'stop') && !isKept) throw new Error(`the file of ${sessionId} was whole, but it cannot be resumed`)
          return false
        }
        if (body.status !== 'completed') throw new Error(`the import is told as ${status} ${body.status} ${body.error?.code}: ${body.error?.detail}`)
        checkReceipt(await this.server.record(sessionId), rows)
        return true
      },
      settle: async (isDone) => {
        if (!isDone && (await this.server.get<ImportRecord>(`/api/imports/${sessionId}`)).body.stagedFile) this.#resumable.push({ sessionId, table, mode, rows })
      },
    }
  }

  /** Send part of a file, then hang up. */
  async #cutUpload(sessionId: string, content: string, options: object): Promise<void> {
    const head = `--b\r\nContent-Disposition: form-data; name="sessionId"\r\n\r\n${sessionId}\r\n`
      + `--b\r\nContent-Disposition: form-data; name="options"\r\n\r\n${JSON.stringify(options)}\r\n`
      + '--b\r\nContent-Disposition: form-data; name="file"; filename="cut.csv"\r\n\r\n'
    const length = head.length + Buffer.byteLength(content) + '\r\n--b--\r\n'.length
    const sent = this.below(content.length)
    const headers = { 'content-type': 'multipart/form-data; boundary=b', 'content-length': length }
    const req = request(`${this.server.url}/api/imports`, { method: 'POST', headers })
    const closed = new Promise((resolve) => req.once('close', resolve))
    req.on('error', () => undefined)
    req.write(head)
    req.write(content.slice(0, sent))
    // It begins with the head of the file, and the server notices the end in its own time.
    while ((await this.server.get(`/api/progress/${sessionId}`)).status === 404) await sleep(20)
    req.destroy()
    await closed
    await this.server.outcome(sessionId)
  }

  #undo(table: string): Step {
    const stack = this.#state.undoable.get(table)!
    const { sessionId, before } = stack.at(-1)!
    const tables = new Map(this.#state.tables)
    const undoable = new Map(this.#state.undoable)
    if (before) tables.set(table, before)
    else tables.delete(table)
    if (stack.length > 1) undoable.set(table, stack.slice(0, -1))
    else undoable.delete(table)
    return {
      what: 'undo',
      after: { tables, undoable },
      run: async () => {
        const { status, body } = await this.server.request<{ code?: string, detail?: string }>('POST', `/api/imports/${sessionId}/undo`)
        if (status !== 200) throw new Error(`the undo was answered with ${status} ${body.code}: ${body.detail}`)
      },
      isDone: async () => (await this.server.record(sessionId)).undoneAt !== undefined,
      settle: () => Promise.resolve(),
    }
  }

  #backup(): Step {
    const sessionId = newSessionId()
    const { run, isDone } = this.#operation(sessionId, () => startBackup(this.server, { sessionId }))
    const state = this.#state
    return {
      what: 'backup',
      after: state,
      run,
      isDone,
      settle: async (done) => {
        const backups = (await this.server.get<BackupInfo[]>('/api/backups')).body
        const { status, body } = await this.server.get<ProgressSnapshot>(`/api/progress/${sessionId}`)
        const made = status === 200 ? backups.find(({ name }) => name === body.metadata.name) : undefined
        if (done && !made?.verified) throw new Error('a backup that was completed is not there, or not verified')
        if (!done && made) throw new Error('a backup that was not completed is there')
        if (made) this.#backups.push({ name: made.name, state })
        for (const { name: old } of this.#backups.splice(0, this.#backups.length - MOST_BACKUPS)) await this.server.request('DELETE', `/api/backups/${old}`)
        for (const { name: copy, kind } of backups) if (kind === 'pre-restore') await this.server.request('DELETE', `/api/backups/${copy}`)
      },
    }
  }

  #restore({ name, state }: { name: string, state: State }): Step {
    const sessionId = newSessionId()
    return {
      what: 'restore',
      after: state,
      ...this.#operation(sessionId, () => startRestore(this.server, name, { sessionId })),
      settle: (isDone) => {
        // Their imports are no longer in the history.
        if (isDone) this.#resumable = []
        return Promise.resolve()
      },
    }
  }

  #operation(sessionId: string, begin: () => ReturnType<typeof startBackup>): Pick<Step, 'run' | 'isDone'> {
    let isAnswered = false
    return {
      run: async () => {
        const { status, body } = await begin()
        if (status !== 202) throw new Error(`it was answered with ${status} ${body.code}: ${body.detail}`)
        isAnswered = true
        await this.server.outcome(sessionId)
      },
      isDone: async () => {
        const { status, body } = await this.server.get<ProgressSnapshot>(`/api/progress/${sessionId}`)
        if (status === 404 && !isAnswered) return false
        if (body.status === 'error' && CODES[this.#disturbance.kind].includes(body.error?.code ?? '')) return false
        if (body.status !== 'completed') throw new Error(`the operation is told as ${status} ${body.status} ${body.error?.code}: ${body.error?.detail}`)
        return true
      },
    }
  }
}

export function tally(counts: Record<string, number>, what: string): void {
  counts[what] = (counts[what] ?? 0) + 1
}

function checkReceipt({ rowsRead, rowsInserted, rowsUpdated, rowsUnchanged, rowsRejected }: ImportRecord, rows: readonly Row[]): void {
  const isComplete = rowsRead === rows.length && rowsRejected === rows.length - accepted(rows).length
  if (isComplete && rowsRead === rowsInserted + rowsUpdated + rowsUnchanged + rowsRejected) return
  const parts = `${rowsInserted} added, ${rowsUpdated} updated, ${rowsUnchanged} unchanged, ${rowsRejected} rejected`
  throw new Error(`the receipt does not add up: ${rowsRead} of ${rows.length} read, ${parts}`)
}

function merged(mode: ImportMode, before: readonly Row[] | undefined, rows: readonly Row[]): readonly Row[] {
  if (mode === 'append') return [...before!, ...rows]
  if (mode !== 'upsert') return rows
  const young = new Map(rows)
  const known = new Set(before!.map(([id]) => id))
  return [...before!.map((row) => young.has(row[0]) ? [row[0], young.get(row[0])!] as const : row), ...rows.filter(([id]) => !known.has(id))]
}

const contentOf = ({ tables }: State): Content => Object.fromEntries([...tables].map(([name, rows]) => [name, rows as unknown as unknown[][]]))

/** The first thing in which two contents differ, for the message. */
function difference(found: Content, wanted: Content): string {
  for (const name of new Set([...Object.keys(found), ...Object.keys(wanted)])) {
    const [is, must] = [found[name], wanted[name]]
    if (!is || !must) return `${name} is ${is ? 'there' : 'missing'}`
    const at = must.findIndex((row, index) => !isDeepStrictEqual(row, is[index]))
    if (at >= 0) return `${name} has ${is.length} rows instead of ${must.length}; row ${at} is ${JSON.stringify(is[at])} instead of ${JSON.stringify(must[at])}`
    if (is.length !== must.length) return `${name} has ${is.length} rows instead of ${must.length}`
  }
  return 'nothing'
}

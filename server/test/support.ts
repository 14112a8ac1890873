import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { io, type Socket } from 'socket.io-client'
import type {
  ClientToServerEvents, ImportRecord, Problem, ProgressSnapshot, RowsPage, ServerToClientEvents, TableInfo,
} from '../protocol.ts'

/** The one that server/main.ts sets for itself; set from outside, it holds for that file, too, which spares each start Node's compiler of types. */
const COMPILE_CACHE = join(import.meta.dirname, '../../node_modules/.cache/hextrackr')

/** One event as a client saw it. */
export interface Seen {
  event: keyof ServerToClientEvents
  payload: Record<string, unknown> & { sessionId: string, progress: number, status: string, metadata: Record<string, unknown> }
}

const EVENTS = ['progress-status', 'progress-update', 'progress-complete', 'progress-error'] as const

export interface Answer<T> {
  status: number
  headers: Headers
  body: T
}

/** Where clean-up is registered: a test's context, or `{ after }` of node:test for a whole suite. */
export interface Scope {
  after: (cleanUp: () => unknown) => void
}

/** A folder that is removed when the test ends. */
export function temporaryFolder(t: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), 'hextrackr-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export interface ServerOptions {
  dataDir?: string
  env?: Record<string, string>
  main?: string
  ipc?: boolean
}

/** A server of its own process, on a free port, with a data folder of its own; stopped when the test ends. */
export class TestServer {
  readonly dataDir: string
  readonly url: string
  readonly process: ChildProcess
  /** Sent with every request and handshake. */
  headers: Record<string, string> = {}
  readonly #t: Scope

  private constructor(t: Scope, dataDir: string, url: string, child: ChildProcess) {
    this.#t = t
    this.dataDir = dataDir
    this.url = url
    this.process = child
  }

  /** @param options `main` is another version's entry; `ipc` gives the process a channel for messages */
  static async start(
    t: Scope, { dataDir = temporaryFolder(t), env = {}, main = join(import.meta.dirname, '../main.ts'), ipc = false }: ServerOptions = {},
  ): Promise<TestServer> {
    // As `npm start` does it.
    const child = spawn(process.execPath, ['--max-semi-space-size=2', main], {
      env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE, PORT: '0', HOST: '127.0.0.1', DATA_DIR: dataDir, LOG_LEVEL: 'warn', ...env },
      stdio: ['ignore', 'pipe', 'inherit', ...(ipc ? ['ipc' as const] : [])],
    })
    t.after(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    })
    const url = await new Promise<string>((resolve, reject) => {
      let output = ''
      child.stdout!.setEncoding('utf8').on('data', (text: string) => {
        output += text
        const found = /http:\/\/\S+/.exec(output)?.[0]
        if (found) resolve(found)
      })
      child.once('exit', (code) => reject(new Error(`the server ended with ${code} before it listened`)))
    })
    return new TestServer(t, dataDir, url, child)
  }

  get databasePath(): string {
    return join(this.dataDir, 'hextrackr.db')
  }

  /** Names of files on their way in. */
  stagedFiles(): string[] {
    return readdirSync(join(this.dataDir, 'uploads'))
  }

  /** Wait until no upload is staged any more: a successful import reports before it removes its staging tables and, last, its file. */
  async settled(): Promise<void> {
    while (this.stagedFiles().length > 0) await new Promise((resolve) => setTimeout(resolve, 10))
  }

  /** A connection of another program. */
  openDatabase(options: Database.Options = {}): Database.Database {
    const db = new Database(this.databasePath, options)
    this.#t.after(() => db.close())
    return db
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    this.process.kill(signal)
    await once(this.process, 'exit')
    return this.process.exitCode
  }

  async request<T = unknown>(method: string, path: string, init: RequestInit = {}): Promise<Answer<T>> {
    const response = await fetch(this.url + path, { method, ...init, headers: { ...this.headers, ...init.headers as Record<string, string> | undefined } })
    const text = await response.text()
    const isJson = /^application\/(problem\+)?json\b/.test(response.headers.get('content-type') ?? '')
    return { status: response.status, headers: response.headers, body: (isJson && text !== '' ? JSON.parse(text) : text) as T }
  }

  get<T = unknown>(path: string): Promise<Answer<T>> {
    return this.request<T>('GET', path)
  }

  /** Send a file as the page does: sessionId, options, file. */
  upload(content: string | Uint8Array<ArrayBuffer>, { filename = 'file.csv', options, sessionId }: { filename?: string, options?: unknown, sessionId?: string } = {}): Promise<Answer<{ sessionId: string, table: string } & Problem>> {
    const form = new FormData()
    if (sessionId !== undefined) form.append('sessionId', sessionId)
    if (options !== undefined) form.append('options', typeof options === 'string' ? options : JSON.stringify(options))
    form.append('file', new Blob([content]), filename)
    return this.request('POST', '/api/imports', { body: form })
  }

  /** Poll until the session has ended. */
  async outcome(sessionId: string): Promise<ProgressSnapshot> {
    for (;;) {
      const { body, status } = await this.get<ProgressSnapshot>(`/api/progress/${sessionId}`)
      if (status !== 200) throw new Error(`no session ${sessionId}: ${status}`)
      if (body.status === 'completed' || body.status === 'error') return body
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Import a file and wait for its end. */
  async import(content: string | Uint8Array<ArrayBuffer>, more: Parameters<TestServer['upload']>[1] = {}): Promise<ImportRecord> {
    const { status, body } = await this.upload(content, more)
    if (status !== 202) throw new Error(`the upload was answered with ${status} ${body.code}: ${body.detail}`)
    await this.outcome(body.sessionId)
    return this.record(body.sessionId)
  }

  /** The durable record of an import that has ended, as soon as it says so. */
  async record(sessionId: string): Promise<ImportRecord> {
    return (await this.get<ImportRecord>(`/api/imports/${sessionId}`)).body
  }

  async table(name: string): Promise<TableInfo> {
    return (await this.get<TableInfo>(`/api/tables/${encodeURIComponent(name)}`)).body
  }

  async rows(name: string, query = ''): Promise<RowsPage> {
    return (await this.get<RowsPage>(`/api/tables/${encodeURIComponent(name)}/rows${query}`)).body
  }

  async export(name: string, query = ''): Promise<string> {
    return (await this.get<string>(`/api/tables/${encodeURIComponent(name)}/export${query}`)).body
  }

  /** Send JSON. */
  send<T = unknown>(method: string, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> {
    return this.request<T>(method, path, { body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } })
  }

  /** Sign in as a browser does. @returns the header that later requests send */
  async signIn(password: string): Promise<{ cookie: string }> {
    const { status, headers } = await this.send('POST', '/api/session', { password })
    if (status !== 200) throw new Error(`the password was answered with ${status}`)
    return { cookie: headers.getSetCookie()[0]!.split(';')[0]! }
  }

  async connect(transport: 'websocket' | 'polling' = 'websocket'): Promise<Watcher> {
    const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io(this.url, {
      transports: [transport], reconnection: false, forceNew: true, extraHeaders: this.headers,
    })
    this.#t.after(() => socket.disconnect())
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('connect_error', reject)
      // The server may go between the transport's opening and the socket's.
      socket.io.once('close', (reason) => reject(new Error(reason)))
    })
    return new Watcher(socket)
  }
}

/** A plain Socket.IO client that writes down what it hears. */
export class Watcher {
  readonly socket: Socket<ServerToClientEvents, ClientToServerEvents>
  readonly seen: Seen[] = []
  readonly #waiting = new Set<() => void>()

  constructor(socket: Socket<ServerToClientEvents, ClientToServerEvents>) {
    this.socket = socket
    for (const event of EVENTS) {
      socket.on(event, (payload: unknown) => {
        this.seen.push({ event, payload: payload as Seen['payload'] })
        for (const wake of this.#waiting) wake()
        this.#waiting.clear()
      })
    }
  }

  join(sessionId: string): Promise<{ ok: true } | { ok: false, error: string }> {
    return new Promise((resolve) => this.socket.emit('join-progress', sessionId, resolve))
  }

  /** Wait for the first event that matches, past ones included. */
  async until(matches: (seen: Seen) => boolean): Promise<Seen> {
    for (;;) {
      const found = this.seen.find(matches)
      if (found) return found
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  /** Wait for the session's terminal event. */
  end(sessionId: string): Promise<Seen> {
    return this.until(({ event, payload }) => payload.sessionId === sessionId && (event === 'progress-complete' || event === 'progress-error'))
  }
}

export const newSessionId = (): string => randomUUID()

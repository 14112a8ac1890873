/** Hostile requests, made from a seed, and what a server may answer to them. */
import { readdirSync } from 'node:fs'
import { FAULTS } from '../faults.ts'
import type { Problem } from '../protocol.ts'
import { newSessionId, type TestServer } from './support.ts'

/** A generator of numbers from 0 up to 1 that gives the same ones for the same seed (mulberry32, public domain). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Texts that have broken programs: traversal, markup, SQL, formulas, prototypes, odd Unicode, odd numbers, patterns that run long. */
const NASTY = [
  '', ' ', '.', '..', '../../etc/passwd', '..\\..\\windows\\win.ini', '/etc/passwd', '%2e%2e%2f', '....//', 'a/../b', 'hextrackr.db', '.hextrackr.db-wal', 'access.db', 'CON', 'C:\\x',
  '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '_hextrackr_imports', 'sqlite_master', 'sqlite_sequence', 'rowid', 'main.t',
  '\'', '"', '"; DROP TABLE t; --', '\' OR 1=1 --', '`', '[t]', 't" UNION SELECT * FROM _hextrackr_imports --', '<img src=x onerror=alert(1)>', '<script>alert(1)</script>', 'javascript:alert(1)',
  '=1+1', '@SUM(A1)', '-2+3', '${7*7}', '{{7*7}}', '%s%n', '\0', 'a\0b', '\n', '\r\nSet-Cookie: x=1', '\t', '\u202e', '\ufeff', '\ud800', '👩‍👩‍👧', 'ﬀ', 'İ', 'e\u0301', '٣',
  '0', '-0', '-1', '1e309', '9'.repeat(400), '9007199254740993', '0x10', 'NaN', 'null', 'true', '[]', '{}', '[[', '{"a":', '*', '%', '_', '(', '(a+)+$', 'a'.repeat(5_000), '%'.repeat(3_000), '*"'.repeat(500),
] as const

export interface FuzzReport {
  cases: number
  /** How often each status was answered. */
  statuses: Record<string, number>
  /** How many became imports, which then ended in one way or another. */
  imports: number
  /** How many got an answer only when they were sent a second time. */
  sentAgain: number
  /** Answers that no server may give, each with what asked for it. */
  failures: string[]
}

/** One hostile request. */
interface Case {
  method: string
  path: string
  init: RequestInit
}

/** Makes the cases of a seed. `t` is a table that is there. */
class Cases {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seeded(seed)
  }

  next(): Case {
    // Each of them keeps a thread busy for as long as forty requests.
    if (this.#random() < 1 / 40) return this.#import()
    return this.#pick([() => this.#read(), () => this.#read(), () => this.#json(), () => this.#form(), () => this.#form(), () => this.#engine()])()
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#below(choices.length)]!
  }

  /** Hostile text, alone, joined or cut. */
  #text(): string {
    const one = this.#pick(NASTY)
    if (this.#random() < 0.6) return one
    if (this.#random() < 0.5) return one + this.#pick(NASTY)
    return Array.from({ length: this.#below(20) }, () => String.fromCharCode(this.#below(this.#random() < 0.5 ? 128 : 0x10000))).join('')
  }

  #segment(): string {
    const text = this.#random() < 0.3 ? this.#pick(['t', newSessionId()]) : this.#text()
    // Some as a client would send them, some with escapes of its own making.
    return this.#random() < 0.9 ? encodeURIComponent(text.toWellFormed()) : this.#pick(['%', '%zz', '%ff', '%00', '%c0%ae', '..%2f', '//', '%2e%2e'])
  }

  #value(depth = 0): unknown {
    const kind = this.#below(depth > 3 ? 5 : 8)
    if (kind === 0) return null
    if (kind === 1) return this.#random() < 0.5
    if (kind === 2) return this.#pick([0, -1, 1.5, 2 ** 53, -(2 ** 63), 1e308])
    if (kind < 5) return this.#text()
    if (kind === 5) return Array.from({ length: this.#below(4) }, () => this.#value(depth + 1))
    return Object.fromEntries(Array.from({ length: this.#below(4) }, () => [this.#text(), this.#value(depth + 1)]))
  }

  #query(): string {
    const names = ['limit', 'offset', 'sort', 'q', 'format', 'formulas', 'filter[a]', 'filter[b]', `filter[${this.#text()}]`, 'before', 'after', 'count', 'column', this.#text()]
    const params = Array.from({ length: this.#below(4) }, () => {
      const value = this.#random() < 0.3 ? `${this.#pick(['eq', 'gt', 'contains', 'in', 'empty', 'like', '-a', 'a'])}:${this.#text()}` : this.#text()
      return `${encodeURIComponent(this.#pick(names).toWellFormed())}=${encodeURIComponent(value.toWellFormed())}`
    })
    return params.length > 0 ? `?${params.join('&')}` : ''
  }

  #read(): Case {
    const name = this.#segment()
    const path = this.#pick([
      '/api/tables/t/rows', '/api/tables/t/count', '/api/tables/t/export', `/api/tables/t/columns/${name}/summary`, `/api/tables/${name}`, `/api/tables/${name}/rows`, `/api/tables/${name}/export`,
      `/api/imports/${name}`, `/api/imports/${name}/rejects`, `/api/progress/${name}`, `/api/backups/${name}`, `/api/backups/${name}/preview`, `/api/${name}`, `/${name}`, `/api/imports`,
    ])
    return { method: this.#pick(['GET', 'GET', 'GET', 'HEAD']), path: path + this.#query(), init: {} }
  }

  #json(): Case {
    const name = this.#segment()
    const [method, path] = this.#pick([
      ['PATCH', `/api/tables/${name}`], ['DELETE', `/api/tables/${name === 't' ? 'none' : name}`], ['POST', `/api/tables/t/indexes`], ['DELETE', `/api/tables/t/indexes/${name}`], ['POST', `/api/imports/${name}/cancel`],
      ['POST', `/api/imports/${name}/undo`], ['POST', '/api/query'], ['POST', `/api/query/export${this.#query()}`], ['POST', '/api/session'], ['POST', '/api/tokens'], ['DELETE', `/api/tokens/${name}`],
      ['DELETE', `/api/backups/${name}`], ['POST', `/api/backups/${name}/restore`], ['POST', `/api/operations/${name}/cancel`], ['PUT', `/api/tables/${name}`],
    ] as const)
    // A table may not get lost on the way: the cases that follow ask for it.
    const body = method === 'PATCH' && /^\/api\/tables\/t$/i.test(path) ? '{}' : this.#body()
    return { method, path, init: { body, headers: { 'content-type': this.#random() < 0.9 ? 'application/json' : this.#pick(['text/plain', 'application/json; charset=klingon', 'application/json; charset=utf-7', '*/*']) } } }
  }

  #body(): string {
    const value = { [this.#pick(['name', 'sql', 'column', 'password', 'sessionId', 'limit', 'scope', '__proto__'])]: this.#value(), ...(this.#random() < 0.3 && { sql: this.#text() }) }
    const text = JSON.stringify(this.#random() < 0.7 ? value : this.#value())
    return this.#random() < 0.9 ? text : text.slice(0, this.#below(text.length))
  }

  /** Bytes, one in each character, that look like CSV here and there, or like the beginning of a database. */
  #bytes(): string {
    const signs = this.#pick(['a1,"\n', 'a,;\t|"\'\\\r\n #', '\0\xff\xfe\xef\xbb\xbfa,\n', String.fromCharCode(...Array(256).keys())])
    const soup = Array.from({ length: this.#below(300) }, () => signs[this.#below(signs.length)]!).join('')
    return this.#random() < 0.8 ? soup : `SQLite format 3\0\x10\x00\x02\x02\x00\x40\x20\x20${soup}`
  }

  /** A form that is in order, whose file and options are not. */
  #import(): Case {
    const options = {
      table: `fuzz ${this.#below(20)}`, mode: this.#pick(['replace', 'replace', 'append', 'upsert']), key: ['a'], addColumns: this.#random() < 0.5,
      ...(this.#random() < 0.3 && { delimiter: this.#pick([',', ';', '||', '\0', '\ud800']) }), ...(this.#random() < 0.2 && { quote: this.#pick(['', '\'']) }),
      ...(this.#random() < 0.2 && { encoding: this.#pick(['utf-16le', 'windows-1252', 'gb18030', 'iso-2022-jp', 'utf-8']) }),
      ...(this.#random() < 0.3 && { header: this.#random() < 0.5 }), ...(this.#random() < 0.2 && { skipLines: this.#below(5) }),
    }
    const head = this.#pick(['', 'a,b\n', `a,${this.#text().replace(/[,\r\n"]/g, '')}\n`])
    const body = new FormData()
    body.append('options', JSON.stringify(options))
    body.append('file', new Blob([Buffer.from(head + this.#bytes(), 'latin1')]), this.#text())
    return { method: 'POST', path: '/api/imports', init: { body } }
  }

  /** A form made by hand, so that every part of it can be wrong. */
  #form(): Case {
    const boundary = this.#pick(['b', 'b', 'b', '----x', 'a'.repeat(70)])
    const quote = (text: string) => text.replaceAll('"', '%22').replace(/[\r\n\0]/g, ' ')
    const parts = Array.from({ length: 1 + this.#below(3) }, () => {
      const isFile = this.#random() < 0.5
      const name = this.#random() < 0.8 ? this.#pick(isFile ? ['file'] : ['sessionId', 'options', 'fileBytes']) : this.#text()
      const filename = isFile ? `; filename="${quote(this.#text())}"` : ''
      const content = isFile ? this.#pick(['', '"', 'a', '\n', '\0', ',,,', '"a","b', `${this.#text()},b\n1,2\n`, this.#bytes(), this.#bytes()]) : this.#pick([newSessionId(), this.#text(), this.#body(), this.#options()])
      return `--${boundary}\r\n${this.#random() < 0.95 ? `Content-Disposition: form-data; name="${quote(name)}"${filename}` : this.#text()}\r\n\r\n${content}\r\n`
    })
    const text = parts.join('') + (this.#random() < 0.9 ? `--${boundary}--\r\n` : '')
    const body = this.#random() < 0.9 ? text : text.slice(0, this.#below(text.length))
    return {
      method: 'POST', path: this.#pick(['/api/imports', '/api/imports/preview', '/api/imports/preview', '/api/backups/upload', '/api/restore']),
      init: { body: this.#random() < 0.5 ? new Uint8Array(Buffer.from(body, 'latin1')) : body.toWellFormed(), headers: { 'content-type': this.#pick([`multipart/form-data; boundary=${boundary}`, `multipart/form-data; boundary=${boundary}`, `multipart/form-data; boundary="${boundary}"`, 'multipart/form-data', 'multipart/form-data; boundary=']) } },
    }
  }

  /** Options of an import that never succeeds in making a table of the name `t`. */
  #options(): string {
    const names = ['table', 'mode', 'key', 'delimiter', 'quote', 'escape', 'encoding', 'header', 'skipLines', 'columns', 'onRowError', 'addColumns', '__proto__', 'constructor']
    const options = Object.fromEntries(Array.from({ length: this.#below(4) }, () => [this.#pick(names), this.#value()]))
    return JSON.stringify(options).replace('"x":', '"__proto__":')
  }

  /** Malformed packets of Engine.IO and Socket.IO over polling. */
  #engine(): Case {
    const sid = this.#pick(['', `&sid=${this.#segment()}`])
    const packets = ['4', '40', '42["join-progress"]', '42[', '4'.repeat(50), '45-["x"]', '451-["x",{"_placeholder":true,"num":9}]', '2probe', '5', '6', 'b', '\x1e\x1e', '40/__proto__,', '43999999[]', this.#text()]
    return this.#random() < 0.5
      ? { method: 'GET', path: `/socket.io/?EIO=${this.#pick(['4', '3', '', 'x'])}&transport=${this.#pick(['polling', 'websocket', 'x', '__proto__'])}${sid}`, init: {} }
      : { method: 'POST', path: `/socket.io/?EIO=4&transport=polling${sid || '&sid=x'}`, init: { body: this.#pick(packets).toWellFormed() } }
  }
}

/** What a file may be refused for. A code of SQLite's or INTERNAL would be the server's own fault. */
const OF_THE_FILE = /^(BAD_OPTIONS|EMPTY_FILE|NOT_CSV|UNDECODABLE|COLUMN_MISMATCH|KEY_NOT_UNIQUE|ROW_TOO_LARGE|TOO_MANY_COLUMNS|CANCELLED|TABLE_NOT_FOUND)$/

/** What is wrong with an answer; undefined where nothing is. */
function judge({ path }: Case, { status, headers, body }: { status: number, headers: Headers, body: unknown }): string | undefined {
  if (status >= 500) return `${status} ${JSON.stringify(body)}`
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  if (/node_modules|\.ts:\d|at [^(\n]*\((?:file|node):/.test(text)) return `a stack: ${text.slice(0, 300)}`
  if (status < 400 || !path.startsWith('/api/') || text === '') return undefined
  const problem = body as Partial<Problem>
  const isProblem = headers.get('content-type')?.startsWith('application/problem+json') && typeof problem.code === 'string' && problem.code in FAULTS && problem.status === status
  return isProblem ? undefined : `${status} is no problem: ${text.slice(0, 300)}`
}

/**
 * Send hostile requests to a server that has a table `t`.
 * @param inFlight how many at a time
 */
export async function fuzz(server: TestServer, { cases, seed, inFlight = 4 }: { cases: number, seed: number, inFlight?: number }): Promise<FuzzReport> {
  const maker = new Cases(seed)
  const report: FuzzReport = { cases, statuses: {}, imports: 0, sentAgain: 0, failures: [] }
  let left = cases
  const worker = async () => {
    while (left-- > 0) {
      const one = maker.next()
      const what = `${one.method} ${one.path.slice(0, 300)} ${JSON.stringify(one.init).slice(0, 600)}`
      const send = () => server.request(one.method, one.path, { ...one.init, redirect: 'manual', signal: AbortSignal.timeout(120_000) })
      try {
        // A connection that is kept may be closed just as it is used again (RFC 9112, section 9.3.1): once is no failure.
        const answer = await send().catch(() => {
          report.sentAgain++
          return send()
        })
        report.statuses[answer.status] = (report.statuses[answer.status] ?? 0) + 1
        const wrong = judge(one, answer)
        if (wrong) report.failures.push(`${what}\n  ${wrong}`)
        if (one.path === '/api/imports' && answer.status === 202) {
          const { error } = await server.outcome((answer.body as { sessionId: string }).sessionId)
          report.imports++
          if (error && !OF_THE_FILE.test(error.code)) report.failures.push(`${what}\n  the import ended with ${error.code}: ${error.detail}`)
        }
      } catch (error) {
        report.failures.push(`${what}\n  ${String(error)} ${String((error as Error).cause)}`)
      }
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return report
}

/** Descriptors that a process holds, where the system tells. */
export const openDescriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

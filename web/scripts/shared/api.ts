/** The server's HTTP API, typed. Every failure is an ApiError, an unreachable server included. */
import type {
  ApiTokenInfo, BackupInfo, BackupStatus, ColumnSummary, ExportEnd, Health, ImportPreview, ImportRecord, NewApiToken, Problem, ProgressSnapshot, QueryResult,
  RestorePreview, RowsPageSoFar, SessionInfo, TableInfo, TokenScope,
} from '../../../server/protocol.ts'
import type { ImportOptions } from './import-options.ts'
import type { NamedOperation } from './operation.ts'
import { writeSelection, type TableView } from './table-view.ts'

export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** HTTP status; 0 where there was no answer at all. */
  readonly status: number
  /** The server's code, `UNREACHABLE` where there was no answer, or `HTTP_502` and the like from something in between. */
  readonly code: string
  readonly request: string

  constructor(status: number, code: string, detail: string, request: string) {
    super(detail)
    this.status = status
    this.code = code
    this.request = request
  }
}

/** What a body that should be problem+json says. Anything else, a proxy's page for instance, is told by its status. */
export function problemOf(status: number, body: string): { code: string, detail: string } {
  try {
    const problem = JSON.parse(body) as Partial<Problem>
    if (typeof problem.code === 'string') return { code: problem.code, detail: problem.detail ?? problem.title ?? 'The server gave no reason.' }
  } catch {
    // Not JSON: told below.
  }
  return { code: `HTTP_${status}`, detail: `The server answered with status ${status} and no reason.` }
}

let signedOut: () => void = () => undefined

/** Calls `listener` whenever the server lets this page in no longer. */
export function onSignedOut(listener: () => void): void {
  signedOut = listener
}

/** The error of an answer that is no success. Whoever is not signed in is also told to the page. */
export function failureOf(status: number, body: string, request: string): ApiError {
  const { code, detail } = problemOf(status, body)
  // A proxy without a server behind it speaks for a server that is not there.
  const unreachable = code.startsWith('HTTP_') && [502, 503, 504].includes(status)
  if (code === 'UNAUTHORIZED' && request !== SIGN_IN) signedOut()
  return new ApiError(status, unreachable ? 'UNREACHABLE' : code, detail, request)
}

let answeredAt: number | undefined

/** When the server last answered anything. */
export const lastAnswerAt = (): number | undefined => answeredAt

const SIGN_IN = 'POST /api/session'

/** A request that hangs longer than this counts as unanswered. */
const TIMEOUT_MS = 20_000
/** Putting back millions of rows, or reading a whole backup, takes its time. */
const LONG_TIMEOUT_MS = 600_000

/** The server ends queries itself; the end of a download comes when it comes. */
const QUERY_TIMEOUT_MS = 2 ** 31 - 1

export const EXPORT_FORMATS = ['csv', 'json', 'ndjson'] as const
export type ExportFormat = typeof EXPORT_FORMATS[number]

/** What a request without an answer is told as, unless this page wanted no answer any more. */
const brokenOff = (cause: unknown, request: string, signal?: AbortSignal): unknown =>
  signal?.aborted ? cause : new ApiError(0, 'UNREACHABLE', 'The server did not answer.', request)

async function request(method: string, path: string, signal?: AbortSignal, body?: FormData | object, timeoutMs = TIMEOUT_MS): Promise<Response> {
  const timeout = AbortSignal.timeout(timeoutMs)
  let response: Response
  try {
    response = await fetch(path, {
      method, signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      headers: { accept: 'application/json', ...(body && !(body instanceof FormData) && { 'content-type': 'application/json' }) },
      ...(body && { body: body instanceof FormData ? body : JSON.stringify(body) }),
    })
  } catch (cause) {
    throw brokenOff(cause, `${method} ${path}`, signal)
  }
  const failure = response.ok ? undefined : failureOf(response.status, await response.text().catch(() => ''), `${method} ${path}`)
  if (failure?.code !== 'UNREACHABLE') answeredAt = Date.now()
  if (failure) throw failure
  return response
}

/** The body of a success. It may break off as well, or be of something in between that speaks for the server. */
async function read<Body>(method: string, path: string, signal?: AbortSignal, body?: FormData | object, timeoutMs?: number): Promise<Body> {
  const response = await request(method, path, signal, body, timeoutMs)
  let text: string
  try {
    text = await response.text()
  } catch (cause) {
    throw brokenOff(cause, `${method} ${path}`, signal)
  }
  try {
    return JSON.parse(text) as Body
  } catch {
    throw new ApiError(response.status, `HTTP_${response.status}`, 'Something answered that is not HexTrackr: a proxy, or the sign-in page of a network.', `${method} ${path}`)
  }
}

const get = <Body>(path: string, signal?: AbortSignal, timeoutMs?: number): Promise<Body> => read('GET', path, signal, undefined, timeoutMs)

const send = <Body>(path: string, body?: object, timeoutMs?: number): Promise<Body> => read('POST', path, undefined, body, timeoutMs)

const backupPath = (name: string): string => `/api/backups/${encodeURIComponent(name)}`
const tablePath = (name: string): string => `/api/tables/${encodeURIComponent(name)}`

/** What decides which rows, and in what order. */
export type Selection = Pick<TableView, 'sort' | 'q' | 'filters'>

/** Where a page of rows begins: so many rows in, or beside the row that a cursor stands for. */
export type Place = { offset: number } | { after: string } | { before: string }

export interface ExportOptions {
  /** Made up by the page, to ask how it ended. */
  id: string
  format: 'csv' | 'excel' | 'json' | 'ndjson'
  /** All where absent. */
  columns?: string[]
  /** CSV only: texts that a spreadsheet would run as formulas get an apostrophe in front. */
  formulasAsText?: boolean
}

function selectionParams(selection: Partial<Selection>, more: Record<string, string | number> = {}): URLSearchParams {
  const params = new URLSearchParams(Object.entries(more).map(([name, value]) => [name, String(value)]))
  writeSelection(params, selection)
  return params
}

function exportUrl(name: string, selection: Selection, { id, format, columns = [], formulasAsText = false }: ExportOptions): string {
  const params = selectionParams(selection, { format, id, ...(formulasAsText && { formulas: 'text' }) })
  for (const column of columns) params.append('column', column)
  return `${tablePath(name)}/export?${params.toString()}`
}

/** As much of a file as the server looks at for a preview; it tells files that were imported before by the same piece. */
const PREVIEW_BYTES = 2 ** 20

async function preview(file: File, options: ImportOptions, signal: AbortSignal): Promise<ImportPreview> {
  const form = new FormData()
  if (Object.keys(options).length > 0) form.append('options', JSON.stringify(options))
  form.append('fileBytes', String(file.size))
  // Read first: a file that is gone from the disk is another failure than a server that does not answer.
  form.append('file', new Blob([await file.slice(0, PREVIEW_BYTES).arrayBuffer()]), file.name)
  return read<ImportPreview>('POST', '/api/imports/preview', signal, form)
}

export const api = {
  health: () => get<Health>('/api/health'),
  session: (signal?: AbortSignal) => get<SessionInfo>('/api/session', signal),
  signIn: (password: string) => request('POST', '/api/session', undefined, { password }),
  signOut: () => request('DELETE', '/api/session'),
  tokens: (signal?: AbortSignal) => get<ApiTokenInfo[]>('/api/tokens', signal),
  addToken: (wanted: { name: string, scope: TokenScope, expiresInDays?: number }) => send<NewApiToken>('/api/tokens', wanted),
  revokeToken: (id: string) => request('DELETE', `/api/tokens/${id}`),
  tables: (signal?: AbortSignal) => get<TableInfo[]>('/api/tables', signal),
  table: (name: string, signal?: AbortSignal) => get<TableInfo>(tablePath(name), signal),
  rows: (name: string, selection: Selection, limit: number, place: Place, signal?: AbortSignal) =>
    get<RowsPageSoFar>(`${tablePath(name)}/rows?${selectionParams(selection, { count: 'later', limit, ...place }).toString()}`, signal, QUERY_TIMEOUT_MS),
  count: (name: string, { q, filters }: Selection, signal?: AbortSignal) =>
    get<{ total: number }>(`${tablePath(name)}/count?${selectionParams({ q, filters }).toString()}`, signal, QUERY_TIMEOUT_MS),
  summary: (name: string, column: string, { q, filters }: Selection, signal?: AbortSignal) =>
    get<ColumnSummary>(`${tablePath(name)}/columns/${encodeURIComponent(column)}/summary?${selectionParams({ q, filters }).toString()}`, signal, QUERY_TIMEOUT_MS),
  buildIndex: (name: string, column: string) => send<TableInfo>(`${tablePath(name)}/indexes`, { column }, LONG_TIMEOUT_MS),
  dropIndex: (name: string, column: string) => request('DELETE', `${tablePath(name)}/indexes/${encodeURIComponent(column)}`, undefined, undefined, LONG_TIMEOUT_MS),
  exportUrl,
  exportEnd: (id: string) => get<ExportEnd>(`/api/exports/${id}`, undefined, QUERY_TIMEOUT_MS),
  renameTable: (name: string, to: string) => read<TableInfo>('PATCH', tablePath(name), undefined, { name: to }, LONG_TIMEOUT_MS),
  deleteTable: (name: string) => request('DELETE', tablePath(name)),
  imports: (signal?: AbortSignal) => get<ImportRecord[]>('/api/imports', signal),
  import: (id: string, signal?: AbortSignal) => get<ImportRecord>(`/api/imports/${id}`, signal),
  preview,
  rejectsUrl: (id: string) => `/api/imports/${id}/rejects`,
  resumeImport: (id: string, sessionId: string) => send<{ table: string }>(`/api/imports/${id}/resume`, { sessionId }),
  /** Drops the file that is kept of an import that can be resumed. */
  forgetFile: (id: string) => request('DELETE', `/api/imports/${id}/file`),
  undoImport: (id: string) => send<ImportRecord>(`/api/imports/${id}/undo`, undefined, LONG_TIMEOUT_MS),
  /** Stops whatever kind of operation it is. */
  cancel: ({ kind, id }: NamedOperation) => request('POST', kind === 'import' ? `/api/imports/${id}/cancel` : `/api/operations/${id}/cancel`),
  backups: (signal?: AbortSignal) => get<BackupInfo[]>('/api/backups', signal),
  backupStatus: (signal?: AbortSignal) => get<BackupStatus>('/api/backup-status', signal),
  backupUrl: backupPath,
  backUp: (sessionId: string) => send<{ name: string }>('/api/backups', { sessionId }),
  deleteBackup: (name: string) => request('DELETE', backupPath(name)),
  restorePreview: (name: string, signal?: AbortSignal) => get<RestorePreview>(`${backupPath(name)}/preview`, signal, LONG_TIMEOUT_MS),
  restore: (name: string, sessionId: string) => request('POST', `${backupPath(name)}/restore`, undefined, { sessionId }),
  progress: (id: string) => get<ProgressSnapshot>(`/api/progress/${id}`),
  query: (sql: string, signal: AbortSignal) => read<QueryResult>('POST', '/api/query', signal, { sql }, QUERY_TIMEOUT_MS),
  exportQuery: async (sql: string, format: ExportFormat, signal: AbortSignal) =>
    (await request('POST', `/api/query/export?format=${format}`, signal, { sql }, QUERY_TIMEOUT_MS)).blob(),
  sample: async () => (await request('GET', '/api/sample')).blob(),
}

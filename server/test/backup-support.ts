import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { BackupInfo, Problem, ProgressSnapshot } from '../protocol.ts'
import type { Answer, TestServer } from './support.ts'

export type Begun = Answer<{ sessionId: string, name: string } & Problem>

/** Names of all files in the folder of backups, those that are not whole included. */
export const backupFiles = (dataDir: string): string[] => readdirSync(join(dataDir, 'backups')).sort()

const sendJson = (body: unknown): RequestInit => ({ body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })

export const startBackup = (server: TestServer, body: object = {}): Promise<Begun> => server.request('POST', '/api/backups', sendJson(body))

export const startRestore = (server: TestServer, name: string, body: object = {}): Promise<Begun> =>
  server.request('POST', `/api/backups/${encodeURIComponent(name)}/restore`, sendJson(body))

/** Make a backup and wait for its end. */
export async function backUp(server: TestServer): Promise<BackupInfo> {
  const { status, body } = await startBackup(server)
  if (status !== 202) throw new Error(`the backup was answered with ${status} ${body.code}: ${body.detail}`)
  const { error } = await server.outcome(body.sessionId)
  if (error) throw new Error(`the backup ended with ${error.code}: ${error.detail}`)
  return (await server.get<BackupInfo[]>('/api/backups')).body.find(({ name }) => name === body.name)!
}

/** Restore a backup and wait for its end. */
export async function restore(server: TestServer, name: string): Promise<ProgressSnapshot> {
  const { status, body } = await startRestore(server, name)
  if (status !== 202) throw new Error(`the restore was answered with ${status} ${body.code}: ${body.detail}`)
  return server.outcome(body.sessionId)
}

/** Send a database file to one of the two routes that take one. */
export function sendDatabase(server: TestServer, path: '/api/restore' | '/api/backups/upload', content: Uint8Array<ArrayBuffer>, filename = 'sent.db', sessionId?: string): Promise<Begun> {
  const form = new FormData()
  if (sessionId !== undefined) form.append('sessionId', sessionId)
  form.append('file', new Blob([content]), filename)
  return server.request('POST', path, { body: form })
}

/** A hash over every row of the tables that belong to people, and whether SQLite finds the whole file in order. */
export function contentHash(path: string): { hash: string, integrity: unknown } {
  const db = new Database(path, { readonly: true })
  try {
    const hash = createHash('sha256')
    const tables = db.prepare<[], { name: string, sql: string }>(
      `SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_hextrackr\\_%' ESCAPE '\\' ORDER BY name`,
    ).all()
    for (const { name, sql } of tables) {
      hash.update(`${name} ${sql}`)
      for (const row of db.prepare<[], unknown[]>(`SELECT * FROM "${name.replaceAll('"', '""')}"`).raw().iterate()) hash.update(JSON.stringify(row))
    }
    return { hash: hash.digest('hex'), integrity: db.pragma('integrity_check', { simple: true }) }
  } finally {
    db.close()
  }
}

/** Fill a table with rows of about a thousand bytes each, so that the database has many pages. */
export function fill(db: Database.Database, table: string, rows: number, text: string): void {
  db.exec(`CREATE TABLE ${table} (id INTEGER PRIMARY KEY, text TEXT, noise BLOB)`)
  db.prepare(
    `WITH RECURSIVE n (id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM n WHERE id < ?) INSERT INTO ${table} SELECT id, ?, randomblob(900) FROM n`,
  ).run(rows, text)
}

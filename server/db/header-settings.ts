import { createHash } from 'node:crypto'
import type { ImportMode, ImportTarget } from '../protocol.ts'
import { resolveTable, tableExists } from './catalogue.ts'
import type { Db } from './open.ts'

/** What identifies a header row: the names of its columns in their order. */
const fingerprint = (header: readonly string[]): string => createHash('sha256').update(JSON.stringify(header)).digest('hex')

/** Remember what was chosen for files with this header. */
export function rememberSettings(db: Db, header: readonly string[], options: object, usedAt: number): void {
  db.prepare('INSERT OR REPLACE INTO _hextrackr_header_settings (header_sha256, options, used_at) VALUES (?, ?, ?)')
    .run(fingerprint(header), JSON.stringify(options), usedAt)
}

/** What was chosen for the last file with this header. */
export function recallSettings(db: Db, header: readonly string[]): { options: Record<string, unknown>, usedAt: number } | undefined {
  const row = db.prepare<[string], { options: string, used_at: number }>('SELECT options, used_at FROM _hextrackr_header_settings WHERE header_sha256 = ?')
    .get(fingerprint(header))
  return row && { options: JSON.parse(row.options) as Record<string, unknown>, usedAt: row.used_at }
}

/** Have the settings of a table's files lead to its new name. */
export function renameInSettings(db: Db, table: string, to: string): void {
  db.prepare(`UPDATE _hextrackr_header_settings SET options = json_set(options, '$.table', ?) WHERE options ->> '$.table' = ? COLLATE NOCASE`).run(to, table)
}

/**
 * Where the corrected rejects of a file with this header belong. They join the rows that are there, whatever mode
 * brought those in; only an upsert stays one.
 */
export function targetOfRejects(db: Db, header: readonly string[]): ImportTarget | undefined {
  const options = recallSettings(db, header)?.options as { table?: string, mode?: ImportMode, key?: string[] } | undefined
  if (options?.table === undefined || !tableExists(db, options.table)) return undefined
  const isUpsert = options.mode === 'upsert'
  return { table: resolveTable(db, options.table), mode: isUpsert ? 'upsert' : 'append', key: isUpsert ? options.key ?? [] : [] }
}

/** The last queries of this browser, newest first. */

const KEY = 'hextrackr_queries'
const MOST = 30

export function pastQueries(storage: Pick<Storage, 'getItem'>): string[] {
  try {
    const kept: unknown = JSON.parse(storage.getItem(KEY) ?? '[]')
    return Array.isArray(kept) ? kept.filter((sql) => typeof sql === 'string') : []
  } catch {
    return []
  }
}

/** Puts a query on top; it is kept once. */
export function rememberQuery(storage: Pick<Storage, 'getItem' | 'setItem'>, sql: string): void {
  const queries = [sql, ...pastQueries(storage).filter((past) => past !== sql)].slice(0, MOST)
  storage.setItem(KEY, JSON.stringify(queries))
}

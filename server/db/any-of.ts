/** Conditions joined by OR in groups, since a chain of 2,000 would be deeper than SQLite allows (SQLITE_MAX_EXPR_DEPTH). */
export function anyOf(conditions: readonly string[]): string {
  if (conditions.length <= 100) return `(${conditions.join(' OR ')})`
  const half = conditions.length >> 1
  return `(${anyOf(conditions.slice(0, half))} OR ${anyOf(conditions.slice(half))})`
}

/** What the page knows of SQL's text: how a name is written in it, and where SQLite found it wrong. Pure. */

/** Words that SQLite never takes for a name (https://sqlite.org/lang_keywords.html, those without a fallback in its grammar). */
const RESERVED = new Set((
  'add all alter and as autoincrement between case check collate commit constraint create default deferrable delete distinct drop else escape except '
  + 'exists foreign from group having in index insert intersect into is isnull join limit not nothing notnull null on or order primary references '
  + 'returning select set table then to transaction union unique update using values when where'
).split(' '))

/** A table's or column's name as it has to stand in a statement. */
export const sqlName = (name: string): string =>
  /^[a-z_]\w*$/i.test(name) && !RESERVED.has(name.toLowerCase()) ? name : `"${name.replaceAll('"', '""')}"`

/** What SQLite's messages name of the statement, in their exact words. */
const NAMING = [/^near "([^]+)": syntax error/, /^unrecognized token: "([^]+)"/, /^no such (?:table|column|function|collation sequence): ([^]+?)\.?$/, /^ambiguous column name: ([^]+?)\.?$/]

/**
 * Where in a statement the thing stands that SQLite complains of. Its messages give no place, so this is known only
 * where the thing stands there once.
 * @returns the offset, and the line, counted from 1
 */
export function whereInSql(sql: string, complaint: string): { offset: number, line: number } | undefined {
  const named = NAMING.map((pattern) => pattern.exec(complaint)?.[1]).find((found) => found !== undefined)
  if (named === undefined) return undefined
  const offset = sql.toLowerCase().indexOf(named.toLowerCase())
  if (offset < 0 || sql.toLowerCase().includes(named.toLowerCase(), offset + 1)) return undefined
  return { offset, line: sql.slice(0, offset).split('\n').length }
}

/** A server full of what screens find hard: long names, many columns, scripts that run right to left, emoji, long numbers. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestServer } from '../../server/test/support.ts'

const SAMPLE = join(import.meta.dirname, '../../data/sample-findings.csv')

export const LONG_FILE = 'quarterly-vulnerability-export-of-all-sites-including-the-decommissioned-ones-2026-w47-final-corrected.csv'

const cell = (text: string): string => `"${text.replaceAll('"', '""')}"`

/** 60 columns of all kinds, 400 rows. */
function wide(): string {
  const names = Array.from({ length: 60 }, (_, index) => index % 7 === 3 ? `a column whose name is rather long, number ${index + 1}` : `col_${index + 1}`)
  const rows = Array.from({ length: 400 }, (_, row) => names.map((_name, column) => [String(row * column), `value ${row}.${column}`, (row / 7).toFixed(2), ''][column % 4]))
  return [names.map(cell), ...rows].map((line) => line.join(',')).join('\n')
}

const PEOPLE = [
  ['name', 'الاسم', 'account number', 'mood', 'note'],
  ['Zoë Ångström', 'زوي', '123456789012345678901234567890', '🙂', 'plain'],
  ['王小明', 'شياومينغ', '000000000000000000000000000007', '👩🏽‍🚀🏳️‍🌈', 'a note that goes on and on, and on. '.repeat(40)],
  ['مريم القاسمي', 'مريم القاسمي من الدار البيضاء', '999999999999999999999999999999', '', 'שלום עולם, and left to right again'],
  ['Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft', '', '-1', '🤷', '<b>no markup</b> & "quotes"\nin two lines'],
]

/** Append rows of which some do not fit. */
const CORRECTIONS = `finding_id,asset\n${Array.from({ length: 400 }, (_, row) => row % 9 === 0 ? `"broken ${row},x\n` : row % 5 === 0 ? `F-${row},host,too,many,cells\n` : `F-${row},host-${row}.example.org\n`).join('')}`

/** Fills a server with tables and with imports that ended in every way. */
export async function fillServer(server: TestServer): Promise<void> {
  const sample = await readFile(SAMPLE, 'utf8')
  await server.import(wide(), { filename: LONG_FILE })
  await server.import(PEOPLE.map((row) => row.map(cell).join(',')).join('\n'), { filename: '人々 and people 🙂.csv' })
  await server.import(CORRECTIONS, { filename: 'corrections.csv' })
  await server.outcome((await server.upload('\n', { filename: 'blank.csv' })).body.sessionId)
  await server.outcome((await server.upload(`a,b\n${'x'.repeat(17_000_000)}\n`, { filename: 'one-endless-line.csv' })).body.sessionId)
  const undone = await server.import(sample, { filename: 'findings-w46.csv', options: { table: 'weekly' } })
  await server.request('POST', `/api/imports/${undone.sessionId}/undo`)
  await server.import(sample, { filename: 'nessus_export_w47.csv', options: { table: 'findings' } })
  await server.import(sample, { filename: 'nessus_export_w47.csv', options: { table: 'findings', mode: 'upsert', key: ['finding_id'] } })
  await server.import('id\n', { filename: 'no rows.csv' })
}

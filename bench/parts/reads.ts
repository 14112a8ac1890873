/** Looking through a large table over HTTP: pages near and far, sorting, filtering, searching, summing up, without and with an index. */
import { openAsBlob } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { dataFile } from '../generate.ts'
import type { Part } from '../support/part.ts'
import { BenchServer } from '../support/server.ts'
import { median } from '../support/statistics.ts'

const ROWS = 5_000_000

/** Enough for a median; each of the slow ones reads the whole table. */
const MOST_ROUNDS = 3

const INDEXED = ['score', 'severity', 'host'] as const

export const reads: Part = {
  name: 'reads',
  title: 'Looking through a large table',
  measure: async ({ folder, rounds, scale }) => {
    const rows = Math.round(ROWS * scale)
    const times = Math.min(rounds, MOST_ROUNDS)
    const dataDir = join(folder, `reads-${rows}`)
    await mkdir(dataDir, { recursive: true })
    const server = await BenchServer.start({ dataDir })
    try {
      await prepare(server, folder, rows)
      const table: string[][] = []
      const note = (name: string, taken: readonly number[]): unknown => table.push([name, median(taken).toFixed(0), Math.max(...taken).toFixed(0)])
      const measure = async (name: string, path: string): Promise<void> => {
        const taken: number[] = []
        for (let round = 0; round < times; round++) taken.push(await timed(() => server.request('GET', `/api/tables/typed/${path}`)))
        note(name, taken)
      }
      const stopHealth = server.watchHealth()
      for (const [name, path] of await questions(server, rows)) await measure(name, path)
      for (const column of INDEXED) note(`build an index on ${column}`, [await timed(() => server.request('POST', '/api/tables/typed/indexes', json({ column })))])
      for (const [name, path] of indexedQuestions(rows)) await measure(`indexed: ${name}`, path)
      const health = await stopHealth()
      return [
        `${rows.toLocaleString('en')} rows of 8 columns of every type; each question asked ${times} times. Targets: 2 s, and 300 ms where an index serves.`,
        { columns: ['', 'median, ms', 'worst, ms'], rows: table },
        `Health meanwhile, p50 / p99 / max: ${[health.p50Ms, health.p99Ms, health.maxMs].map((ms) => ms.toFixed(1)).join(' / ')} ms. Peak memory ${(server.peakBytes / 1e6).toFixed(0)} MB.`,
      ]
    } finally {
      await server.stop()
    }
  },
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

const json = (body: unknown): RequestInit => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

/** The table, without indexes. */
async function prepare(server: BenchServer, folder: string, rows: number): Promise<void> {
  const tables = await server.request<{ name: string, rows: number }[]>('GET', '/api/tables')
  if (!tables.some(({ name }) => name === 'typed')) {
    const form = new FormData()
    form.append('options', JSON.stringify({ table: 'typed' }))
    form.append('file', await openAsBlob((await dataFile(folder, 'typed', rows)).path), 'typed.csv')
    await server.ended((await server.request<{ sessionId: string }>('POST', '/api/imports', { body: form })).sessionId)
  }
  for (const column of INDEXED) await server.request('DELETE', `/api/tables/typed/indexes/${column}`)
}

const page = (query: string): string => `rows?count=later&limit=100&${query}`

async function questions(server: BenchServer, rows: number): Promise<[name: string, path: string][]> {
  const sorted = await server.request<{ cursors: { last: string } }>('GET', `/api/tables/typed/${page('sort=score')}`)
  const far = Math.floor(rows * 0.98)
  return [
    ['first page', page('')],
    [`row ${far.toLocaleString('en')}`, page(`offset=${far}`)],
    ...['port', 'score', 'severity', 'host', 'title'].map((column): [string, string] => [`sort by ${column}`, page(`sort=-${column}`)]),
    ['sort by score, next page', page(`sort=score&after=${sorted.cursors.last}`)],
    ['sort by host, last page', page(`sort=host&offset=${rows - 100}`)],
    ['sort by host, page in the middle', page(`sort=host&offset=${Math.floor(rows / 2)}`)],
    ['sort by host, filter on severity, page in the middle', page(`sort=host&filter[severity]=eq:critical&offset=${Math.floor(rows / 10)}`)],
    ['filter: severity is critical', page('filter[severity]=eq:critical')],
    ['filter: host is one of 200,000', page('filter[host]=eq:host-77.example.com')],
    ['filter: title contains, in no row', page('filter[title]=contains:nowhere')],
    ['search: a frequent word', page('q=kernel')],
    ['search: a word in no row', page('q=nowhere')],
    ['search: a number in no row', page('q=777777777')],
    ['count of a search', 'rows?limit=0&q=nowhere'],
    ['count of a filter', 'rows?limit=0&filter[port]=gt:30000'],
    ...INDEXED.map((column): [string, string] => [`summary of ${column}`, `columns/${column}/summary`]),
  ]
}

const indexedQuestions = (rows: number): [name: string, path: string][] => [
  ...INDEXED.map((column): [string, string] => [`sort by ${column}`, page(`sort=-${column}`)]),
  ['sort by host, page in the middle', page(`sort=host&offset=${Math.floor(rows / 2)}`)],
  ['filter: host is one of 200,000', page('filter[host]=eq:host-77.example.com')],
  ['sort by score, filter on owner', page('sort=-score&filter[owner]=eq:kernel')],
  ['sort by score, filter on nothing', page('sort=-score&filter[owner]=eq:none')],
  ['count of severity is critical', 'rows?limit=0&filter[severity]=eq:critical'],
]

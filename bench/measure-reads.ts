/**
 * Measures how quickly a large table is looked through over HTTP: pages near and far, sorting, filtering, searching, counting
 * and summing up, without and with an index, while the server's health is asked again and again.
 * usage: node bench/measure-reads.ts [rows] [data folder, kept between runs where given]
 */
import { existsSync, openAsBlob } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { TestServer } from '../server/test/support.ts'
import { generate } from './generate.ts'
import { percentile, watchHealth } from './measure-http.ts'

const ROUNDS = 3

const rows = Number(process.argv[2] ?? 5_000_000)
const kept = process.argv[3]
const folder = kept ?? await mkdtemp(join(tmpdir(), 'hextrackr-reads-'))
const cleanUps: (() => unknown)[] = []
const server = await TestServer.start({ after: (cleanUp) => void cleanUps.unshift(cleanUp) }, { dataDir: folder })

async function fill(): Promise<void> {
  const path = join(folder, 'typed.csv')
  if (!existsSync(path)) await generate(path, 'typed', rows)
  const form = new FormData()
  form.append('file', await openAsBlob(path), 'typed.csv')
  const { body } = await server.request<{ sessionId: string }>('POST', '/api/imports', { body: form })
  await server.outcome(body.sessionId)
}

async function timed(path: string, init?: RequestInit): Promise<number> {
  const startedAt = performance.now()
  const response = await fetch(server.url + path, init)
  await response.arrayBuffer()
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return performance.now() - startedAt
}

const results: Record<string, { 'median ms': number, 'worst ms': number }> = {}
async function measure(name: string, path: string): Promise<void> {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) times.push(await timed(`/api/tables/typed/${path}`))
  results[name] = { 'median ms': Math.round(percentile(times.toSorted((a, b) => a - b), 0.5)), 'worst ms': Math.round(Math.max(...times)) }
}

const page = (query: string): string => `rows?count=later&limit=100&${query}`
const far = Math.floor(rows * 0.98)

if ((await server.get('/api/tables/typed')).status !== 200) await fill()
for (const column of ['score', 'severity', 'host']) await fetch(`${server.url}/api/tables/typed/indexes/${column}`, { method: 'DELETE' })
const health = watchHealth(server.url)
await measure('first page', page(''))
await measure(`row ${far}`, page(`offset=${far}`))
for (const column of ['port', 'score', 'severity', 'host', 'title']) await measure(`sort by ${column}`, page(`sort=-${column}`))
const { body: sorted } = await server.get<{ cursors: { last: string } }>(`/api/tables/typed/${page('sort=score')}`)
await measure('sort by score, next page', page(`sort=score&after=${sorted.cursors.last}`))
await measure('sort by host, last page', page(`sort=host&offset=${rows - 100}`))
await measure('sort by host, page in the middle', page(`sort=host&offset=${Math.floor(rows / 2)}`))
await measure('filter severity is critical', page('filter[severity]=eq:critical'))
await measure('filter host is one of 200,000', page('filter[host]=eq:host-77.example.com'))
await measure('filter title contains, in no row', page('filter[title]=contains:nowhere'))
await measure('search a frequent word', page('q=kernel'))
await measure('search a word in no row', page('q=nowhere'))
await measure('count of a search', 'rows?limit=0&q=nowhere')
await measure('count of a filter', 'rows?limit=0&filter[port]=gt:30000')
for (const column of ['score', 'severity', 'host']) await measure(`summary of ${column}`, `columns/${column}/summary`)
for (const column of ['score', 'severity', 'host']) {
  const ms = await timed('/api/tables/typed/indexes', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ column }) })
  results[`build index on ${column}`] = { 'median ms': Math.round(ms), 'worst ms': Math.round(ms) }
}
for (const column of ['score', 'severity', 'host']) await measure(`indexed: sort by ${column}`, page(`sort=-${column}`))
await measure('indexed: sort by host, page in the middle', page(`sort=host&offset=${Math.floor(rows / 2)}`))
await measure('indexed: filter host is one of 200,000', page('filter[host]=eq:host-77.example.com'))
await measure('indexed: sort by score, filter on owner', page('sort=-score&filter[owner]=eq:kernel'))
await measure('indexed: sort by score, filter on nothing', page('sort=-score&filter[owner]=eq:none'))
await measure('indexed: count severity is critical', 'rows?limit=0&filter[severity]=eq:critical')
const latencies = await health.stop()
console.table(results)
console.log(`health: ${latencies.length} answers, p50 ${percentile(latencies, 0.5).toFixed(1)} ms, p99 ${percentile(latencies, 0.99).toFixed(1)} ms, worst ${latencies.at(-1)!.toFixed(0)} ms`)
for (const cleanUp of cleanUps) await cleanUp()
if (!kept) await rm(folder, { recursive: true })

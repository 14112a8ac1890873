import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pastQueries, rememberQuery } from './sql-history.ts'

function storage(): Pick<Storage, 'getItem' | 'setItem'> {
  const kept = new Map<string, string>()
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) }
}

test('queries are kept once, the newest first, thirty of them', () => {
  const place = storage()
  for (let index = 0; index < 40; index++) rememberQuery(place, `SELECT ${index}`)
  rememberQuery(place, 'SELECT 20')
  const queries = pastQueries(place)
  assert.deepEqual([queries.length, queries[0], queries[1], queries.at(-1)], [30, 'SELECT 20', 'SELECT 39', 'SELECT 10'])
})

test('what somebody else has written there does no harm', () => {
  for (const text of ['{', '7', '[1,null]', '{}']) assert.deepEqual(pastQueries({ getItem: () => text }), [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killAtRandom } from './kills.ts'

test('kill -9 at random points of imports in every mode, undos, backups, restores and resumptions leaves all of it or nothing, and the truth', async (t) => {
  const { kills } = await killAtRandom(t, { seed: 20_261_124, kills: 12, maxRows: 3000 })
  assert.equal(kills, 12)
})

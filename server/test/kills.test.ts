import assert from 'node:assert/strict'
import { test } from 'node:test'
import { amount } from './amount.ts'
import { killAtRandom } from './kills.ts'

test('kill -9 at random points of imports in every mode, undos, backups, restores and resumptions leaves all of it or nothing, and the truth', async (t) => {
  const kills = amount(12, 60)
  // Another one each time; what fails names it.
  const seed = Date.now() % 2 ** 31
  assert.equal((await killAtRandom(t, { seed, kills, maxRows: 3000 })).kills, kills)
})

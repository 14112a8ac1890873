import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { temporaryFolder } from '../test/support.ts'
import { Access, SESSION_COOKIE } from './access.ts'

const HOUR_MS = 3600_000
const cookie = (secret: string) => ({ cookie: `other=1; ${SESSION_COOKIE}=${secret}` })
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

interface Clock { now: number }

async function open(t: TestContext, { password = 'correct horse', folder = temporaryFolder(t), clock = { now: 1_000 } }: { password?: string | undefined, folder?: string, clock?: Clock } = {}) {
  const access = await Access.open(join(folder, 'access.db'), password, HOUR_MS, () => clock.now)
  t.after(() => access.close())
  const ended: string[] = []
  access.onEnd((id) => ended.push(id))
  return { access, ended, clock, folder }
}

describe('without a password', () => {
  test('everybody is let in, and there is nothing to sign in to and no token to make', async (t) => {
    const access = await Access.open(join(temporaryFolder(t), 'access.db'), undefined, HOUR_MS)
    assert.equal(access.isPasswordSet, false)
    assert.equal(access.identify({})?.kind, 'anybody')
    await assert.rejects(access.signIn(''), { code: 'PASSWORD_NOT_SET' })
    assert.throws(() => access.addToken({ name: 'x' }), { code: 'PASSWORD_NOT_SET' })
    assert.throws(() => access.tokens(), { code: 'PASSWORD_NOT_SET' })
    access.close()
  })
})

describe('a session', () => {
  test('begins with the password and nothing else', async (t) => {
    const { access } = await open(t)
    for (const wrong of ['', 'correct hors', 'correct horse ', 'CORRECT HORSE']) await assert.rejects(access.signIn(wrong), { code: 'UNAUTHORIZED' })
    for (const odd of [undefined, null, 7, ['correct horse'], { toString: 'correct horse' }]) await assert.rejects(access.signIn(odd), { code: 'BAD_BODY' })
    const { secret, expiresAt } = await access.signIn('correct horse')
    assert.equal(Buffer.from(secret, 'base64url').length, 32)
    assert.equal(expiresAt, 1_000 + HOUR_MS)
    assert.equal(access.identify(cookie(secret))?.kind, 'session')
    assert.notEqual((await access.signIn('correct horse')).secret, secret)
  })

  test('is known by its secret only', async (t) => {
    const { access } = await open(t)
    const { secret } = await access.signIn('correct horse')
    const { id } = access.identify(cookie(secret))!
    for (const headers of [{}, cookie(''), cookie(id), cookie(`${secret}A`), cookie(secret.slice(0, -1)), bearer(secret), { cookie: secret }, { cookie: `__proto__=x; constructor=${secret}` }]) {
      assert.equal(access.identify(headers), null)
    }
  })

  test('takes a password that is typed as other code points of the same characters', async (t) => {
    const { access } = await open(t, { password: 'über\u00a0alles' })
    assert.ok((await access.signIn('u\u0308ber alles')).secret)
  })

  test('ends when signed out, when its time is up and when the password changes, and is told of', async (t) => {
    const { access, ended, clock, folder } = await open(t)
    const [first, second] = [await access.signIn('correct horse'), await access.signIn('correct horse')]
    const [one, two] = [access.identify(cookie(first.secret))!, access.identify(cookie(second.secret))!]
    access.signOut(one)
    assert.equal(access.identify(cookie(first.secret)), null)
    assert.deepEqual(ended, [one.id])
    clock.now += HOUR_MS - 1
    access.endExpired()
    assert.ok(access.identify(cookie(second.secret)))
    clock.now += 1
    assert.equal(access.identify(cookie(second.secret)), null)
    access.endExpired()
    assert.deepEqual(ended, [one.id, two.id])

    const third = await access.signIn('correct horse')
    const token = access.addToken({ name: 'stays' })
    const same = await open(t, { folder, clock })
    assert.ok(same.access.identify(cookie(third.secret)), 'a restart with the same password ends no session')
    const other = await open(t, { folder, clock, password: 'another one' })
    assert.equal(other.access.identify(cookie(third.secret)), null)
    assert.ok(other.access.identify(bearer(token.token)), 'tokens are not made with the password, so they stay')
  })
})

describe('a token', () => {
  test('is known by its secret, until it is revoked or its time is up', async (t) => {
    const { access, ended, clock } = await open(t)
    const made = access.addToken({ name: ' nightly import ', scope: 'full' })
    assert.match(made.token, /^hxt_[\w-]{43}$/)
    assert.equal(made.name, 'nightly import')
    assert.deepEqual(access.identify(bearer(made.token)), { id: made.id, kind: 'token', scope: 'full', expiresAt: null })
    for (const authorization of ['', 'Bearer', `Basic ${made.token}`, `Bearer ${made.token} x`, `Bearer ${made.id}`, made.token]) assert.equal(access.identify({ authorization }), null)
    assert.deepEqual(access.tokens(), [{ id: made.id, name: 'nightly import', scope: 'full', createdAt: 1_000, lastUsedAt: 1_000, expiresAt: null }])
    access.revokeToken(made.id)
    assert.equal(access.identify(bearer(made.token)), null)
    assert.throws(() => access.revokeToken(made.id), { code: 'TOKEN_NOT_FOUND' })

    const short = access.addToken({ name: 'one day', expiresInDays: 1 })
    clock.now += 24 * HOUR_MS
    assert.equal(access.identify(bearer(short.token)), null)
    access.endExpired()
    assert.deepEqual(ended, [made.id, short.id])
    assert.deepEqual(access.tokens(), [])
  })

  test('goes before a cookie, so that a wrong one is never made good by it', async (t) => {
    const { access } = await open(t)
    const { secret } = await access.signIn('correct horse')
    assert.equal(access.identify({ ...cookie(secret), ...bearer('hxt_wrong') }), null)
  })

  test('is refused where what is asked for makes no sense', async (t) => {
    const { access } = await open(t)
    for (const given of [undefined, null, 'x', {}, { name: '' }, { name: ' ' }, { name: 7 }, { name: 'x'.repeat(101) }, { name: 'x', scope: 'admin' }, { name: 'x', expiresInDays: 0 }, { name: 'x', expiresInDays: '7' }, { name: 'x', expiresInDays: 1e9 }]) {
      assert.throws(() => access.addToken(given), { code: 'BAD_BODY' }, JSON.stringify(given))
    }
  })
})

test('no file holds the password or a secret', async (t) => {
  const { access, folder } = await open(t)
  const { secret } = await access.signIn('correct horse')
  const { token } = access.addToken({ name: 'x' })
  for (const file of ['access.db', 'access.db-wal']) {
    const bytes = readFileSync(join(folder, file)).toString('latin1')
    for (const text of ['correct horse', secret, token]) assert.ok(!bytes.includes(text), file)
  }
})

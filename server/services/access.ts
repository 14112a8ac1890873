import { createHash, randomBytes, randomUUID, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { promisify } from 'node:util'
import { parseCookie } from 'cookie'
import { AccessStore } from '../db/access-store.ts'
import { Fault } from '../faults.ts'
import type { ApiTokenInfo, NewApiToken, TokenScope } from '../protocol.ts'

/** The cookie that holds a session's secret. */
export const SESSION_COOKIE = 'hextrackr_session'

/** Tells our tokens from those of others, for people and for programs that search code for leaked ones. */
const TOKEN_PREFIX = 'hxt_'

/** Of a session or a token: 256 bits. */
const SECRET_BYTES = 32

/** About 50 ms and 16 MiB for each try. Tries are few (routes/limits.ts), and who can read the file has the data anyway. */
const SCRYPT: ScryptOptions = { N: 2 ** 14, r: 8, p: 1 }
const SCRYPT_BYTES = 32

/** How often what has expired is ended, ms. */
const SWEEP_MS = 60_000

/** A token's last use is noted no more often than this, ms. */
const TOUCH_MS = 60_000

const DAY_MS = 24 * 3600_000
const MAX_TOKENS = 100
const MAX_NAME_LENGTH = 100
const MAX_TOKEN_DAYS = 3650

const derive = promisify(scrypt) as (password: string, salt: Buffer, bytes: number, options: ScryptOptions) => Promise<Buffer>

/** The same characters can be typed as different code points. */
const hashPassword = (password: string, salt: Buffer): Promise<Buffer> => derive(password.normalize('NFKC'), salt, SCRYPT_BYTES, SCRYPT)

const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex')

const newSecret = (): string => randomBytes(SECRET_BYTES).toString('base64url')

/** Who sends a request. */
export interface Principal {
  /** Of the session or token, and the same for all who need neither. */
  id: string
  kind: 'session' | 'token' | 'anybody'
  scope: TokenScope
  /** When it ends by itself. */
  expiresAt: number | null
}

const ANYBODY: Principal = { id: 'anybody', kind: 'anybody', scope: 'full', expiresAt: null }

interface Guarded {
  store: AccessStore
  password: { salt: Buffer, hash: Buffer }
}

/** Who may use the server: everybody where no password is set, else who has a session or a token. */
export class Access {
  readonly #guarded: Guarded | undefined
  readonly #sessionMs: number
  readonly #sweep: NodeJS.Timeout | undefined
  readonly #now: () => number
  #onEnd: (principalId: string) => void = () => undefined

  private constructor(guarded: Guarded | undefined, sessionMs: number, now: () => number) {
    this.#guarded = guarded
    this.#sessionMs = sessionMs
    this.#now = now
    if (guarded) this.#sweep = setInterval(() => this.endExpired(), SWEEP_MS).unref()
  }

  /**
   * @param path of the database of sessions and tokens; not touched where there is no password
   * @param password undefined lets everybody in
   * @param sessionMs how long a session lasts
   * @throws SqliteError where that database cannot be opened
   */
  static async open(path: string, password: string | undefined, sessionMs: number, now = Date.now): Promise<Access> {
    if (password === undefined) return new Access(undefined, sessionMs, now)
    const store = new AccessStore(path)
    const known = store.password()
    if (known && timingSafeEqual(await hashPassword(password, known.salt), known.hash)) return new Access({ store, password: known }, sessionMs, now)
    const salt = randomBytes(16)
    const chosen = { salt, hash: await hashPassword(password, salt) }
    store.changePassword(chosen)
    return new Access({ store, password: chosen }, sessionMs, now)
  }

  get isPasswordSet(): boolean {
    return this.#guarded !== undefined
  }

  /** Called with the id of each session or token that ends, by a person's wish or by its time. */
  onEnd(listener: (principalId: string) => void): void {
    this.#onEnd = listener
  }

  /** Who sends a request with these headers; null where it says nothing that is valid. */
  identify({ authorization, cookie }: IncomingHttpHeaders): Principal | null {
    if (!this.#guarded) return ANYBODY
    // A script that names a token means the token, whatever cookies it also has.
    if (authorization !== undefined) return this.#identifyToken(authorization)
    const secret = cookie === undefined ? undefined : parseCookie(cookie)[SESSION_COOKIE]
    const session = secret === undefined ? undefined : this.#guarded.store.session(hashSecret(secret))
    if (!session || session.expiresAt <= this.#now()) return null
    return { id: session.hash, kind: 'session', scope: 'full', expiresAt: session.expiresAt }
  }

  #identifyToken(authorization: string): Principal | null {
    const { store } = this.#guarded!
    const secret = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
    const token = secret === undefined ? undefined : store.tokenByHash(hashSecret(secret))
    const now = this.#now()
    if (!token || (token.expiresAt !== null && token.expiresAt <= now)) return null
    if (token.lastUsedAt === null || now - token.lastUsedAt >= TOUCH_MS) store.touchToken(token.id, now)
    return { id: token.id, kind: 'token', scope: token.scope, expiresAt: token.expiresAt }
  }

  /**
   * Begin a session.
   * @returns the secret, which is not kept
   * @throws Fault UNAUTHORIZED, PASSWORD_NOT_SET, BAD_BODY
   */
  async signIn(password: unknown): Promise<{ secret: string, expiresAt: number }> {
    const { store, password: { salt, hash } } = this.#require()
    if (typeof password !== 'string') throw new Fault('BAD_BODY', 'Send the password as JSON: { "password": "…" }.')
    if (!timingSafeEqual(await hashPassword(password, salt), hash)) throw new Fault('UNAUTHORIZED', 'That is not the password.')
    const secret = newSecret()
    const createdAt = this.#now()
    const expiresAt = createdAt + this.#sessionMs
    store.addSession({ hash: hashSecret(secret), createdAt, expiresAt })
    return { secret, expiresAt }
  }

  /** End a session. */
  signOut({ id }: Principal): void {
    this.#guarded?.store.deleteSession(id)
    this.#onEnd(id)
  }

  /** Newest first. @throws Fault PASSWORD_NOT_SET */
  tokens(): ApiTokenInfo[] {
    return this.#require().store.tokens().map(({ hash: _hash, ...token }) => token)
  }

  /**
   * Make a token for a script.
   * @param given `{ name, scope?, expiresInDays? }`
   * @throws Fault PASSWORD_NOT_SET, BAD_BODY
   */
  addToken(given: unknown): NewApiToken {
    const { store } = this.#require()
    const { name, scope, expiresInDays } = readTokenRequest(given)
    if (store.tokens().length >= MAX_TOKENS) throw new Fault('BAD_BODY', `There are ${MAX_TOKENS} tokens already. Revoke one that is not used any more.`)
    const secret = TOKEN_PREFIX + newSecret()
    const createdAt = this.#now()
    const token: ApiTokenInfo = {
      id: randomUUID(), name, scope, createdAt, lastUsedAt: null, expiresAt: expiresInDays === undefined ? null : createdAt + expiresInDays * DAY_MS,
    }
    store.addToken({ ...token, hash: hashSecret(secret) })
    return { ...token, token: secret }
  }

  /** @throws Fault PASSWORD_NOT_SET, TOKEN_NOT_FOUND */
  revokeToken(id: string): void {
    if (!this.#require().store.deleteToken(id)) throw new Fault('TOKEN_NOT_FOUND', 'There is no token with that id.')
    this.#onEnd(id)
  }

  /** End what has had its time. */
  endExpired(): void {
    for (const id of this.#guarded?.store.deleteExpired(this.#now()) ?? []) this.#onEnd(id)
  }

  close(): void {
    clearInterval(this.#sweep)
    this.#guarded?.store.close()
  }

  #require(): Guarded {
    if (!this.#guarded) throw new Fault('PASSWORD_NOT_SET', 'This server has no password, so nobody signs in and no token is needed. Set HEXTRACKR_PASSWORD to protect it.')
    return this.#guarded
  }
}

function readTokenRequest(given: unknown): { name: string, scope: TokenScope, expiresInDays: number | undefined } {
  const bad = (what: string) => new Fault('BAD_BODY', what)
  if (typeof given !== 'object' || given === null) throw bad('Send the token\'s name as JSON: { "name": "…" }.')
  const { name, scope = 'full', expiresInDays } = given as Record<string, unknown>
  if (typeof name !== 'string' || name.trim() === '' || name.length > MAX_NAME_LENGTH) {
    throw bad(`The "name" of a token must be text of 1 to ${MAX_NAME_LENGTH} characters.`)
  }
  if (scope !== 'read' && scope !== 'full') throw bad('The "scope" of a token must be "read" or "full".')
  if (expiresInDays !== undefined && (!Number.isInteger(expiresInDays) || (expiresInDays as number) < 1 || (expiresInDays as number) > MAX_TOKEN_DAYS)) {
    throw bad(`"expiresInDays" must be a whole number from 1 to ${MAX_TOKEN_DAYS}.`)
  }
  return { name: name.trim(), scope, expiresInDays: expiresInDays as number | undefined }
}

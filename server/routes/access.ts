import { json, Router, type Request, type RequestHandler, type Response } from 'express'
import { Fault } from '../faults.ts'
import type { SessionInfo } from '../protocol.ts'
import { SESSION_COOKIE, type Access, type Principal } from '../services/access.ts'
import type { AddressLimits } from './limits.ts'

/** Reading changes nothing (RFC 9110, section 9.2.1). */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** A query is sent with POST for its length, and can do nothing but read. */
const READING_POSTS = /^\/query(\/export)?\/?$/

const unauthorized = (): Fault => new Fault('UNAUTHORIZED', 'This server has a password. Sign in, or send a token.')

/** Who sends a request. @throws Fault UNAUTHORIZED, READ_ONLY_TOKEN */
export function authorize(access: Access, { headers, method = '' }: Pick<Request, 'headers'> & { method?: string | undefined }): Principal {
  const principal = access.identify(headers)
  if (!principal) throw unauthorized()
  if (principal.scope === 'read' && !SAFE_METHODS.has(method)) throw new Fault('READ_ONLY_TOKEN', 'This token may read everything and change nothing.')
  return principal
}

/** Lets nobody past who is not let in. */
export const requireAccess = (access: Access): RequestHandler => (req, _res, next) => {
  authorize(access, READING_POSTS.test(req.path) ? { headers: req.headers, method: 'GET' } : req)
  next()
}

/** Signing in and out, open to all. */
export function sessionRoutes(access: Access, limits: AddressLimits): Router {
  const router = Router()
  router.get('/session', (req, res) => {
    const principal = access.identify(req.headers)
    res.set('Cache-Control', 'no-store').json({
      passwordRequired: access.isPasswordSet, signedIn: principal !== null, ...(principal?.expiresAt && { expiresAt: principal.expiresAt }),
    } satisfies SessionInfo)
  })
  router.post('/session', json({ limit: '10kb' }), async (req, res) => {
    await limits.spendSignIn(req, res)
    const { secret, expiresAt } = await access.signIn((req.body as { password?: unknown } | undefined)?.password)
    await limits.forgiveSignIn(req)
    setCookie(req, res, secret, expiresAt)
    res.set('Cache-Control', 'no-store').json({ passwordRequired: true, signedIn: true, expiresAt } satisfies SessionInfo)
  })
  router.delete('/session', (req, res) => {
    const principal = access.identify(req.headers)
    if (principal?.kind === 'session') access.signOut(principal)
    setCookie(req, res, '', 0)
    res.status(204).end()
  })
  return router
}

/** Not readable by scripts of the page, and sent by the browser only with requests of pages of this very site. */
function setCookie(req: Request, res: Response, secret: string, expiresAt: number): void {
  res.cookie(SESSION_COOKIE, secret, { httpOnly: true, sameSite: 'strict', path: '/', secure: req.secure, expires: new Date(expiresAt) })
}

/** Tokens for scripts. A token makes no others, so that one that leaked can be got rid of. */
export function tokenRoutes(access: Access): Router {
  const router = Router()
  router.use('/tokens', (req, _res, next) => {
    if (access.identify(req.headers)?.kind === 'token') throw new Fault('SESSION_REQUIRED', 'Tokens are made, listed and revoked by somebody who has signed in.')
    next()
  })
  router.get('/tokens', (_req, res) => {
    res.set('Cache-Control', 'no-store').json(access.tokens())
  })
  router.post('/tokens', json({ limit: '10kb' }), (req, res) => {
    res.status(201).set('Cache-Control', 'no-store').json(access.addToken(req.body))
  })
  router.delete('/tokens/:id', (req, res) => {
    access.revokeToken(req.params.id)
    res.status(204).end()
  })
  return router
}

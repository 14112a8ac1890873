import { randomUUID } from 'node:crypto'
import { Router, type RequestHandler } from 'express'
import type { Logger } from 'pino'
import type { Health } from '../protocol.ts'
import type { Access } from '../services/access.ts'
import type { Metrics } from '../services/metrics.ts'

/** An id that a proxy has given a request is kept, if it is one. */
const REQUEST_ID = /^[\w.-]{1,64}$/

/**
 * Gives each request an id, which its answer carries, and writes one line once it is answered: no query, which may hold
 * what cells hold, no headers, no body. Ten lines are all that pino-http would do for us, and it logs headers until told not to.
 */
export const requestLog = (logger: Logger, metrics: Pick<Metrics, 'requestAnswered'>): RequestHandler => (req, res, next) => {
  const startedAt = performance.now()
  const given = req.get('x-request-id')
  const requestId = given !== undefined && REQUEST_ID.test(given) ? given : randomUUID()
  const { method, path } = req
  res.locals.requestId = requestId
  res.set('X-Request-Id', requestId)
  res.once('close', () => {
    const durationMs = Math.round(performance.now() - startedAt)
    const isAnswered = res.writableFinished
    metrics.requestAnswered(method, res.statusCode, durationMs / 1000)
    logger[path.startsWith('/api/') ? 'info' : 'debug']({ requestId, method, path, status: res.statusCode, durationMs, ...(!isAnswered && { isAnswered }) }, 'request')
  })
  next()
}

export interface HealthContext {
  access: Access
  version: string
  /** SQLite's version. */
  sqlite: string
  problems: () => Health['problems'] & object
}

/** Open to all: that it answers, and whether all is well. What is wrong is for those who are let in. */
export function healthRoutes({ access, version, sqlite, problems }: HealthContext): Router {
  const router = Router()
  router.get('/health', (req, res) => {
    const found = problems()
    const health: Health = { status: found.length === 0 ? 'ok' : 'degraded' }
    res.set('Cache-Control', 'no-store').json(access.identify(req.headers) ? { ...health, version, sqlite, ...(found.length > 0 && { problems: found }) } : health)
  })
  return router
}

export const metricsRoute = (metrics: Metrics): RequestHandler => async (_req, res) => {
  res.set('Content-Type', metrics.contentType).set('Cache-Control', 'no-store').send(await metrics.text())
}

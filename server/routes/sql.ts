import { json, Router } from 'express'
import { Fault } from '../faults.ts'
import type { Queries } from '../services/queries.ts'
import { readExportStyle, sendExport } from './download.ts'
import { untilGone } from './until-gone.ts'

const MAX_SQL_LENGTH = 100_000
const DEFAULT_LIMIT = 1000
const MAX_LIMIT = 10_000

/** SQL that people type, which can do nothing but read. */
export function sqlRoutes(queries: Queries): Router {
  const router = Router()
  const body = json({ limit: '500kb' })

  router.post('/query', body, async (req, res) => {
    const { sql, limit } = readBody(req.body)
    res.json(await queries.page(sql, limit, untilGone(res)))
  })
  router.post('/query/export', body, async (req, res) => {
    const { sql } = readBody(req.body)
    const style = readExportStyle(req)
    await sendExport(res, queries.export(sql, style, untilGone(res)), 'query', style)
  })
  return router
}

/** @throws Fault BAD_BODY */
function readBody(body: unknown): { sql: string, limit: number } {
  const { sql, limit = DEFAULT_LIMIT } = (body ?? {}) as { sql?: unknown, limit?: unknown }
  if (typeof sql !== 'string' || sql.length > MAX_SQL_LENGTH) throw new Fault('BAD_BODY', `"sql" must be text of at most ${MAX_SQL_LENGTH} characters.`)
  if (!Number.isInteger(limit) || (limit as number) < 1 || (limit as number) > MAX_LIMIT) {
    throw new Fault('BAD_BODY', `"limit" must be a whole number from 1 to ${MAX_LIMIT}.`)
  }
  return { sql, limit: limit as number }
}

import { json, Router, type Request } from 'express'
import { checkTableName } from '../db/identifiers.ts'
import { FILTER_OPERATORS, type FilterOperator, type RowSelection } from '../db/table-query.ts'
import { Fault } from '../faults.ts'
import type { Imports } from '../services/imports.ts'
import type { Tables } from '../services/tables.ts'
import { readExportFormat, sendExport } from './download.ts'
import { readWholeNumber } from './query.ts'

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1000
const MAX_SEARCH_LENGTH = 1000

export function tableRoutes(tables: Tables, imports: Imports): Router {
  const router = Router()

  router.get('/tables', async (_req, res) => {
    res.json(await tables.list())
  })
  router.get('/tables/:name', async (req, res) => {
    res.json(await tables.describe(req.params.name))
  })
  router.get('/tables/:name/rows', async (req, res) => {
    const limit = readWholeNumber(req.query.limit, 'limit', 0, MAX_LIMIT, DEFAULT_LIMIT)
    const offset = readWholeNumber(req.query.offset, 'offset', 0, Number.MAX_SAFE_INTEGER, 0)
    res.json(await tables.rows(req.params.name, readSelection(req), limit, offset))
  })
  router.get('/tables/:name/export', async (req, res) => {
    const format = readExportFormat(req.query.format)
    await sendExport(res, tables.export(req.params.name, readSelection(req), format), req.params.name, format)
  })
  router.patch('/tables/:name', json({ limit: '10kb' }), async (req, res) => {
    const to = checkTableName((req.body as { name?: unknown } | undefined)?.name)
    imports.checkUnused(req.params.name)
    imports.checkUnused(to)
    await tables.rename(req.params.name, to)
    res.json(await tables.describe(to))
  })
  router.delete('/tables/:name', async (req, res) => {
    imports.checkUnused(req.params.name)
    await tables.drop(req.params.name)
    res.status(204).end()
  })
  return router
}

/** `sort=-col`, `q=text`, `filter[col]=op:value` out of a query string. @throws Fault BAD_QUERY */
function readSelection(req: Request): RowSelection {
  const filters: RowSelection['filters'] = []
  let sort: RowSelection['sort']
  let search: string | undefined
  for (const [key, text] of new URL(req.originalUrl, 'http://localhost').searchParams) {
    const filtered = /^filter\[(.*)\]$/s.exec(key)?.[1]
    if (filtered !== undefined) {
      filters.push(readFilter(filtered, text))
    } else if (key === 'sort' && text !== '') {
      sort = text.startsWith('-') ? { column: text.slice(1), descending: true } : { column: text, descending: false }
    } else if (key === 'q' && text !== '') {
      if (text.length > MAX_SEARCH_LENGTH) throw new Fault('BAD_QUERY', `The parameter "q" has at most ${MAX_SEARCH_LENGTH} characters.`)
      search = text
    }
  }
  return { filters, ...(sort && { sort }), ...(search !== undefined && { search }) }
}

function readFilter(column: string, text: string): RowSelection['filters'][number] {
  const [, operator, , value = ''] = /^([a-z]+)(:(.*))?$/s.exec(text) ?? []
  if (!FILTER_OPERATORS.includes(operator as FilterOperator)) {
    throw new Fault('BAD_QUERY', `The filter on ${JSON.stringify(column)} must be one of ${FILTER_OPERATORS.join(', ')}, then a colon and a value.`)
  }
  return { column, operator: operator as FilterOperator, value }
}

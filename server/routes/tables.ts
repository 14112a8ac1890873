import { json, Router, type Request } from 'express'
import { checkTableName } from '../db/identifiers.ts'
import type { PagePosition, RowSelection } from '../db/table-query.ts'
import { Fault, quoted } from '../faults.ts'
import { FILTER_OPERATORS, type FilterOperator } from '../protocol.ts'
import type { Exports } from '../services/exports.ts'
import type { Imports } from '../services/imports.ts'
import type { Tables } from '../services/tables.ts'
import { readExportStyle, sendExport } from './download.ts'
import { readWholeNumber } from './query.ts'
import { untilGone } from './until-gone.ts'

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1000
const MAX_SEARCH_LENGTH = 1000
/** Of one request. SQLite takes a condition of about a thousand parts (https://sqlite.org/limits.html#max_expr_depth). */
const MAX_FILTERS = 100
const MAX_EXPORT_ID_LENGTH = 64

export function tableRoutes({ tables, imports, exports }: { tables: Tables, imports: Imports, exports: Exports }): Router {
  const router = Router()

  router.get('/tables', async (_req, res) => {
    res.json(await tables.list())
  })
  router.get('/tables/:name', async (req, res) => {
    res.json(await tables.describe(req.params.name))
  })
  router.get('/tables/:name/rows', async (req, res) => {
    const limit = readWholeNumber(req.query.limit, 'limit', 0, MAX_LIMIT, DEFAULT_LIMIT)
    const request = { selection: readSelection(req), limit, position: readPosition(req), isCounted: req.query.count !== 'later' }
    res.json(await tables.rows(req.params.name, request, untilGone(res)))
  })
  router.get('/tables/:name/count', async (req, res) => {
    res.json({ total: await tables.count(req.params.name, readSelection(req), untilGone(res)) })
  })
  router.get('/tables/:name/columns/:column/summary', async (req, res) => {
    res.json(await tables.summary(req.params.name, req.params.column, readSelection(req), untilGone(res)))
  })
  router.post('/tables/:name/indexes', json({ limit: '10kb' }), async (req, res) => {
    const { column } = (req.body ?? {}) as { column?: unknown }
    if (typeof column !== 'string') throw new Fault('BAD_BODY', 'Name the column as { "column": "name" }.')
    await tables.buildIndex(req.params.name, column)
    res.status(201).json(await tables.describe(req.params.name))
  })
  router.delete('/tables/:name/indexes/:column', async (req, res) => {
    await tables.dropIndex(req.params.name, req.params.column)
    res.status(204).end()
  })
  router.get('/tables/:name/export', async (req, res) => {
    const ended = req.query.id === undefined ? undefined : exports.begin(readExportId(req.query.id))
    try {
      const style = readExportStyle(req)
      const columns = paramsOf(req).getAll('column')
      const text = tables.export(req.params.name, { selection: readSelection(req), style, ...(columns.length > 0 && { columns }) })
      await sendExport(res, text, req.params.name, style, ended)
    } catch (error) {
      ended?.(error)
      throw error
    }
  })
  router.get('/exports/:id', async (req, res) => {
    res.json(await exports.end(readExportId(req.params.id), untilGone(res)))
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

/** Names in brackets are read as they stand, which Express's own query parser would not do. */
const paramsOf = (req: Request): URLSearchParams => new URL(req.originalUrl, 'http://localhost').searchParams

/** @throws Fault BAD_QUERY */
function readPosition({ query: { after, before, offset } }: Request): PagePosition {
  if (typeof after === 'string' && after !== '') return { after }
  if (typeof before === 'string' && before !== '') return { before }
  return { offset: readWholeNumber(offset, 'offset', 0, Number.MAX_SAFE_INTEGER, 0) }
}

/** @throws Fault BAD_QUERY */
function readExportId(given: unknown): string {
  if (typeof given !== 'string' || given === '' || given.length > MAX_EXPORT_ID_LENGTH) throw new Fault('BAD_QUERY', `The id of an export has at most ${MAX_EXPORT_ID_LENGTH} characters.`)
  return given
}

/** `sort=-col`, `q=text`, `filter[col]=op:value` out of a query string. @throws Fault BAD_QUERY */
function readSelection(req: Request): RowSelection {
  const filters: RowSelection['filters'] = []
  let sort: string | undefined
  let search: string | undefined
  for (const [key, text] of paramsOf(req)) {
    const filtered = /^filter\[(.*)\]$/s.exec(key)?.[1]
    if (filtered !== undefined) {
      if (filters.length === MAX_FILTERS) throw new Fault('BAD_QUERY', `There can be ${MAX_FILTERS} filters at most.`)
      filters.push(readFilter(filtered, text))
    } else if (key === 'sort' && text !== '') {
      sort = text
    } else if (key === 'q' && text !== '') {
      if (text.length > MAX_SEARCH_LENGTH) throw new Fault('BAD_QUERY', `The parameter "q" has at most ${MAX_SEARCH_LENGTH} characters.`)
      search = text
    }
  }
  return { filters, ...(sort !== undefined && { sort }), ...(search !== undefined && { search }) }
}

function readFilter(column: string, text: string): RowSelection['filters'][number] {
  const [, operator, , value = ''] = /^([a-z]+)(:(.*))?$/s.exec(text) ?? []
  if (!FILTER_OPERATORS.includes(operator as FilterOperator)) {
    throw new Fault('BAD_QUERY', `The filter on ${quoted(column)} must be one of ${FILTER_OPERATORS.join(', ')}, then a colon and a value.`)
  }
  return { column, operator: operator as FilterOperator, value }
}

import { once } from 'node:events'
import { pipeline, type Readable } from 'node:stream'
import type { Request, Response } from 'express'
import { Fault } from '../faults.ts'
import { EXPORT_FORMATS, isCsv, type ExportFormat, type ExportStyle } from '../workers/export-format.ts'
import { untilGone } from './until-gone.ts'

/** Media type of CSV that begins with the names of its columns (RFC 4180, section 3). */
export const CSV_TYPE = 'text/csv; charset=utf-8; header=present'

/**
 * Answer with a stream of text as a file. What is wrong before its first piece is thrown, so it becomes a problem; once
 * rows flow, only the connection can fail.
 * @param ended is told when all has been sent, or why it broke off; what is thrown it is not told
 */
export async function sendDownload(
  res: Response, text: Readable, filename: string, contentType: string, ended: (failure?: unknown) => void = () => undefined,
): Promise<void> {
  const gone = untilGone(res)
  // A stream that nobody reads any more holds a thread or a process until it is told.
  gone.addEventListener('abort', () => text.destroy())
  if (gone.aborted) text.destroy()
  await once(text, 'readable', { signal: gone }).catch((error: unknown) => {
    throw gone.aborted ? new Fault('CANCELLED', 'Nobody waits for the download any more.') : error
  })
  res.attachment(filename).set('Content-Type', contentType).set('Cache-Control', 'no-store')
  pipeline(text, res, (error) => ended(error ?? undefined))
}

const CONTENT_TYPES: Record<ExportFormat, string> = {
  csv: CSV_TYPE,
  excel: CSV_TYPE,
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
}

/** `format=csv&formulas=text` out of a query string. @throws Fault BAD_QUERY */
export function readExportStyle({ query: { format = 'csv', formulas = 'keep' } }: Request): ExportStyle {
  if (!EXPORT_FORMATS.includes(format as ExportFormat)) throw new Fault('BAD_QUERY', `The parameter "format" must be one of ${EXPORT_FORMATS.join(', ')}.`)
  if (formulas !== 'keep' && formulas !== 'text') throw new Fault('BAD_QUERY', 'The parameter "formulas" must be keep or text.')
  const style: ExportStyle = { format: format as ExportFormat, formulasAsText: formulas === 'text' }
  if (style.formulasAsText && !isCsv(style.format)) throw new Fault('BAD_QUERY', 'Only CSV can have its formulas as text: nothing runs them in JSON.')
  return style
}

/**
 * Answer with rows as a file. Its name says where cells were changed.
 * @param name of the file, without its extension
 * @param ended as of `sendDownload`
 */
export const sendExport = (
  res: Response, text: Readable, name: string, { format, formulasAsText }: ExportStyle, ended?: (failure?: unknown) => void,
): Promise<void> => sendDownload(res, text, `${name}${formulasAsText ? '-formulas-as-text' : ''}.${isCsv(format) ? 'csv' : format}`, CONTENT_TYPES[format], ended)

import { once } from 'node:events'
import { pipeline, type Readable } from 'node:stream'
import type { Response } from 'express'
import { Fault } from '../faults.ts'
import { EXPORT_FORMATS, type ExportFormat } from '../workers/export-format.ts'

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
  await once(text, 'readable')
  res.attachment(filename).set('Content-Type', contentType).set('Cache-Control', 'no-store')
  pipeline(text, res, (error) => ended(error ?? undefined))
}

const CONTENT_TYPES: Record<ExportFormat, string> = {
  csv: CSV_TYPE,
  excel: CSV_TYPE,
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
}

/** The format out of a query string. @throws Fault BAD_QUERY */
export function readExportFormat(given: unknown = 'csv'): ExportFormat {
  const format = given as ExportFormat
  if (!EXPORT_FORMATS.includes(format)) throw new Fault('BAD_QUERY', `The parameter "format" must be one of ${EXPORT_FORMATS.join(', ')}.`)
  return format
}

/**
 * Answer with rows as a file in a format.
 * @param name of the file, without its extension
 * @param ended as of `sendDownload`
 */
export const sendExport = (res: Response, text: Readable, name: string, format: ExportFormat, ended?: (failure?: unknown) => void): Promise<void> =>
  sendDownload(res, text, `${name}.${format === 'excel' ? 'csv' : format}`, CONTENT_TYPES[format], ended)

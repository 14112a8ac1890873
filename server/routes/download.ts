import { once } from 'node:events'
import { pipeline, type Readable } from 'node:stream'
import type { Response } from 'express'

/** Media type of CSV that begins with the names of its columns (RFC 4180, section 3). */
export const CSV_TYPE = 'text/csv; charset=utf-8; header=present'

/**
 * Answer with a stream of text as a file. What is wrong before its first piece is thrown, so it becomes a problem; once
 * rows flow, only the connection can fail.
 */
export async function sendDownload(res: Response, text: Readable, filename: string, contentType: string): Promise<void> {
  await once(text, 'readable')
  res.attachment(filename).set('Content-Type', contentType).set('Cache-Control', 'no-store')
  pipeline(text, res, () => undefined)
}

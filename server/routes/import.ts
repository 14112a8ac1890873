import { json, Router, type Request, type Response } from 'express'
import multer, { type StorageEngine } from 'multer'
import { Fault } from '../faults.ts'
import type { ImportPreview, ImportRecord } from '../protocol.ts'
import type { ImportJob, StagedFile } from '../services/import-job.ts'
import { readOptions } from '../services/import-request.ts'
import type { Imports } from '../services/imports.ts'
import { FINGERPRINT_BYTES, type StagedUploads } from '../services/staged-uploads.ts'
import type { Tables } from '../services/tables.ts'
import { CSV_TYPE, sendDownload } from './download.ts'
import { explain, MAX_FIELD_BYTES, noFile, receiveFile, runMulter, type Fields, type FileTaker, type FormFile } from './multipart.ts'
import { atMost } from './limits.ts'
import { readWholeNumber } from './query.ts'

export interface ImportRouteContext {
  imports: Imports
  tables: Tables
  uploads: StagedUploads
  maxUploadBytes: number
  maxRowLength: number
}

/** Previews at a time: each holds the first MiB of a file, and two are worked out at once. */
const MAX_PREVIEWS = 50

/** Most imports one answer lists. */
const MAX_LISTED = 1000

export function importRoutes(context: ImportRouteContext): Router {
  const router = Router()
  const { imports, tables } = context

  router.post('/imports/preview', atMost(MAX_PREVIEWS, 'previews'), async (req, res) => {
    res.json(await preview(req, res, context))
  })
  router.post('/imports', async (req, res) => {
    const { sessionId, table } = await receiveImport(req, res, context)
    res.status(202).location(`/api/imports/${sessionId}`).json({ sessionId, table })
  })
  router.get('/imports', (req, res) => {
    res.json(imports.list(readWholeNumber(req.query.limit, 'limit', 1, MAX_LISTED, MAX_LISTED)))
  })
  router.get('/imports/:id', async (req, res) => {
    const record = imports.get(req.params.id.toLowerCase())
    const reasons = record.status === 'error' || (record.status === 'completed' && record.rowsRejected === 0) ? [] : await tables.rejectReasons(record.number)
    res.json({ ...record, ...(reasons.length > 0 && { rejectReasons: reasons }) } satisfies ImportRecord)
  })
  router.post('/imports/:id/cancel', (req, res) => {
    const sessionId = req.params.id.toLowerCase()
    imports.cancel(sessionId)
    res.status(202).json({ sessionId })
  })
  router.post('/imports/:id/resume', json({ limit: '10kb' }), (req, res) => {
    const { id: sessionId, table } = imports.resume(req.params.id.toLowerCase(), (req.body as { sessionId?: unknown } | undefined)?.sessionId)
    res.status(202).location(`/api/imports/${sessionId}`).json({ sessionId, table })
  })
  router.delete('/imports/:id/file', async (req, res) => {
    await imports.forgetFile(req.params.id.toLowerCase())
    res.status(204).end()
  })
  router.get('/imports/:id/rejects', async (req, res) => {
    const { sessionId, number, filename } = imports.get(req.params.id.toLowerCase())
    await sendDownload(res, tables.rejects(sessionId), `${filename.replace(/\.[^.]*$/, '')}-rejects-${number}.csv`, CSV_TYPE)
  })
  router.post('/imports/:id/undo', async (req, res) => {
    const { number, sessionId, table } = imports.get(req.params.id.toLowerCase())
    imports.checkUnused(table)
    await tables.undo(number, table)
    res.json(imports.get(sessionId))
  })
  return router
}

/** Read the first piece of a file and say what an import of it would do. */
async function preview(req: Request, res: Response, { tables, maxRowLength, maxUploadBytes }: ImportRouteContext): Promise<ImportPreview> {
  const storage = new HeadStorage()
  await runMulter(multer({ storage, limits: { files: 1, fields: 8, fieldSize: MAX_FIELD_BYTES, fileSize: maxUploadBytes }, defParamCharset: 'utf8' }).single('file'), req, res)
    .catch((error: unknown) => {
      throw explain(error, maxUploadBytes)
    })
  const fields = req.body as Record<string, unknown>
  if (!req.file) throw noFile()
  const options = readOptions(fields.options)
  const fileBytes = readWholeNumber(fields.fileBytes, 'fileBytes', 0, Number.MAX_SAFE_INTEGER, req.file.size)
  return tables.preview({ filename: req.file.originalname, head: storage.head(), fileBytes, options, maxRowLength })
}

/** Keeps the first bytes of a file and lets the others pass. */
class HeadStorage implements StorageEngine {
  readonly #chunks: Buffer[] = []
  #bytes = 0

  _handleFile(_req: Request, { stream }: Express.Multer.File, done: (error?: unknown, info?: Partial<Express.Multer.File>) => void): void {
    stream.on('data', (chunk: Buffer) => {
      if (this.#bytes < FINGERPRINT_BYTES) this.#chunks.push(chunk)
      this.#bytes += chunk.length
    })
    stream.on('error', done)
    stream.on('end', () => done(null, { size: this.#bytes }))
  }

  _removeFile(_req: Request, _file: Express.Multer.File, done: (error: Error | null) => void): void {
    done(null)
  }

  head(): Uint8Array {
    return Buffer.concat(this.#chunks).subarray(0, FINGERPRINT_BYTES)
  }
}

/** Take an upload in and hand it to its import. The import goes on by itself after that. */
async function receiveImport(
  req: Request, res: Response, { imports, uploads, maxUploadBytes }: ImportRouteContext,
): Promise<{ sessionId: string, table: string }> {
  const announcedBytes = Number(req.headers['content-length']) || undefined
  if (announcedBytes !== undefined && announcedBytes <= maxUploadBytes) await uploads.checkRoom(announcedBytes)
  return receiveFile(req, res, maxUploadBytes, new Reception(imports, uploads))
}

/** One upload on its way into the staging folder and to its import. */
class Reception implements FileTaker<{ sessionId: string, table: string }> {
  readonly fieldNames = ['sessionId', 'options']
  readonly #imports: Imports
  readonly #uploads: StagedUploads
  #job: ImportJob | undefined
  #file: StagedFile | undefined

  constructor(imports: Imports, uploads: StagedUploads) {
    this.#imports = imports
    this.#uploads = uploads
  }

  async take(fields: Fields, { filename, stream, announcedBytes }: FormFile): Promise<StagedFile> {
    const job = this.#imports.begin({ sessionId: fields.sessionId, options: fields.options, filename })
    this.#job = job
    job.reportUpload(0, announcedBytes)
    const options = fields.options as string | undefined
    this.#file = await this.#uploads.store(job.start, options, stream, this.#imports.watch(job, options, announcedBytes), job.uploadSignal)
    return this.#file
  }

  accept(): { sessionId: string, table: string } {
    const job = this.#job!
    this.#imports.enqueue(job, this.#file!)
    return { sessionId: job.id, table: job.table }
  }

  /** An import that ended before its file had arrived says itself why. */
  endReason(): Fault | undefined {
    return this.#job?.uploadSignal.aborted ? Fault.from(this.#job.uploadSignal.reason) : undefined
  }

  async abandon(fault: Fault): Promise<void> {
    this.#job?.fail(fault)
    if (this.#file) await this.#uploads.remove(this.#file)
  }
}

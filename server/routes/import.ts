import { Router, type Request, type RequestHandler, type Response } from 'express'
import multer, { MulterError, type StorageEngine } from 'multer'
import { Fault } from '../faults.ts'
import type { ImportPreview } from '../protocol.ts'
import type { ImportJob, StagedFile } from '../services/import-job.ts'
import { readOptions } from '../services/import-request.ts'
import type { Imports } from '../services/imports.ts'
import { FINGERPRINT_BYTES, type StagedUploads } from '../services/staged-uploads.ts'
import type { Tables } from '../services/tables.ts'
import { CSV_TYPE, sendDownload } from './download.ts'
import { readWholeNumber } from './query.ts'

export interface ImportRouteContext {
  imports: Imports
  tables: Tables
  uploads: StagedUploads
  maxUploadBytes: number
  maxRowLength: number
}

/** Most imports one answer lists. */
const MAX_LISTED = 1000

/** File systems stop about here; a longer name is somebody's joke. */
const MAX_FILENAME_LENGTH = 255

/** Largest text field of the form: options with a setting for each of 2,000 columns fit well. */
const MAX_FIELD_BYTES = 2 ** 20

export function importRoutes(context: ImportRouteContext): Router {
  const router = Router()
  const { imports, tables } = context

  router.post('/imports/preview', async (req, res) => {
    res.json(await preview(req, res, context))
  })
  router.post('/imports', async (req, res) => {
    const { sessionId, table } = await receiveImport(req, res, context)
    res.status(202).location(`/api/imports/${sessionId}`).json({ sessionId, table })
  })
  router.get('/imports', (req, res) => {
    res.json(imports.list(readWholeNumber(req.query.limit, 'limit', 1, MAX_LISTED, MAX_LISTED)))
  })
  router.get('/imports/:id', (req, res) => {
    res.json(imports.get(req.params.id.toLowerCase()))
  })
  router.post('/imports/:id/cancel', (req, res) => {
    const sessionId = req.params.id.toLowerCase()
    imports.cancel(sessionId)
    res.status(202).json({ sessionId })
  })
  router.get('/imports/:id/rejects', async (req, res) => {
    const { sessionId, number, filename } = imports.get(req.params.id.toLowerCase())
    await sendDownload(res, tables.rejects(sessionId), `${filename.replace(/\.[^.]*$/, '')}-rejects-${number}.csv`, CSV_TYPE)
  })
  router.post('/imports/:id/undo', async (req, res) => {
    const { number, sessionId, table } = imports.get(req.params.id.toLowerCase())
    imports.checkUnused(table)
    await tables.undo(number)
    res.json(imports.get(sessionId))
  })
  return router
}

/** Read the first piece of a file and say what an import of it would do. */
async function preview(req: Request, res: Response, { tables, maxRowLength }: ImportRouteContext): Promise<ImportPreview> {
  const storage = new HeadStorage()
  await runMulter(multer({ storage, limits: { files: 1, fields: 8, fieldSize: MAX_FIELD_BYTES }, defParamCharset: 'utf8' }).single('file'), req, res)
    .catch((error: unknown) => {
      throw explain(error, Infinity)
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

function runMulter(middleware: RequestHandler, req: Request, res: Response): Promise<void> {
  if (!req.is('multipart/form-data')) {
    return Promise.reject(new Fault('BAD_MULTIPART', 'Send the file as multipart/form-data, in a field called "file".'))
  }
  return new Promise((resolve, reject) => {
    middleware(req, res, (error?: unknown) => {
      if (error === undefined) resolve()
      else reject(error instanceof Error ? error : new Error('the upload failed', { cause: error }))
    })
  })
}

/** Take an upload in and hand it to its import. The import goes on by itself after that. */
async function receiveImport(
  req: Request, res: Response, { imports, uploads, maxUploadBytes }: ImportRouteContext,
): Promise<{ sessionId: string, table: string }> {
  const announcedBytes = Number(req.headers['content-length']) || undefined
  if (announcedBytes !== undefined) {
    if (announcedBytes > maxUploadBytes + MAX_FIELD_BYTES) throw tooLarge(maxUploadBytes)
    await uploads.checkRoom(announcedBytes)
  }
  const reception = new Reception(imports, uploads, announcedBytes)
  const middleware = multer({
    storage: reception,
    limits: { files: 1, fields: 8, fieldSize: MAX_FIELD_BYTES, fileSize: maxUploadBytes },
    defParamCharset: 'utf8',
  }).single('file')
  try {
    await runMulter(middleware, req, res)
    const { job, file } = reception.finish(req.body as Record<string, unknown>)
    imports.enqueue(job, file)
    return { sessionId: job.id, table: job.table }
  } catch (error) {
    // An import that ended before its file had arrived says itself why; multer only sees the stream break.
    const fault = reception.endReason ?? explain(error, maxUploadBytes)
    await reception.abandon(fault)
    throw fault
  }
}

/** One upload on its way in: a storage engine of multer's that streams the file into the staging folder. */
class Reception implements StorageEngine {
  readonly #imports: Imports
  readonly #uploads: StagedUploads
  readonly #announcedBytes: number | undefined
  #fieldsSeen: Record<string, unknown> = {}
  #job: ImportJob | undefined
  #file: StagedFile | undefined

  constructor(imports: Imports, uploads: StagedUploads, announcedBytes: number | undefined) {
    this.#imports = imports
    this.#uploads = uploads
    this.#announcedBytes = announcedBytes
  }

  _handleFile(req: Request, file: Express.Multer.File, done: (error?: unknown, info?: Partial<Express.Multer.File>) => void): void {
    this.#receive({ ...req.body as Record<string, unknown> }, file).then(({ bytes }) => done(null, { size: bytes }), done)
  }

  async #receive(fields: Record<string, unknown>, { originalname, stream }: Express.Multer.File): Promise<StagedFile> {
    this.#fieldsSeen = fields
    const job = this.#imports.begin({ sessionId: fields.sessionId, options: fields.options, filename: originalname.slice(0, MAX_FILENAME_LENGTH) })
    this.#job = job
    job.reportUpload(0, this.#announcedBytes)
    this.#file = await this.#uploads.store(job.id, stream, {
      onBytes: (bytes) => job.reportUpload(bytes, this.#announcedBytes),
      onHead: (head) => {
        const target = fields.options === undefined ? this.#imports.recogniseRejects(head) : undefined
        if (target) job.retarget(target)
      },
    }, job.uploadSignal)
    return this.#file
  }

  /** multer asks for this where the request fails after the file has been stored. */
  _removeFile(_req: Request, _file: Express.Multer.File, done: (error: Error | null) => void): void {
    this.#removeFile().then(() => done(null), done)
  }

  async #removeFile(): Promise<void> {
    if (this.#file) await this.#uploads.remove(this.#file)
  }

  /** Why the import has ended already, if it has. */
  get endReason(): Fault | undefined {
    return this.#job?.uploadSignal.aborted ? Fault.from(this.#job.uploadSignal.reason) : undefined
  }

  /** @param fields all fields of the request, those after the file included */
  finish(fields: Record<string, unknown>): { job: ImportJob, file: StagedFile } {
    if (!this.#job || !this.#file) throw noFile()
    for (const name of ['sessionId', 'options']) {
      if (fields[name] !== undefined && this.#fieldsSeen[name] === undefined) {
        throw new Fault('BAD_MULTIPART', `The field "${name}" came after the file. Send sessionId and options before it.`)
      }
    }
    return { job: this.#job, file: this.#file }
  }

  async abandon(fault: Fault): Promise<void> {
    this.#job?.fail(fault)
    await this.#removeFile()
  }
}

const noFile = (): Fault => new Fault('NO_FILE', 'No file was sent. Send it in a field called "file".')

const tooLarge = (maxUploadBytes: number): Fault =>
  new Fault('FILE_TOO_LARGE', `The file is larger than the ${maxUploadBytes.toLocaleString('en')} bytes this server accepts.`)

/** What multer and the multipart parser below it say, in our words. */
function explain(error: unknown, maxUploadBytes: number): Fault {
  if (error instanceof Fault) return error
  if (error instanceof MulterError) {
    if (error.code === 'LIMIT_FILE_SIZE') return tooLarge(maxUploadBytes)
    return new Fault('BAD_MULTIPART', `The upload cannot be used: ${error.message.toLowerCase()}${error.field ? ` (${error.field.slice(0, 100)})` : ''}.`, { cause: error })
  }
  const message = error instanceof Error ? error.message : ''
  if (/^Request (aborted|closed)|^aborted$|premature close/i.test(message)) {
    return new Fault('UPLOAD_LOST', 'The upload was interrupted before the file had arrived. No table was touched.', { cause: error })
  }
  if (/form|boundary|multipart|part header|busboy/i.test(message)) {
    return new Fault('BAD_MULTIPART', 'The upload is not well-formed multipart/form-data.', { cause: error })
  }
  return Fault.from(error)
}

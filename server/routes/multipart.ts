import type { Request, RequestHandler, Response } from 'express'
import multer, { MulterError, type StorageEngine } from 'multer'
import { Fault } from '../faults.ts'

/** Largest text field of a form: options with a setting for each of 2,000 columns fit well. */
export const MAX_FIELD_BYTES = 2 ** 20

/** File systems stop about here; a longer name is somebody's joke. */
const MAX_FILENAME_LENGTH = 255

export type Fields = Readonly<Record<string, unknown>>

/** The file of a form, on its way in. */
export interface FormFile {
  filename: string
  stream: Express.Multer.File['stream']
  /** Of the whole request, where the client said so. */
  announcedBytes: number | undefined
}

/** Takes in the one file of a form. */
export interface FileTaker<Answer> {
  /** Those fields must come before the file. */
  fieldNames: readonly string[]
  /** Store it. @param fields those that came before it */
  take: (fields: Fields, file: FormFile) => Promise<{ bytes: number }>
  /** The whole request has arrived and is in order. */
  accept: () => Answer | Promise<Answer>
  /** The request failed, perhaps before the file came; if `take` was called it has ended. */
  abandon: (fault: Fault) => Promise<void>
  /** Why the file is no longer wanted, if it is not; the form's parser only sees a stream break. */
  endReason?: () => Fault | undefined
}

/** Read a form with a file in it. @throws Fault NO_FILE, BAD_MULTIPART, FILE_TOO_LARGE, UPLOAD_LOST, and whatever the taker throws */
export async function receiveFile<Answer>(req: Request, res: Response, maxUploadBytes: number, taker: FileTaker<Answer>): Promise<Answer> {
  const announcedBytes = Number(req.headers['content-length']) || undefined
  if (announcedBytes !== undefined && announcedBytes > maxUploadBytes + MAX_FIELD_BYTES) throw tooLarge(maxUploadBytes)
  const storage = new TakerStorage(taker, announcedBytes)
  const limits = { files: 1, fields: 8, fieldSize: MAX_FIELD_BYTES, fileSize: maxUploadBytes }
  try {
    await runMulter(multer({ storage, limits, defParamCharset: 'utf8' }).single('file'), req, res)
    storage.checkOrder(req.body as Fields)
    return await taker.accept()
  } catch (error) {
    const fault = taker.endReason?.() ?? explain(error, maxUploadBytes)
    // Multer hears of a broken stream before the taker has put away what it wrote of it.
    await storage.settled
    await taker.abandon(fault)
    throw fault
  }
}

/** A storage engine of multer's that hands the file on. */
class TakerStorage<Answer> implements StorageEngine {
  readonly #taker: FileTaker<Answer>
  readonly #announcedBytes: number | undefined
  #fieldsBefore: Fields | undefined
  #settled: Promise<unknown> = Promise.resolve()

  /** Fulfilled when the taker has stored the file or failed to. */
  get settled(): Promise<unknown> {
    return this.#settled
  }

  constructor(taker: FileTaker<Answer>, announcedBytes: number | undefined) {
    this.#taker = taker
    this.#announcedBytes = announcedBytes
  }

  _handleFile(req: Request, file: Express.Multer.File, done: (error?: unknown, info?: Partial<Express.Multer.File>) => void): void {
    this.#fieldsBefore = { ...req.body as Fields }
    const filename = file.originalname.slice(0, MAX_FILENAME_LENGTH)
    const taken = this.#taker.take(this.#fieldsBefore, { filename, stream: file.stream, announcedBytes: this.#announcedBytes })
    this.#settled = taken.catch(() => undefined)
    taken.then(({ bytes }) => done(null, { size: bytes }), done)
  }

  /** What has been stored goes when the request is abandoned. */
  _removeFile(_req: Request, _file: Express.Multer.File, done: (error: Error | null) => void): void {
    done(null)
  }

  /** @param fields all of the form, those after the file included; @throws Fault NO_FILE, BAD_MULTIPART */
  checkOrder(fields: Fields): void {
    const before = this.#fieldsBefore
    if (!before) throw noFile()
    for (const name of this.#taker.fieldNames) {
      if (fields[name] !== undefined && before[name] === undefined) {
        throw new Fault('BAD_MULTIPART', `The field "${name}" came after the file. Send ${this.#taker.fieldNames.join(' and ')} before it.`)
      }
    }
  }
}

export function runMulter(middleware: RequestHandler, req: Request, res: Response): Promise<void> {
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

export const noFile = (): Fault => new Fault('NO_FILE', 'No file was sent. Send it in a field called "file".')

const tooLarge = (maxUploadBytes: number): Fault =>
  new Fault('FILE_TOO_LARGE', `The file is larger than the ${maxUploadBytes.toLocaleString('en')} bytes this server accepts.`)

/** What multer and the multipart parser below it say, in our words. */
export function explain(error: unknown, maxUploadBytes: number): Fault {
  if (error instanceof Fault) return error
  if (error instanceof MulterError) {
    if (error.code === 'LIMIT_FILE_SIZE') return tooLarge(maxUploadBytes)
    return new Fault('BAD_MULTIPART', `The upload cannot be used: ${error.message.toLowerCase()}${error.field ? ` (${error.field.slice(0, 100)})` : ''}.`, { cause: error })
  }
  const fault = Fault.from(error)
  // SQLite has words of its own that are like those of the parser: "database disk image is malformed".
  if (fault.code !== 'INTERNAL') return fault
  const message = error instanceof Error ? error.message : ''
  if (/^Request (aborted|closed)|^aborted$|premature close/i.test(message)) {
    return new Fault('UPLOAD_LOST', 'The upload was interrupted before the file had arrived. No table was touched.', { cause: error })
  }
  if (/form|boundary|multipart|part header|busboy/i.test(message)) {
    return new Fault('BAD_MULTIPART', 'The upload is not well-formed multipart/form-data.', { cause: error })
  }
  return fault
}

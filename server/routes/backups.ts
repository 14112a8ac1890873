import { json, Router, type Request } from 'express'
import { Fault } from '../faults.ts'
import type { BackupStatus } from '../protocol.ts'
import type { BackupFolder } from '../services/backup-folder.ts'
import type { Arrived, ArrivingFile, Backups } from '../services/backups.ts'
import { receiveFile, type Fields, type FileTaker, type FormFile } from './multipart.ts'

export interface BackupRouteContext {
  backups: Backups
  folder: BackupFolder
  nextScheduled: () => BackupStatus['schedule']
  maxUploadBytes: number
}

/** Media type of a database file (https://www.iana.org/assignments/media-types/application/vnd.sqlite3). */
const SQLITE_TYPE = 'application/vnd.sqlite3'

export function backupRoutes({ backups, folder, nextScheduled, maxUploadBytes }: BackupRouteContext): Router {
  const router = Router()
  const body = json({ limit: '10kb' })

  router.get('/backup-status', async (_req, res) => {
    const schedule = nextScheduled()
    res.json({ ...await backups.status(), ...(schedule && { schedule }) } satisfies BackupStatus)
  })
  router.get('/backups', async (_req, res) => {
    res.json(await backups.list())
  })
  router.post('/backups', body, async (req, res) => {
    const { sessionId, name } = await backups.startBackup({ sessionId: sessionIdOf(req), kind: 'manual' })
    res.status(202).location(`/api/progress/${sessionId}`).json({ sessionId, name })
  })
  router.post('/backups/upload', async (req, res) => {
    const taker = new ArrivalTaker((given, file) => backups.receiveBackup(given, file))
    const { sessionId, name } = await receiveFile(req, res, maxUploadBytes, taker)
    res.status(202).location(`/api/progress/${sessionId}`).json({ sessionId, name })
  })
  router.get('/backups/:name', async (req, res) => {
    const { name, bytes, sha256 } = await backups.get(req.params.name)
    res.set('Cache-Control', 'private, no-cache').type(SQLITE_TYPE)
    if (sha256 !== undefined) res.set('ETag', `"${sha256}"`)
    await new Promise<void>((resolve, reject) => {
      res.download(name, name, { root: folder.path }, (error?: NodeJS.ErrnoException & { status?: number }) => {
        // Once bytes flow, only the connection can fail.
        if (!error || res.headersSent) return resolve()
        if (error.status === 416) reject(new Fault('BAD_RANGE', `The file has ${bytes} bytes. None of them are in that range.`))
        else reject(error.code === 'ENOENT' ? new Fault('BACKUP_NOT_FOUND', 'The backup has just been deleted.') : error)
      })
    })
  })
  router.delete('/backups/:name', async (req, res) => {
    await backups.remove(req.params.name)
    res.status(204).end()
  })
  router.get('/backups/:name/preview', async (req, res) => {
    res.set('Cache-Control', 'no-store').json(await backups.preview(req.params.name))
  })
  router.post('/backups/:name/restore', body, async (req, res) => {
    const { sessionId } = await backups.startRestore(req.params.name, sessionIdOf(req))
    res.status(202).location(`/api/progress/${sessionId}`).json({ sessionId })
  })
  router.post('/restore', async (req, res) => {
    const taker = new ArrivalTaker((given, file) => backups.receiveRestore(given, file))
    const { sessionId } = await receiveFile(req, res, maxUploadBytes, taker)
    res.status(202).location(`/api/progress/${sessionId}`).json({ sessionId })
  })
  router.post('/operations/:id/cancel', (req, res) => {
    const sessionId = req.params.id.toLowerCase()
    backups.cancel(sessionId)
    res.status(202).json({ sessionId })
  })
  return router
}

const sessionIdOf = (req: Request): unknown => (req.body as { sessionId?: unknown } | undefined)?.sessionId

/** Takes a database file in. */
class ArrivalTaker<Answer> implements FileTaker<Answer> {
  readonly fieldNames = ['sessionId']
  readonly #receive: (sessionId: unknown, file: ArrivingFile) => Promise<Arrived<Answer>>
  #arrived: Arrived<Answer> | undefined

  constructor(receive: (sessionId: unknown, file: ArrivingFile) => Promise<Arrived<Answer>>) {
    this.#receive = receive
  }

  async take({ sessionId }: Fields, file: FormFile): Promise<{ bytes: number }> {
    this.#arrived = await this.#receive(sessionId, file)
    return { bytes: this.#arrived.bytes }
  }

  accept(): Promise<Answer> {
    return this.#arrived!.accept()
  }

  async abandon(fault: Fault): Promise<void> {
    await this.#arrived?.abandon(fault)
  }
}

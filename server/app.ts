import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, Server as HttpServer } from 'node:http'
import { join } from 'node:path'
import express from 'express'
import type { Logger } from 'pino'
import { Server } from 'socket.io'
import type { Config } from './config.ts'
import { dropStagingTables } from './db/catalogue.ts'
import { getImport, insertImport, interruptUnfinishedImports, isResumable } from './db/imports-store.ts'
import { migrate } from './db/migrations.ts'
import { createWriter } from './db/open.ts'
import { lastBackupFailure, openOperations } from './db/operations-store.ts'
import { listStaged, type StagedRecord } from './db/staged-store.ts'
import { Fault } from './faults.ts'
import type { ClientToServerEvents, ProgressSnapshot, ServerToClientEvents } from './protocol.ts'
import { authorize, requireAccess, sessionRoutes, tokenRoutes } from './routes/access.ts'
import { backupRoutes } from './routes/backups.ts'
import { guardSockets } from './routes/handshake.ts'
import { importRoutes } from './routes/import.ts'
import { AddressLimits, endStalled, refuseEncoded } from './routes/limits.ts'
import { healthRoutes, metricsRoute, requestLog } from './routes/operations.ts'
import { apiNotFound, problemHandler } from './routes/problem.ts'
import { progressRoutes } from './routes/progress.ts'
import { Gate, securityHeaders } from './routes/security.ts'
import { sqlRoutes } from './routes/sql.ts'
import { tableRoutes } from './routes/tables.ts'
import { Access } from './services/access.ts'
import { BackupFolder } from './services/backup-folder.ts'
import { Backups, scheduleBackups } from './services/backups.ts'
import type { DataChanged } from './services/data-changed.ts'
import { DatabaseFile } from './services/database-file.ts'
import { Exports } from './services/exports.ts'
import { findHealthProblems } from './services/health.ts'
import { Imports } from './services/imports.ts'
import { MainWriter } from './services/main-writer.ts'
import { Metrics } from './services/metrics.ts'
import { Operations } from './services/operations.ts'
import { Queries } from './services/queries.ts'
import { explainDamage } from './services/recovery.ts'
import { RestoreGate } from './services/restore-gate.ts'
import { StagedUploads } from './services/staged-uploads.ts'
import { Tables } from './services/tables.ts'
import { WriteTurns } from './services/write-turns.ts'
import { attachProgressSockets } from './sockets.ts'
import { RoomBroadcast } from './room-broadcast.ts'
import { ProgressTracker, toSnapshot } from './tracker.ts'

/** Not imported: that asks for all that the module has, and Node then loads its HTTP client for one of them, a tenth of the work of a start. */
const { createServer } = process.getBuiltinModule('node:http')

/** The built page. */
const PAGE = join(import.meta.dirname, '../web/dist')

/** Rows to try the app with. */
const SAMPLE = join(import.meta.dirname, '../data/sample-findings.csv')

const HOUR_MS = 3600_000

/** How long the headers of a request may take to arrive, ms. */
const HEADERS_TIMEOUT_MS = 30_000

/** Of all addresses together. Each costs a descriptor; what comes beyond is closed at once. */
const MAX_CONNECTIONS = 10_000

/** Largest message of a client, bytes. */
const MAX_SOCKET_MESSAGE_BYTES = 256 * 2 ** 10

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as { version: string }

/** The part of Engine.IO's socket that is used here; the package that has its type is not ours. */
interface EngineSocket {
  request: IncomingMessage
  once: (event: 'close', listener: () => void) => void
}

export interface App {
  /** Not listening yet. */
  httpServer: HttpServer
  /** Interrupt what runs, tell everybody, close the database. Takes no longer than the slowest batch. */
  close: () => Promise<void>
}

/**
 * Build every room of the server and wire them; opens no port.
 * @throws where the data folder or the database cannot be used
 */
export async function createApp(config: Config, logger: Logger): Promise<App> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 })
  const databasePath = join(config.dataDir, 'hextrackr.db')
  const turns = new WriteTurns()
  const keepInterruptedMs = config.keepInterruptedHours * HOUR_MS
  const operationsDb = openOperations(join(config.dataDir, 'operations.db'), config.busyTimeoutMs)
  const backupFolder = new BackupFolder(join(config.dataDir, 'backups'))
  await backupFolder.open()
  try {
    prepareDatabase(databasePath, config.busyTimeoutMs, logger, listStaged(operationsDb))
  } catch (error) {
    throw await explainDamage(error, backupFolder, operationsDb)
  }
  const file = new DatabaseFile(databasePath)
  const writer = new MainWriter(databasePath, turns, config.busyTimeoutMs)
  const uploads = new StagedUploads(join(config.dataDir, 'uploads'), operationsDb, keepInterruptedMs)
  await uploads.open((sessionId) => isResumable(writer.db, sessionId))

  const access = await Access.open(join(config.dataDir, 'access.db'), config.password, config.sessionHours * HOUR_MS)
  const gate = new Gate(config.host, config.allowedHosts)
  const addresses = new AddressLimits({
    trustedProxies: config.trustedProxies, requestsPerMinute: config.maxRequestsPerMinute, sockets: config.maxSocketsPerAddress,
  })
  const page = express()
  // Node would cut off every upload that takes longer than five minutes, and without that limit has none for headers either.
  const httpServer = createServer({ requestTimeout: 0, headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: 5_000 }, page)
  httpServer.maxConnections = MAX_CONNECTIONS
  const io = new Server<ClientToServerEvents, ServerToClientEvents>(httpServer, {
    serveClient: false,
    // What a client has to say is a session's id.
    maxHttpBufferSize: MAX_SOCKET_MESSAGE_BYTES,
  })
  guardSockets(httpServer, io.path(), (req) => gate.refusal(req) ?? accessRefusal(access, req) ?? (isHandshake(req) ? addresses.socketRefusal(req) : null))
  io.engine.on('connection', (socket: EngineSocket) => socket.once('close', addresses.countSocket(socket.request)))
  cutWithAccess(io, access)
  const tracker = new ProgressTracker(new RoomBroadcast(io))
  const queries = new Queries(databasePath, { timeoutMs: config.queryTimeoutMs, maxMemoryBytes: config.maxQueryMemoryBytes })
  const snapshot = (sessionId: string): ProgressSnapshot | null => {
    const session = tracker.getSession(sessionId)
    return session ? toSnapshot(session) : backups.snapshot(sessionId) ?? imports.snapshot(sessionId)
  }
  const isKnownSession = (sessionId: string): boolean => snapshot(sessionId) !== null
  const onDataChanged: DataChanged = (change) => void io.emit('data-changed', { ...change, at: Date.now() })
  const metrics = new Metrics()
  const restoreGate = new RestoreGate()
  const { busyTimeoutMs } = config
  const imports = new Imports(
    {
      databasePath, file, busyTimeoutMs, maxRowLength: config.maxRowLength, maxUndoBytes: config.maxUndoBytes, keepInterruptedMs,
      clearUp: (importNumber) => tables.clearUp(importNumber), tracker, writer, turns, onDataChanged, metrics, logger,
    },
    { running: config.maxRunningImports, waiting: config.maxWaitingImports }, uploads, restoreGate, isKnownSession,
  )
  const exports = new Exports()
  const tables = new Tables(databasePath, file, turns, busyTimeoutMs, restoreGate, onDataChanged)
  const backups = new Backups({
    databasePath, busyTimeoutMs, file, folder: backupFolder, operationsDb, operations: new Operations({ db: operationsDb, tracker, logger }),
    imports, turns, gate: restoreGate,
    retention: {
      'manual': config.keepManualBackups, 'scheduled': config.keepScheduledBackups, 'pre-restore': config.keepSafetyCopies, 'uploaded': config.keepUploadedBackups,
    },
    isKnownSession, logger,
    onSwapped: () => {
      writer.reopen()
      tables.reopen()
      onDataChanged({ reason: 'restore' })
    },
    onDataChanged,
  })
  await backups.recover()
  const schedule = config.backupSchedule === '' ? undefined : scheduleBackups(config.backupSchedule, backups, logger)
  attachProgressSockets(io, { snapshot, logger })

  metrics.observe({
    databasePath, dataDir: config.dataDir, imports: () => imports.counts, sockets: () => io.engine.clientsCount, keptBytes: () => uploads.keptBytes,
  })

  const sqlite = writer.db.prepare<[], { v: string }>('SELECT sqlite_version() AS v').get()!.v
  const api = express.Router()
  api.use(healthRoutes({
    access, version, sqlite,
    problems: () => findHealthProblems({
      databasePath, file, dataDir: config.dataDir, minFreeBytes: config.minFreeBytes, lastBackupFailure: () => lastBackupFailure(operationsDb),
    }),
  }))
  api.use(sessionRoutes(access, addresses))
  api.use(requireAccess(access))
  api.use(tokenRoutes(access))
  api.get('/sample', (_req, res) => {
    res.sendFile(SAMPLE, { headers: { 'Content-Type': 'text/csv; charset=utf-8' } })
  })
  api.use(importRoutes({ imports, tables, uploads, maxUploadBytes: config.maxUploadBytes, maxRowLength: config.maxRowLength }))
  api.use(progressRoutes(snapshot))
  api.use(tableRoutes({ tables, imports, exports }))
  api.use(sqlRoutes(queries))
  api.use(backupRoutes({
    backups, folder: backupFolder, maxUploadBytes: config.maxUploadBytes,
    nextScheduled: () => schedule && { cron: schedule.cron, nextAt: schedule.nextAt },
  }))
  api.use(apiNotFound)

  page.disable('x-powered-by')
  page.set('trust proxy', config.trustedProxies)
  page.use(requestLog(logger, metrics), gate.middleware(), securityHeaders(), addresses.middleware())
  page.use(endStalled({ uploadMs: config.uploadStallSeconds * 1000, downloadMs: config.downloadStallSeconds * 1000 }))
  page.use('/api', refuseEncoded, api)
  page.get('/metrics', requireAccess(access), metricsRoute(metrics))
  page.use(express.static(PAGE, { index: false, immutable: true, maxAge: '1y' }))
  page.get('/{*path}', (_req, res, next) => {
    if (existsSync(join(PAGE, 'index.html'))) res.set('Cache-Control', 'no-cache').sendFile(join(PAGE, 'index.html'))
    else next()
  })
  page.use(apiNotFound, problemHandler(logger))

  return {
    httpServer,
    close: async () => {
      httpServer.close()
      queries.close()
      exports.close()
      schedule?.close()
      uploads.close()
      await Promise.all([imports.close(), backups.close()])
      // Socket.IO waits for the HTTP server, which waits for every connection that some client keeps open.
      const closed = io.close()
      httpServer.closeAllConnections()
      await closed
      tracker.close()
      await tables.close()
      writer.close()
      access.close()
      operationsDb.close()
    },
  }
}

function accessRefusal(access: Access, req: IncomingMessage): Fault | null {
  try {
    // Following sessions changes nothing, whatever the method of a polling request.
    authorize(access, { headers: req.headers, method: 'GET' })
    return null
  } catch (error) {
    return Fault.from(error)
  }
}

/** Whether a request to Socket.IO begins a connection: the later ones of it name it. */
const isHandshake = ({ url = '' }: IncomingMessage): boolean => !new URLSearchParams(url.split('?')[1]).has('sid')

/** A socket lives no longer than what let it in. */
function cutWithAccess(io: Server<ClientToServerEvents, ServerToClientEvents>, access: Access): void {
  const room = (principalId: string): string => `access-${principalId}`
  io.on('connection', (socket) => {
    const principal = access.identify(socket.request.headers)
    if (principal) void socket.join(room(principal.id))
    else socket.disconnect(true)
  })
  access.onEnd((principalId) => io.in(room(principalId)).disconnectSockets(true))
}

/**
 * Bring the database up to date and set right what a crash has left behind, before anybody can see it.
 * @param staged uploads that were whole, the import of some of which had no record yet
 */
function prepareDatabase(path: string, busyTimeoutMs: number, logger: Logger, staged: readonly StagedRecord[]): void {
  const db = createWriter(path, busyTimeoutMs)
  try {
    migrate(db)
    for (const { start, keptSince } of staged) if (keptSince === null && !getImport(db, start.sessionId)) insertImport(db, start)
    const interrupted = interruptUnfinishedImports(db, Date.now())
    const dropped = dropStagingTables(db)
    if (interrupted.length > 0 || dropped > 0) logger.warn({ interrupted: interrupted.length, dropped }, 'cleared up after imports that did not finish')
  } finally {
    db.close()
  }
}

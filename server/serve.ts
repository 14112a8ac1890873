import { readdirSync } from 'node:fs'
import { flushCompileCache, getCompileCacheDir } from 'node:module'
import { pino } from 'pino'
import { createApp } from './app.ts'
import { readConfig, type Config } from './config.ts'
import { Fault } from './faults.ts'

/** How long a stop may take, ms, before the process ends whatever still runs. A kill loses nothing, see docs/architecture.md. */
const STOP_DEADLINE_MS = 10_000

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}

/** In words of ours where there are some. */
function reasonOf(error: unknown): string {
  const fault = Fault.from(error)
  return fault.code === 'INTERNAL' && error instanceof Error ? error.message : fault.message
}

function config(): Config {
  try {
    return readConfig(process.env)
  } catch (error) {
    return fail(`HexTrackr cannot start with these settings:\n${(error as Error).message}`)
  }
}

const { host, port, dataDir, logLevel, ...limits } = config()
const logger = pino({ level: logLevel }, pino.destination({ dest: 2, sync: false }))
const { httpServer, close } = await createApp({ host, port, dataDir, logLevel, ...limits }, logger)
  .catch((error: unknown) => fail(`HexTrackr cannot use its data folder ${dataDir}:\n${reasonOf(error)}`))

httpServer.on('error', (error: NodeJS.ErrnoException) => fail(
  error.code === 'EADDRINUSE'
    ? `Port ${port} of ${host} is taken. Stop what uses it, or set PORT to another one.`
    : `HexTrackr cannot listen on ${host}, port ${port}: ${error.message}`,
))
httpServer.listen(port, host, () => {
  const address = httpServer.address()
  const taken = typeof address === 'object' && address ? address.port : port
  if (isFirstStart()) void import('./workers/import-run.ts').then(() => flushCompileCache())
  console.log(`HexTrackr is listening on http://${host.includes(':') ? `[${host}]` : host}:${taken}`)
})

/** Whether nothing has been compiled yet; then what threads will load is, so that they find it in the cache. */
function isFirstStart(): boolean {
  const cache = getCompileCacheDir()
  return cache !== undefined && readdirSync(cache).length === 0
}

let isStopping = false
function stop(signal: string): void {
  // A second signal means now.
  if (isStopping) process.exit(1)
  isStopping = true
  logger.info({ signal }, 'stopping')
  setTimeout(() => process.exit(1), STOP_DEADLINE_MS).unref()
  close().then(() => process.exit(0), (error: unknown) => {
    logger.error({ err: error }, 'the stop was not clean')
    process.exit(1)
  })
}
process.on('SIGINT', stop)
process.on('SIGTERM', stop)

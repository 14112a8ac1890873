/** Measures one import over HTTP as its users meet it: upload, live events, and what others notice meanwhile. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { openAsBlob, readFileSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { io } from 'socket.io-client'
import type { ClientToServerEvents, ProgressComplete, ServerToClientEvents } from '../server/protocol.ts'

export interface HttpMeasurement {
  bytes: number
  rows: number
  /** From the first byte of the upload to the terminal event. */
  seconds: number
  updatesPerSecond: number
  /** Answer times of GET /api/health during the import. */
  healthP50Ms: number
  healthP99Ms: number
  healthMaxMs: number
  /** Highest resident memory of the server's process (VmHWM); undefined where the system does not tell. */
  peakBytes: number | undefined
}

/** Pause between two health requests, ms. */
const HEALTH_PAUSE_MS = 10

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}

/** Highest resident memory that a process has had, bytes; undefined where the system does not tell. */
export function peakMemory(pid: number): number | undefined {
  try {
    const kib = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? undefined : Number(kib) * 1024
  } catch {
    return undefined
  }
}

export interface BenchServer {
  url: string
  pid: number
  stop: () => Promise<void>
}

/** A server of its own process, on a free port. */
export async function startServer(dataDir: string): Promise<BenchServer> {
  const server = spawn(process.execPath, [join(import.meta.dirname, '../server/main.ts')], {
    env: { ...process.env, PORT: '0', HOST: '127.0.0.1', DATA_DIR: dataDir, LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(server.stdout.setEncoding('utf8'), 'data') as [string]
  return {
    url: /http:\/\/\S+/.exec(line)![0],
    pid: server.pid!,
    stop: async () => {
      server.kill('SIGTERM')
      await once(server, 'exit')
    },
  }
}

/** Import a file into a fresh server of its own. */
export async function measureHttp(path: string): Promise<HttpMeasurement> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hextrackr-bench-'))
  const server = await startServer(dataDir)
  try {
    return await importInto(server.url, path, server.pid)
  } finally {
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function importInto(url: string, path: string, pid: number): Promise<HttpMeasurement> {
  const socket = io(url, { transports: ['websocket'] }) as import('socket.io-client').Socket<ServerToClientEvents, ClientToServerEvents>
  const sessionId = randomUUID()
  await new Promise<void>((resolve) => void socket.emit('join-progress', sessionId, () => resolve()))
  let updates = 0
  socket.on('progress-update', () => updates++)
  const ended = new Promise<ProgressComplete>((resolve, reject) => {
    socket.on('progress-complete', resolve)
    socket.on('progress-error', ({ error }) => reject(new Error(`${error.code}: ${error.detail}`)))
  })

  const health = watchHealth(url)
  const form = new FormData()
  form.append('sessionId', sessionId)
  form.append('file', await openAsBlob(path), basename(path))
  const startedAt = performance.now()
  const { status } = await fetch(`${url}/api/imports`, { method: 'POST', body: form })
  if (status !== 202) throw new Error(`the upload was answered with ${status}`)
  const { metadata } = await ended
  const seconds = (performance.now() - startedAt) / 1000
  const latencies = await health.stop()
  socket.disconnect()
  return {
    bytes: statSync(path).size,
    rows: Number(metadata.rowsRead),
    seconds,
    updatesPerSecond: updates / seconds,
    healthP50Ms: percentile(latencies, 0.5),
    healthP99Ms: percentile(latencies, 0.99),
    healthMaxMs: latencies.at(-1) ?? NaN,
    peakBytes: peakMemory(pid),
  }
}

/** Ask for the server's health again and again. `stop` gives the answer times in ms, sorted. */
export function watchHealth(url: string): { stop: () => Promise<number[]> } {
  const latencies: number[] = []
  const stopping = new AbortController()
  const { signal } = stopping
  const watching = (async () => {
    while (!signal.aborted) {
      const askedAt = performance.now()
      await (await fetch(`${url}/api/health`)).text()
      latencies.push(performance.now() - askedAt)
      await new Promise((resolve) => setTimeout(resolve, HEALTH_PAUSE_MS))
    }
  })()
  return {
    stop: async () => {
      stopping.abort()
      await watching
      return latencies.sort((a, b) => a - b)
    },
  }
}

if (import.meta.main) {
  console.log(JSON.stringify(await measureHttp(process.argv[2]!)))
}

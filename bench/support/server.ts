import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LoopDelay } from '../processes/loop-probe.ts'
import { MEMORY_INTERVAL_MS, peakMemory, processorSeconds, treeMemory } from './processes.ts'
import { percentile } from './statistics.ts'

/** Pause between two health requests, ms. */
const HEALTH_PAUSE_MS = 10

/** Pause between two questions whether an operation has ended, ms: asking more often takes a core's time from what is measured. */
const ASK_PAUSE_MS = 20

export interface Latency {
  p50Ms: number
  p99Ms: number
  maxMs: number
}

export const latencyOf = (times: readonly number[]): Latency => ({ p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99), maxMs: Math.max(...times) })

/** A server of its own process, on a free port. */
export class BenchServer {
  readonly url: string
  readonly dataDir: string
  /** From its start until it listens. */
  readonly startMs: number
  readonly #process: ChildProcess
  readonly #isOwnFolder: boolean

  private constructor(child: ChildProcess, url: string, dataDir: string, isOwnFolder: boolean, startMs: number) {
    this.#process = child
    this.url = url
    this.dataDir = dataDir
    this.#isOwnFolder = isOwnFolder
    this.startMs = startMs
  }

  /** @param dataDir a new one, removed with the server, where absent */
  static async start({ dataDir, env = {} }: { dataDir?: string, env?: Record<string, string> } = {}): Promise<BenchServer> {
    const folder = dataDir ?? await mkdtemp(join(tmpdir(), 'hextrackr-bench-'))
    const startedAt = performance.now()
    // As `npm start` does it, and with what watches its event loop.
    const child = spawn(process.execPath, ['--max-semi-space-size=2', '--import', join(import.meta.dirname, '../processes/loop-probe.ts'), join(import.meta.dirname, '../../server/main.ts')], {
      env: { ...process.env, PORT: '0', HOST: '127.0.0.1', DATA_DIR: folder, LOG_LEVEL: 'warn', ...env },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    })
    const [line] = await once(child.stdout!.setEncoding('utf8'), 'data') as [string]
    return new BenchServer(child, /http:\/\/\S+/.exec(line)![0], folder, dataDir === undefined, performance.now() - startedAt)
  }

  get databasePath(): string {
    return join(this.dataDir, 'hextrackr.db')
  }

  /** Highest resident memory so far, bytes. */
  get peakBytes(): number {
    return peakMemory(this.#process.pid!)
  }

  /** Look at its memory, with that of the processes that it starts, until the result is called, which tells the most there was, bytes. */
  watchMemory(): () => number {
    let peakBytes = NaN
    const look = setInterval(() => {
      const now = treeMemory(this.#process.pid!)
      if (!(now <= peakBytes)) peakBytes = Number.isNaN(now) ? peakBytes : now
    }, MEMORY_INTERVAL_MS)
    return () => {
      clearInterval(look)
      return peakBytes
    }
  }

  /** Processor time that it has used so far, seconds. */
  get processorSeconds(): number {
    return processorSeconds(this.#process.pid!)
  }

  /** How late its event loop was, from now on until the result is called. */
  async watchLoop(): Promise<() => Promise<LoopDelay>> {
    await this.#askProbe('reset')
    return () => this.#askProbe('read')
  }

  async #askProbe(what: 'reset' | 'read'): Promise<LoopDelay> {
    this.#process.send(what)
    const [answer] = await once(this.#process, 'message') as [LoopDelay]
    return answer
  }

  /** Ask for its health again and again, until the result is called, which tells how long the answers took. */
  watchHealth(): () => Promise<Latency> {
    const times: number[] = []
    const stopping = new AbortController()
    const watching = (async () => {
      while (!stopping.signal.aborted) {
        const askedAt = performance.now()
        await (await fetch(`${this.url}/api/health`)).arrayBuffer()
        times.push(performance.now() - askedAt)
        await sleep(HEALTH_PAUSE_MS)
      }
    })()
    return async () => {
      stopping.abort()
      await watching
      return latencyOf(times)
    }
  }

  /** Send a request. @throws Error where it is refused */
  async request<Answer>(method: string, path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(this.url + path, { method, ...init })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as Answer
  }

  /** Wait until an operation has ended. @throws Error where it failed */
  async ended(sessionId: string): Promise<void> {
    for (;;) {
      const { status, error } = await this.request<{ status: string, error?: { code: string, detail: string } }>('GET', `/api/progress/${sessionId}`)
      if (status === 'completed') return
      if (error) throw new Error(`${error.code}: ${error.detail}`)
      await sleep(ASK_PAUSE_MS)
    }
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGTERM')
    await once(this.#process, 'exit')
    if (this.#isOwnFolder) await rm(this.dataDir, { recursive: true, force: true })
  }
}

import { stat } from 'node:fs/promises'
import Counter from 'prom-client/lib/counter.js'
import Gauge from 'prom-client/lib/gauge.js'
import Histogram from 'prom-client/lib/histogram.js'
import Registry from 'prom-client/lib/registry.js'
import type { Receipt } from '../protocol.ts'
import { freeBytes } from './disk-space.ts'

/** From a file of a few rows to one of gigabytes, seconds. */
const IMPORT_BUCKETS = [0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600]

export interface MetricSources {
  databasePath: string
  dataDir: string
  imports: () => { running: number, waiting: number }
  sockets: () => number
  /** Of files that are kept of imports that can be resumed. */
  keptBytes: () => number
}

export type ImportMetrics = Pick<Metrics, 'importCompleted' | 'importFailed'>

/** What Prometheus may ask for. Names and units as it advises (https://prometheus.io/docs/practices/naming). */
export class Metrics {
  readonly #registry = new Registry()
  readonly #imports: Counter<'outcome'>
  readonly #rows: Counter<'result'>
  readonly #bytes: Counter
  readonly #durations: Histogram
  readonly #requests: Histogram<'method' | 'status'>
  #hasDefaults = false

  constructor() {
    const registers = [this.#registry]
    this.#imports = new Counter({ name: 'hextrackr_imports_total', help: 'Imports that have ended', labelNames: ['outcome'], registers })
    this.#rows = new Counter({ name: 'hextrackr_import_rows_total', help: 'Rows of completed imports, by what became of them', labelNames: ['result'], registers })
    this.#bytes = new Counter({ name: 'hextrackr_import_bytes_total', help: 'Bytes of the files of completed imports', registers })
    this.#durations = new Histogram({
      name: 'hextrackr_import_duration_seconds', help: 'From the first byte of an upload to its commit', buckets: IMPORT_BUCKETS, registers,
    })
    this.#requests = new Histogram({
      name: 'hextrackr_http_request_duration_seconds', help: 'HTTP requests, uploads included', labelNames: ['method', 'status'],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60], registers,
    })
  }

  /** Add what is measured when it is asked for. */
  observe({ databasePath, dataDir, imports, sockets, keptBytes }: MetricSources): void {
    const gauge = (name: string, help: string, read: () => number | Promise<number>) => new Gauge({
      name, help, registers: [this.#registry],
      async collect() {
        this.set(await read())
      },
    })
    const bytesOf = (path: string) => stat(path).then(({ size }) => size, () => 0)
    gauge('hextrackr_imports_running', 'Imports that are running', () => imports().running)
    gauge('hextrackr_imports_waiting', 'Imports that upload or wait', () => imports().waiting)
    gauge('hextrackr_sockets', 'Live connections', sockets)
    gauge('hextrackr_database_bytes', 'Size of the database with its write-ahead log', async () => await bytesOf(databasePath) + await bytesOf(`${databasePath}-wal`))
    gauge('hextrackr_kept_upload_bytes', 'Size of the files that are kept of imports that can be resumed', keptBytes)
    gauge('hextrackr_disk_free_bytes', 'Bytes that can still be written below the data folder', () => freeBytes(dataDir))
  }

  importCompleted({ rowsInserted, rowsUpdated, rowsUnchanged, rowsRejected, bytes, durationMs }: Receipt): void {
    this.#imports.inc({ outcome: 'completed' })
    for (const [result, rows] of Object.entries({ inserted: rowsInserted, updated: rowsUpdated, unchanged: rowsUnchanged, rejected: rowsRejected })) {
      this.#rows.inc({ result }, rows)
    }
    this.#bytes.inc(bytes)
    this.#durations.observe(durationMs / 1000)
  }

  /** @param code why; CANCELLED is a person's wish and no failure */
  importFailed(code: string): void {
    this.#imports.inc({ outcome: code === 'CANCELLED' ? 'cancelled' : 'failed' })
  }

  requestAnswered(method: string, status: number, seconds: number): void {
    this.#requests.observe({ method, status: String(status) }, seconds)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** In the text format of Prometheus. */
  async text(): Promise<string> {
    if (!this.#hasDefaults) {
      this.#hasDefaults = true
      // Memory, descriptors, garbage collection and the delay of the event loop: watched from now on, since most never ask.
      const { collectDefaultMetrics } = await import('prom-client')
      collectDefaultMetrics({ register: this.#registry })
    }
    return this.#registry.metrics()
  }
}

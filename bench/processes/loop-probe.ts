/** Loaded into a server before anything else of it: tells over IPC how late the event loop was. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Between two looks at the clock, ms. */
const RESOLUTION_MS = 10

/** How late the event loop came to what was due, ms. */
export interface LoopDelay {
  p50Ms: number
  p99Ms: number
  maxMs: number
}

const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
histogram.enable()

/** The histogram counts the time between two looks, which is the resolution where nothing is late. */
const lateness = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)

function answer(what: unknown): void {
  if (what === 'reset') histogram.reset()
  const delay: LoopDelay = { p50Ms: lateness(histogram.percentile(50)), p99Ms: lateness(histogram.percentile(99)), maxMs: lateness(histogram.max) }
  process.send!(delay)
}

// A process that the server forks inherits this file, and has messages of its own.
if (process.argv[1]?.endsWith('main.ts')) {
  process.on('message', answer)
  process.channel?.unref()
}

import type { ResourceLimits } from 'node:worker_threads'

/** Of every thread that works for the app. */
export const THREAD_LIMITS: ResourceLimits = {
  /** Many times what a thread needs, so that only a runaway meets it. */
  maxOldGenerationSizeMb: 512,
  /** Space for short-lived values. V8's own default lets it grow so far that memory depends on the file (docs/architecture.md). */
  maxYoungGenerationSizeMb: 8,
}

/** What a timer call gives back: an object in Node, a number in a browser. */
export type TimerHandle = number | { unref?(): unknown }

/** One-shot timers. The real ones by default, so that a test can bring its own and never wait. */
export interface Timers {
  setTimeout(callback: () => void, ms: number): TimerHandle
  clearTimeout(handle: TimerHandle): void
}

/** Looks the globals up at each call, so that mocks put in place later are used too. */
export const systemTimers: Timers = {
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
}

/** Lets the process end although the timer is still running. */
export function unref(handle: TimerHandle): void {
  if (typeof handle === 'object') handle.unref?.()
}

export interface LatestThrottle<T> {
  /** Sends the value now, or keeps it, in place of any kept before, until the window ends. */
  push(value: T): void
  /** Sends what is kept, if anything, and ends the window. */
  flush(): void
  /** Forgets what is kept and ends the window. */
  drop(): void
}

/**
 * At most one `send` per `intervalMs`: the first value at once, the newest one when the window ends.
 * A value sent at a window's end opens the next window. Its timer never keeps the process alive.
 */
export function throttleLatest<T>(send: (value: T) => void, intervalMs: number, timers: Timers = systemTimers): LatestThrottle<T> {
  let timer: TimerHandle | undefined
  let waiting: { value: T } | undefined

  // The window opens before `send` runs: a push from within `send` then waits instead of recursing.
  const sendNow = (value: T) => {
    timer = timers.setTimeout(endWindow, intervalMs)
    unref(timer)
    send(value)
  }

  const endWindow = () => {
    timer = undefined
    const last = waiting
    waiting = undefined
    if (last) sendNow(last.value)
  }

  const drop = () => {
    if (timer !== undefined) timers.clearTimeout(timer)
    timer = waiting = undefined
  }

  return {
    push(value) {
      if (timer === undefined) sendNow(value)
      else if (waiting) waiting.value = value
      else waiting = { value }
    },
    flush() {
      const last = waiting
      drop()
      if (last) send(last.value)
    },
    drop,
  }
}

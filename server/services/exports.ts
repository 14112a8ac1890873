import { Fault } from '../faults.ts'
import type { ExportEnd } from '../protocol.ts'

/** How long a question waits for its export to begin, ms: a browser sends the two right after each other, in any order. */
export const BEGINS_WITHIN_MS = 10_000

/** How long the end of an export is remembered for a page that asks late, ms. */
export const REMEMBERED_MS = 60_000

/** More than any number of people download within that time; the ends of the oldest are forgotten. */
export const MAX_REMEMBERED = 1000

interface Export {
  /** An export that is asked for may not have begun yet. */
  isBegun: boolean
  end: ExportEnd | undefined
  readonly waiters: Set<PromiseWithResolvers<ExportEnd>>
  /** Forgets what has not begun, or has ended; what runs is not forgotten. */
  timer: NodeJS.Timeout | undefined
}

/**
 * How exports ended, for the pages that began them: a browser does not tell its page what became of a download. A page makes
 * up an id, and whichever of the download and the question comes first, the question is answered when the download ends.
 */
export class Exports {
  readonly #exports = new Map<string, Export>()

  /**
   * Tell that an export begins. Where an id is used again, as by a browser that tries a download once more, it is the newer one's.
   * @returns what is to be called at the end, with the reason where it did not get that far; only the first call counts
   */
  begin(id: string): (failure?: unknown) => void {
    const asked = this.#exports.get(id)
    const begun = asked?.isBegun === false ? asked : this.#add(id)
    begun.isBegun = true
    clearTimeout(begun.timer)
    return (failure) => {
      if (begun.end) return
      const end = begun.end = endOf(failure)
      for (const waiter of begun.waiters) waiter.resolve(end)
      this.#forgetIn(REMEMBERED_MS, id, begun)
      this.#forgetOldest()
    }
  }

  /**
   * Resolves when the export of that id ends.
   * @param gone ends the waiting
   * @throws Fault EXPORT_NOT_FOUND where none has begun soon after, CANCELLED, INTERRUPTED when the server stops
   */
  async end(id: string, gone: AbortSignal): Promise<ExportEnd> {
    const asked = this.#exports.get(id) ?? this.#add(id)
    if (asked.end) return asked.end
    const waiter = Promise.withResolvers<ExportEnd>()
    const leave = (): void => waiter.reject(new Fault('CANCELLED', 'Nobody waits for the answer any more.'))
    gone.addEventListener('abort', leave)
    if (gone.aborted) leave()
    asked.waiters.add(waiter)
    try {
      return await waiter.promise
    } finally {
      gone.removeEventListener('abort', leave)
      asked.waiters.delete(waiter)
      if (!asked.isBegun && asked.waiters.size === 0) this.#forget(id, asked)
    }
  }

  /** Sends everybody who waits away. */
  close(): void {
    for (const { waiters, timer } of this.#exports.values()) {
      clearTimeout(timer)
      for (const waiter of waiters) waiter.reject(new Fault('INTERRUPTED', 'The server was stopped before the export had ended.'))
    }
    this.#exports.clear()
  }

  #add(id: string): Export {
    const added: Export = { isBegun: false, end: undefined, waiters: new Set(), timer: undefined }
    this.#exports.set(id, added)
    this.#forgetIn(BEGINS_WITHIN_MS, id, added)
    return added
  }

  #forgetIn(delayMs: number, id: string, known: Export): void {
    known.timer = setTimeout(() => this.#forget(id, known), delayMs).unref()
  }

  #forget(id: string, known: Export): void {
    clearTimeout(known.timer)
    for (const waiter of known.waiters) waiter.reject(new Fault('EXPORT_NOT_FOUND', 'No export with that id has begun.'))
    if (this.#exports.get(id) === known) this.#exports.delete(id)
  }

  #forgetOldest(): void {
    const ended = [...this.#exports].filter(([, { end }]) => end !== undefined)
    const [oldest] = ended
    if (ended.length > MAX_REMEMBERED && oldest) this.#forget(...oldest)
  }
}

function endOf(failure: unknown): ExportEnd {
  if (failure === undefined) return { state: 'done' }
  return { state: 'stopped', detail: failure instanceof Fault ? failure.message : 'The connection ended before all rows were sent.' }
}

import { Fault } from '../faults.ts'
import type { ExportEnd } from '../protocol.ts'

/** How long the end of an export is remembered for a page that asks late, ms. */
const REMEMBERED_MS = 60_000

/** More than any number of people download at once; the oldest are forgotten. */
const MAX_REMEMBERED = 1000

/**
 * How exports ended, for the pages that began them: a browser does not tell its page what became of a download. A page makes
 * up an id, and whichever of the download and the question comes first, the question is answered when the download ends.
 */
export class Exports {
  readonly #ends = new Map<string, PromiseWithResolvers<ExportEnd>>()

  /** @returns what is to be called once at the end, with the reason where it did not get that far */
  begin(id: string): (failure?: unknown) => void {
    const { resolve } = this.#entry(id)
    return (failure) => {
      resolve(failure === undefined ? { state: 'done' } : { state: 'stopped', detail: failure instanceof Fault ? failure.message : 'The connection ended before all rows were sent.' })
      setTimeout(() => this.#ends.delete(id), REMEMBERED_MS).unref()
    }
  }

  /** Resolves when the export of that id ends. */
  end(id: string): Promise<ExportEnd> {
    return this.#entry(id).promise
  }

  #entry(id: string): PromiseWithResolvers<ExportEnd> {
    const known = this.#ends.get(id)
    if (known) return known
    const [oldest] = this.#ends.keys()
    if (this.#ends.size >= MAX_REMEMBERED && oldest !== undefined) this.#ends.delete(oldest)
    const entry = Promise.withResolvers<ExportEnd>()
    this.#ends.set(id, entry)
    return entry
  }
}

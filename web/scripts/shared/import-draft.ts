/**
 * A file that was chosen and is not sent yet: what the server says an import of it would do, and what the person decided.
 * Every change asks for the preview again; the newest question wins, older answers are dropped. Draws nothing.
 */
import type { ImportPreview } from '../../../server/protocol.ts'
import { ApiError } from './api.ts'
import { detectedForm, formOf, formOfTarget, previewOptionsOf, type ImportForm, type ImportOptions } from './import-options.ts'

/** Typing pauses this long before the server is asked. */
export const ASK_DELAY_MS = 250

export type AskPreview = (file: File, options: ImportOptions, signal: AbortSignal) => Promise<ImportPreview>

const questionOf = (form: ImportForm): string => JSON.stringify(previewOptionsOf(form))

export class ImportDraft {
  readonly file: File
  /** Where the person came from, and goes back to. */
  readonly from: string
  /** Told after every change; the page that shows the draft sets it. */
  onChange: () => void = () => undefined
  readonly #ask: AskPreview
  #form: ImportForm
  #preview: ImportPreview | undefined
  #error: { code: string, message: string } | undefined
  #asking: AbortController | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  /** The options of the newest question, as text; an unchanged question is not asked again. */
  #asked: string | undefined
  /** A person's own settings are never replaced by what the file suggests. */
  #isDecided: boolean

  /** @param options what was decided before: an import that is tried once more */
  constructor(ask: AskPreview, file: File, from: string, options?: ImportOptions) {
    this.#ask = ask
    this.file = file
    this.from = from
    this.#form = options ? formOf(options) : detectedForm()
    this.#isDecided = options !== undefined
  }

  get form(): ImportForm {
    return this.#form
  }

  /** The newest preview; of an earlier form while the next one is on its way. */
  get preview(): ImportPreview | undefined {
    return this.#preview
  }

  get error(): { code: string, message: string } | undefined {
    return this.#error
  }

  /** Whether a preview of what the form says now is on its way. */
  get isAsking(): boolean {
    return this.#asking !== undefined || this.#timer !== undefined
  }

  /** Asks now, whatever was asked before. */
  ask(): void {
    this.#asked = undefined
    this.#send()
  }

  change(form: Partial<ImportForm>): void {
    this.#isDecided = true
    this.#form = { ...this.#form, ...form }
    if (questionOf(this.#form) !== this.#asked) {
      this.rest()
      this.#error = undefined
      this.#timer = setTimeout(() => this.#send(), ASK_DELAY_MS)
    }
    this.onChange()
  }

  /** Stops asking: the draft is left. */
  rest(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#asking?.abort()
    this.#asking = undefined
  }

  #send(): void {
    this.rest()
    const asking = new AbortController()
    this.#asking = asking
    this.#error = undefined
    this.onChange()
    void this.#read(asking)
  }

  async #read(asking: AbortController): Promise<void> {
    const form = this.#form
    const isDropped = () => asking.signal.aborted
    this.#asked = questionOf(form)
    try {
      let preview = await this.#question(form, asking.signal)
      if (asking.signal.aborted) return
      // What was decided about columns that are gone, because the file is read in another way now, is decided no more.
      const known = Object.entries(form.columns).filter(([name]) => preview.columns.some((column) => column.name === name))
      if (known.length < Object.keys(form.columns).length) {
        this.#form = { ...this.#form, columns: Object.fromEntries(known) }
        this.#asked = questionOf(this.#form)
        if (known.length > 0) preview = await this.#ask(this.file, previewOptionsOf(this.#form), asking.signal)
        if (isDropped()) return
      }
      if (preview.target && !this.#isDecided) this.#form = formOfTarget(this.#form, preview.target)
      this.#asked = questionOf(this.#form)
      this.#preview = preview
    } catch (error) {
      if (asking.signal.aborted) return
      this.#error = error instanceof ApiError
        ? { code: error.code, message: error.message }
        : { code: 'UNREADABLE', message: 'The file could not be read. Choose it again if it was moved or changed.' }
    }
    this.#asking = undefined
    this.onChange()
  }

  /** A choice for a column that the file does not have (any more) is refused; the file without it tells which it has. */
  async #question(form: ImportForm, signal: AbortSignal): Promise<ImportPreview> {
    try {
      return await this.#ask(this.file, previewOptionsOf(form), signal)
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'BAD_OPTIONS' || Object.keys(form.columns).length === 0) throw error
      return this.#ask(this.file, previewOptionsOf({ ...form, columns: {} }), signal)
    }
  }
}

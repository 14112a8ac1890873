/**
 * The progress dialog: one import at a time, from its first byte to its receipt. Decides when it opens, what its buttons
 * do and where the focus goes; the words come from progress-view.ts and outcome-view.ts.
 *
 * Closing it never stops an import. Escape minimises while one runs and closes a receipt.
 */
import type { ImportRecord } from '../../../server/protocol.ts'
import { beginTelling, tell, type Told } from './announce.ts'
import { ApiError } from './api.ts'
import { copyText } from './clipboard.ts'
import { DialogPainter } from './dialog-painter.ts'
import { part, setText } from './dom.ts'
import type { ImportOptions } from './import-options.ts'
import type { Job, Jobs } from './jobs.ts'
import { outcomeView } from './outcome-view.ts'
import type { ToastContent } from './page.ts'
import { runningView } from './progress-view.ts'
import { historyView } from './undo-view.ts'

/** Imports that end sooner go straight to their receipt. */
export const OPEN_DELAY_MS = 400

export interface DialogHooks {
  navigate: (href: string) => void
  /** Lets the user choose one file. */
  chooseFile: (then: (file: File) => void) => void
  /** The dialog now shows this import, or none. */
  shows: (id: string | undefined) => void
  toast: (toast: ToastContent) => void
  /** Asks whether to take the import back. */
  undo: (id: string) => void
  /** Shows the file with its options before it is imported again. */
  preview: (file: File, options: ImportOptions | undefined) => void
  record: (id: string) => Promise<ImportRecord>
  /** Where the focus goes when a running import is minimised. */
  pill: HTMLElement
  changed: () => void
}

export class ProgressDialog {
  readonly #dialog: HTMLDialogElement
  readonly #jobs: Jobs
  readonly #hooks: DialogHooks
  readonly #painter: DialogPainter
  #id: string | undefined
  #soon: { id: string, timer: ReturnType<typeof setTimeout> } | undefined
  #release: (() => void) | undefined
  #asking = false
  #ended = false
  #told: Told | undefined

  constructor(dialog: HTMLDialogElement, jobs: Jobs, hooks: DialogHooks) {
    this.#dialog = dialog
    this.#jobs = jobs
    this.#hooks = hooks
    this.#painter = new DialogPainter(dialog)
    dialog.addEventListener('click', (event) => this.#click(event))
    dialog.addEventListener('cancel', (event) => {
      event.preventDefault()
      if (this.#asking) this.#ask(false)
      else this.close()
    })
    // A body that scrolls has to be reachable by keyboard; one that does not would only be a stop without a purpose.
    const body = part(dialog, 'body')
    new ResizeObserver(() => {
      if (body.scrollHeight > body.clientHeight) body.tabIndex = 0
      else body.removeAttribute('tabindex')
    }).observe(body)
    // Browsers may close it on their own, on a second Escape for instance.
    dialog.addEventListener('close', () => this.#closed())
  }

  /** The import it shows or is about to show. */
  get id(): string | undefined {
    return this.#id ?? this.#soon?.id
  }

  get isOpen(): boolean {
    return this.#dialog.open
  }

  /** Opens after a moment, or at once when the outcome is there sooner. */
  openSoon(id: string): void {
    clearTimeout(this.#soon?.timer)
    const timer = setTimeout(() => void this.open(id), OPEN_DELAY_MS)
    this.#soon = { id, timer }
  }

  /** The outcome of an import is there. */
  ended(job: Job): void {
    if (this.#soon?.id === job.id) void this.open(job.id)
  }

  /** @returns false where the server could not be asked about an import this tab does not know */
  async open(id: string): Promise<boolean> {
    clearTimeout(this.#soon?.timer)
    this.#soon = undefined
    if (this.#id === id) return true
    let watched: Awaited<ReturnType<Jobs['watch']>>
    try {
      watched = await this.#jobs.watch(id)
    } catch (error) {
      const text = error instanceof ApiError ? error.message : 'It could not be read.'
      this.#hooks.toast({ tone: 'bad', title: 'The import could not be shown', text })
      return false
    }
    this.#release?.()
    this.#release = watched.release
    this.#id = id
    this.#asking = false
    this.#ended = false
    this.#told = beginTelling(watched.job.state, this.#jobs.link, Date.now())
    setText(part(this.#dialog, 'status'), '')
    setText(part(this.#dialog, 'alert'), '')
    part(this.#dialog, 'details', HTMLDetailsElement).open = false
    this.#hooks.shows(id)
    this.render(Date.now())
    if (!this.#dialog.open) this.#dialog.showModal()
    if (watched.job.state.stage === 'ended') this.#focusHeading()
    else part(this.#dialog, 'background').focus()
    this.#hooks.changed()
    return true
  }

  /** Minimises a running import, closes a receipt. */
  close(): void {
    this.#dialog.close()
    // The event comes later; the address must not name this import any more when something else happens first.
    this.#closed()
  }

  render(now: number): void {
    const job = this.#id === undefined ? undefined : this.#jobs.get(this.#id)
    if (!job) return
    const { state } = job
    if (state.outcome === undefined) {
      const view = runningView(state, this.#jobs.link, now)
      if (this.#asking && !view.canCancel) this.#asking = false
      this.#painter.running(view, state)
      this.#painter.foot(this.#asking ? 'ask' : 'running')
      setText(this.#dialog.querySelector('#ask-detail')!, view.askDetail)
      if (this.#told) {
        const { told, text } = tell(this.#told, state, this.#jobs.link, now)
        this.#told = told
        if (text !== undefined) setText(part(this.#dialog, 'status'), text)
      }
      return
    }
    if (this.#ended) return
    this.#ended = true
    this.#asking = false
    const view = outcomeView(state, state.outcome, job.file !== undefined)
    this.#painter.outcome(view, state)
    this.#painter.foot(view.kind === 'gone' ? 'failed' : view.kind)
    const link = part(this.#dialog, 'open-table', HTMLAnchorElement)
    link.hidden = view.table === undefined
    link.href = `/tables/${encodeURIComponent(view.table ?? '')}`
    setText(part(this.#dialog, view.word === 'Failed' ? 'alert' : 'status'), view.announcement)
    part(this.#dialog, 'undo').hidden = true
    if (view.kind === 'completed') void this.#readHistory(job.id)
    if (this.#dialog.open) this.#focusHeading()
  }

  /** Asks anew what the history says of the import on show: it may have been undone. */
  refresh(): void {
    if (this.#id !== undefined && this.#ended) void this.#readHistory(this.#id)
  }

  /** Whether an import can be taken back is known to the server only, and changes. */
  async #readHistory(id: string): Promise<void> {
    const record = await this.#hooks.record(id).catch(() => undefined)
    if (!record || this.#id !== id || !this.#ended) return
    const view = historyView(record, Date.now())
    const hadFocus = part(this.#dialog, 'undo') === document.activeElement
    this.#painter.history(view)
    if (record.undoneAt !== undefined && record.mode === 'create') part(this.#dialog, 'open-table').hidden = true
    if (!view.canUndo && hadFocus) this.#focusHeading()
  }

  #focusHeading(): void {
    this.#dialog.querySelector<HTMLElement>('#outcome-title')?.focus()
  }

  #ask(asking: boolean): void {
    this.#asking = asking
    this.render(Date.now())
    part(this.#dialog, asking ? 'keep' : 'cancel').focus()
  }

  readonly #actions: Record<string, (event: MouseEvent) => unknown> = {
    'minimise': () => this.close(),
    'close': () => this.close(),
    'ask': () => this.#ask(true),
    'keep': () => this.#ask(false),
    'stop': () => void this.#stop(),
    'try-live': () => this.#jobs.tryLive(),
    'again': () => this.#again(),
    'undo': () => this.#id !== undefined && this.#hooks.undo(this.#id),
    'copy': () => void this.#copy(),
    'open-table': (event) => this.#openTable(event),
  }

  #click(event: MouseEvent): void {
    const pressed = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-action]') : null
    if (pressed) this.#actions[pressed.dataset['action'] ?? '']?.(event)
  }

  async #stop(): Promise<void> {
    const id = this.#id
    if (id === undefined) return
    this.#asking = false
    this.render(Date.now())
    part(this.#dialog, 'background').focus()
    try {
      await this.#jobs.cancel(id)
    } catch {
      this.#hooks.toast({ tone: 'bad', title: 'The import could not be stopped', text: 'The server did not take the request. The import goes on.' })
      setText(part(this.#dialog, 'status'), 'The import could not be stopped. It goes on.')
    }
  }

  #again(): void {
    const job = this.#id === undefined ? undefined : this.#jobs.get(this.#id)
    if (!job) return
    const view = job.state.outcome && outcomeView(job.state, job.state.outcome, job.file !== undefined)
    const action = view?.account?.action
    const begin = (file: File) => {
      this.close()
      if (action?.remedy === 'options' || action?.remedy === 'other') {
        this.#hooks.preview(file, action.remedy === 'options' ? job.options : undefined)
        return
      }
      const next = this.#jobs.retry(job.id, file)
      if (next) this.openSoon(next.id)
    }
    if (job.file && action?.chooses !== true) begin(job.file)
    else this.#hooks.chooseFile(begin)
  }

  async #copy(): Promise<void> {
    part(this.#dialog, 'details', HTMLDetailsElement).open = true
    const text = part(this.#dialog, 'details-text')
    const copied = await copyText(text.textContent, text)
    const label = part(this.#dialog, 'copy-label')
    setText(label, copied ? 'Copied' : 'Select and copy them below')
    setText(part(this.#dialog, 'status'), copied ? 'Details copied' : 'Details could not be copied')
    setTimeout(() => setText(label, 'Copy details'), 3_000)
  }

  #openTable(event: MouseEvent): void {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return
    event.preventDefault()
    const { href } = part(this.#dialog, 'open-table', HTMLAnchorElement)
    this.close()
    this.#hooks.navigate(href)
  }

  #closed(): void {
    if (this.#dialog.open) return
    const minimised = this.#id !== undefined && this.#jobs.get(this.#id)?.state.stage !== 'ended'
    this.#release?.()
    this.#release = undefined
    this.#id = undefined
    this.#hooks.shows(undefined)
    this.#hooks.changed()
    if (minimised) requestAnimationFrame(() => this.#hooks.pill.focus())
  }
}

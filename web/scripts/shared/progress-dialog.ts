/**
 * The progress dialog: one operation at a time, from its first byte to its receipt. Decides when it opens, what its buttons
 * do and where the focus goes; the words come from progress-view.ts and outcome-view.ts.
 *
 * Closing it never stops anything. Escape minimises while an operation runs and closes a receipt. A restore stays in front
 * until its outcome is there, since everything behind it is about to be replaced.
 */
import type { BackupInfo, ImportRecord } from '../../../server/protocol.ts'
import { beginTelling, tell, type Told } from './announce.ts'
import { ApiError } from './api.ts'
import { copyText } from './clipboard.ts'
import { DialogPainter } from './dialog-painter.ts'
import { part, setText } from './dom.ts'
import type { ImportOptions } from './import-options.ts'
import type { Job, Jobs } from './jobs.ts'
import { openModal } from './modals.ts'
import { askForNotifications, canAskForNotifications } from './notifications.ts'
import type { NamedOperation } from './operation.ts'
import { outcomeView } from './outcome-view.ts'
import type { ToastContent } from './page.ts'
import type { ProgressState } from './progress-state.ts'
import { runningView, wordsOf } from './progress-view.ts'
import { historyView } from './undo-view.ts'

/** What ends sooner goes straight to its receipt. */
export const OPEN_DELAY_MS = 400

/** While an import runs, why rows are rejected is read anew this often at the most: the server counts all of them for it. */
const REASONS_PAUSE_MS = 2_000

export interface DialogHooks {
  navigate: (href: string) => void
  /** Lets the user choose one file: a CSV, or a backup. */
  chooseFile: (then: (file: File) => void) => void
  chooseBackup: (then: (file: File) => void) => void
  /** The dialog now shows this operation, or none. */
  shows: (operation: NamedOperation | undefined) => void
  toast: (toast: ToastContent) => void
  /** Asks whether to take the import back. */
  undo: (id: string) => void
  /** Resumes an import: begins it anew; undefined where that cannot be, which has been said. */
  resume: (id: string) => Promise<Job | undefined>
  /** Asks whether the file that is kept of an import that can be resumed may go, and lets it go. */
  forgetFile: (id: string) => Promise<void>
  /** Shows the file with its options before it is imported again. */
  preview: (file: File, options: ImportOptions | undefined) => void
  /** Asks whether to restore a backup. */
  restore: (backup: string) => void
  record: (id: string) => Promise<ImportRecord>
  backups: () => Promise<BackupInfo[]>
  /** Where the focus goes when a running operation is minimised. */
  pill: HTMLElement
  changed: () => void
}

export class ProgressDialog {
  readonly #dialog: HTMLDialogElement
  readonly #jobs: Jobs
  readonly #hooks: DialogHooks
  readonly #painter: DialogPainter
  #id: string | undefined
  /** What is asked of the server before it is shown. */
  #opening: string | undefined
  #soon: { id: string, timer: ReturnType<typeof setTimeout> } | undefined
  #release: (() => void) | undefined
  #asking = false
  #ended = false
  #told: Told | undefined
  /** For how many rejected rows of the running import the reasons are on show, and from when on they may be read again. */
  #reasons = { rows: 0, dueAt: 0 }

  constructor(dialog: HTMLDialogElement, jobs: Jobs, hooks: DialogHooks) {
    this.#dialog = dialog
    this.#jobs = jobs
    this.#hooks = hooks
    this.#painter = new DialogPainter(dialog)
    dialog.addEventListener('click', (event) => this.#click(event))
    dialog.addEventListener('cancel', (event) => {
      event.preventDefault()
      if (this.#asking) this.#ask(false)
      else if (!this.staysOpen) this.close()
    })
    this.#why.addEventListener('toggle', () => this.#whyToggled())
    // A body that scrolls has to be reachable by keyboard; one that does not would only be a stop without a purpose.
    const body = part(dialog, 'body')
    new ResizeObserver(() => {
      if (body.scrollHeight > body.clientHeight) body.tabIndex = 0
      else body.removeAttribute('tabindex')
    }).observe(body)
    // Browsers may close it on their own, on a second Escape for instance.
    dialog.addEventListener('close', () => this.staysOpen ? openModal(dialog) : this.#closed())
  }

  get #why(): HTMLDetailsElement {
    return part(this.#dialog, 'why', HTMLDetailsElement)
  }

  /** Whether what it shows may not be put aside. */
  get staysOpen(): boolean {
    const state = this.#id === undefined ? undefined : this.#jobs.get(this.#id)?.state
    return state !== undefined && state.outcome === undefined && !wordsOf(state).isBackground
  }

  /** The operation it shows or is about to show. */
  get id(): string | undefined {
    return this.#id ?? this.#soon?.id
  }

  get isOpen(): boolean {
    return this.#dialog.open
  }

  /** Opens after a moment, or at once when the outcome is there sooner. */
  openSoon({ id, state: { kind } }: Job): void {
    clearTimeout(this.#soon?.timer)
    const timer = setTimeout(() => {
      this.#soon = undefined
      void this.open({ kind, id })
    }, OPEN_DELAY_MS)
    this.#soon = { id, timer }
  }

  /** The outcome of an operation is there. */
  ended({ id, state: { kind } }: Job): void {
    if (this.#soon?.id === id) void this.open({ kind, id })
  }

  /** Shows an operation, once the server has said what it is; of several that are asked for, the last one. */
  async open(operation: NamedOperation): Promise<void> {
    const { id } = operation
    if (this.#opening === id) return
    this.forget()
    if (this.#id === id) return
    this.#opening = id
    let watched: Awaited<ReturnType<Jobs['watch']>>
    try {
      watched = await this.#jobs.watch(operation)
    } catch (error) {
      if (this.#opening !== id) return
      const text = error instanceof ApiError ? error.message : 'It could not be read.'
      this.#hooks.toast({ tone: 'bad', title: `The ${operation.kind} could not be shown`, text })
      this.#opening = undefined
      return
    }
    // It is no longer wanted, or another one was asked for meanwhile.
    if (this.#opening !== id) {
      watched.release()
      return
    }
    this.#opening = undefined
    this.#release?.()
    this.#release = watched.release
    this.#id = id
    this.#asking = false
    this.#ended = false
    this.#told = beginTelling(watched.job.state, this.#jobs.link, Date.now())
    setText(part(this.#dialog, 'status'), '')
    setText(part(this.#dialog, 'alert'), '')
    part(this.#dialog, 'details', HTMLDetailsElement).open = false
    this.#why.open = false
    this.#reasons = { rows: 0, dueAt: 0 }
    part(this.#dialog, 'reasons').replaceChildren()
    this.#hooks.shows(operation)
    this.render(Date.now())
    part(this.#dialog, 'notify').hidden = !canAskForNotifications()
    openModal(this.#dialog)
    this.#focusFirst(watched.job.state)
    this.#hooks.changed()
  }

  /** The page that it was asked for on is left: what is not on show yet is not wanted any more. */
  forget(): void {
    clearTimeout(this.#soon?.timer)
    this.#soon = undefined
    this.#opening = undefined
  }

  /** The safest action has the focus; where there is none, or an outcome, the heading. */
  #focusFirst(state: ProgressState): void {
    if (state.outcome) this.#focusHeading()
    else if (this.staysOpen) this.#dialog.querySelector<HTMLElement>('#progress-title')?.focus()
    else part(this.#dialog, 'background').focus()
  }

  /** The address names this operation now, or none: Back and Forward lead through dialogs as well. */
  follow(operation: NamedOperation | undefined): void {
    const shown = this.#id === undefined ? undefined : this.#jobs.get(this.#id)?.state
    if (operation?.id === this.#id) return
    if (shown && this.staysOpen) this.#hooks.shows({ kind: shown.kind, id: shown.sessionId })
    else if (operation) void this.open(operation)
    else if (this.isOpen) this.close()
  }

  /** Minimises a running operation, closes a receipt. */
  close(): void {
    this.#dialog.close()
    // The event comes later; the address must not name it any more when something else happens first.
    this.#closed()
  }

  render(now: number): void {
    const job = this.#id === undefined ? undefined : this.#jobs.get(this.#id)
    if (!job) return
    const { state } = job
    if (state.outcome === undefined) {
      const view = runningView(state, this.#jobs.link, now)
      if (this.#asking && !view.canCancel) this.#asking = false
      this.#painter.running(view, state, this.#why.open)
      if (this.#why.open) void this.#readReasons(job, now)
      // Browsers close a dialog on a second Escape, whatever the page says to it. What stays in front they leave alone, but then
      // they tell of no Escape either, which answers a question.
      this.#dialog.setAttribute('closedby', view.mayMinimise || this.#asking ? 'closerequest' : 'none')
      this.#painter.foot(this.#asking ? 'ask' : 'running')
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
    this.#dialog.setAttribute('closedby', 'closerequest')
    const view = outcomeView(state, state.outcome, job.file !== undefined)
    this.#painter.outcome(view, state)
    this.#painter.foot(view.kind === 'gone' ? 'failed' : view.kind)
    setText(part(this.#dialog, view.word === 'Failed' ? 'alert' : 'status'), view.announcement)
    if (view.kind === 'completed') void this.#readMore(job)
    if (this.#dialog.open) this.#focusHeading()
  }

  /** Asks anew what the server says of what is on show: an import may have been undone. */
  refresh(): void {
    const job = this.#id === undefined ? undefined : this.#jobs.get(this.#id)
    if (job && this.#ended) void this.#readMore(job)
  }

  /** What only the server knows of something completed, and what changes: whether it can be taken back, what was before. */
  async #readMore({ id, state, file }: Job): Promise<void> {
    const isShown = () => this.#id === id && this.#ended
    if (state.kind === 'import') {
      const record = await this.#hooks.record(id).catch(() => undefined)
      if (record && isShown()) this.#showHistory(record)
    } else if (state.kind === 'restore') {
      const backups = await this.#hooks.backups().catch(() => undefined)
      if (backups && state.outcome && isShown()) this.#painter.outcome(outcomeView(state, state.outcome, file !== undefined, backups), state)
    }
  }

  /** Shows why rows of a running import are rejected, as often as there are more of them. */
  async #readReasons({ id, state: { rowsRejected } }: Job, now: number): Promise<void> {
    if (rowsRejected === this.#reasons.rows || now < this.#reasons.dueAt) return
    const reasons = this.#reasons = { rows: this.#reasons.rows, dueAt: Infinity }
    const record = await this.#hooks.record(id).catch(() => undefined)
    if (this.#reasons !== reasons || this.#ended) return
    this.#reasons = { rows: record ? rowsRejected : reasons.rows, dueAt: Date.now() + REASONS_PAUSE_MS }
    if (record) this.#painter.reasons(record)
  }

  /** Closed by its own summary, it goes, and the focus goes back to what opened it. */
  #whyToggled(): void {
    const hadFocus = this.#why.contains(document.activeElement)
    this.render(Date.now())
    if (this.#why.open) this.#why.scrollIntoView({ block: 'nearest' })
    else if (hadFocus && !this.#ended) part(this.#dialog, 'see-why').focus()
  }

  #showHistory(record: ImportRecord): void {
    const view = historyView(record, Date.now())
    const hadFocus = part(this.#dialog, 'undo') === document.activeElement
    this.#painter.history(view, record)
    if (record.undoneAt !== undefined && record.mode === 'create') part(this.#dialog, 'way').hidden = true
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
    'why': () => (this.#why.open = !this.#why.open),
    'try-live': () => this.#jobs.tryLive(),
    'again': () => this.#again(),
    'undo': () => this.#id !== undefined && this.#hooks.undo(this.#id),
    'forget': () => void this.#forget(),
    'restore': () => this.#restoreNext(),
    'copy': () => void this.#copy(),
    'notify': () => void this.#notify(),
    'go': (event) => this.#go(event),
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
    const state = this.#jobs.get(id)?.state
    if (state) this.#focusFirst(state)
    try {
      await this.#jobs.cancel(id)
    } catch {
      const it = `The ${state?.kind ?? 'import'}`
      this.#hooks.toast({ tone: 'bad', title: `${it} could not be stopped`, text: `The server did not take the request. ${it} goes on.` })
      setText(part(this.#dialog, 'status'), `${it} could not be stopped. It goes on.`)
    }
  }

  /** Asks whether to restore what the receipt leads to. */
  #restoreNext(): void {
    const job = this.#id === undefined ? undefined : this.#jobs.get(this.#id)
    const backup = job?.state.outcome && outcomeView(job.state, job.state.outcome, false).restores?.backup
    if (backup === undefined) return
    this.close()
    this.#hooks.restore(backup)
  }

  #again(): void {
    const job = this.#id === undefined ? undefined : this.#jobs.get(this.#id)
    if (!job) return
    const { kind, filename, outcome } = job.state
    const action = outcome && outcomeView(job.state, outcome, job.file !== undefined).account?.action
    if (action?.remedy === 'resume') return void this.#resume(job.id)
    if (action?.remedy === 'backups' || kind === 'restore') {
      this.close()
      if (action?.remedy === 'backups') this.#hooks.navigate('/backups')
      else this.#hooks.restore(filename)
      return
    }
    const begin = (file?: File) => {
      this.close()
      if (file && kind === 'import' && (action?.remedy === 'options' || action?.remedy === 'other')) {
        this.#hooks.preview(file, action.remedy === 'options' ? job.options : undefined)
        return
      }
      const next = this.#jobs.retry(job.id, file)
      if (next) this.openSoon(next)
    }
    if (kind === 'backup') begin()
    else if (job.file && action?.chooses !== true) begin(job.file)
    else if (kind === 'upload') this.#hooks.chooseBackup(begin)
    else this.#hooks.chooseFile(begin)
  }

  async #resume(id: string): Promise<void> {
    const next = await this.#hooks.resume(id)
    if (this.#id !== id) return
    if (next) {
      this.close()
      this.openSoon(next)
    } else {
      this.#drawAgain()
    }
  }

  async #forget(): Promise<void> {
    const id = this.#id
    if (id === undefined) return
    await this.#hooks.forgetFile(id)
    if (this.#id === id && this.#jobs.get(id)?.state.stagedFile === undefined) this.#drawAgain()
  }

  /** The way that is left may be another one now. */
  #drawAgain(): void {
    this.#ended = false
    this.render(Date.now())
  }

  async #notify(): Promise<void> {
    const isAllowed = await askForNotifications()
    part(this.#dialog, 'background').focus()
    part(this.#dialog, 'notify').hidden = !canAskForNotifications()
    setText(part(this.#dialog, 'status'), isAllowed ? 'You will be notified when it ends.' : 'This browser does not allow notifications from here.')
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

  #go(event: MouseEvent): void {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return
    event.preventDefault()
    const { href } = part(this.#dialog, 'way', HTMLAnchorElement)
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

/** Asks before the database is replaced, and shows what would change. The safe answer has the focus, and Escape means it. */
import { api, ApiError } from './api.ts'
import { el, icon, part, rich, setText } from './dom.ts'
import { statusOf } from './import-status.ts'
import { openModal } from './modals.ts'
import type { ToastContent } from './page.ts'
import { restoreView, SAME, type CompareLine, type RestoreView } from './restore-view.ts'

/** So many tables that change are all shown at once; more, on request. */
const FEW_TABLES = 6

export interface RestoreHooks {
  toast: (toast: ToastContent) => void
  /** It is wanted. */
  restore: (backup: string) => void
}

export class RestoreDialog {
  readonly #dialog: HTMLDialogElement
  readonly #hooks: RestoreHooks
  /** What it shows. */
  #backup: string | undefined
  #opening: AbortController | undefined
  #refreshing: AbortController | undefined

  constructor(dialog: HTMLDialogElement, hooks: RestoreHooks) {
    this.#dialog = dialog
    this.#hooks = hooks
    part(dialog, 'no').addEventListener('click', () => dialog.close())
    part(dialog, 'yes').addEventListener('click', () => this.#confirm())
    dialog.addEventListener('close', () => {
      // The event comes later: by now it may be asked for again, or be there.
      if (dialog.open) return
      this.#refreshing?.abort()
      this.#backup = undefined
    })
  }

  /** Opens for a backup, with the figures of now. */
  async open(backup: string): Promise<void> {
    this.#opening?.abort()
    const { signal } = this.#opening = new AbortController()
    let shown: RestoreView | undefined
    try {
      shown = await this.#read(backup, signal)
    } catch (error) {
      this.#hooks.toast({ tone: 'bad', title: 'This backup cannot be restored now', text: error instanceof ApiError ? error.message : 'The server did not say what would change.' })
    }
    if (!shown) return
    this.#backup = backup
    part(this.#dialog, 'tables', HTMLDetailsElement).open = shown.tables.length <= FEW_TABLES
    this.#paint(shown)
    openModal(this.#dialog)
    part(this.#dialog, 'no').focus()
  }

  /** The page that it was asked for on is left: what is not on show yet is not wanted any more. */
  forget(): void {
    this.#opening?.abort()
  }

  /** Shows the figures of now again: an import may have ended, or another one begun. A server that does not answer leaves those on show. */
  async refresh(): Promise<void> {
    const backup = this.#backup
    if (backup === undefined) return
    this.#refreshing?.abort()
    const { signal } = this.#refreshing = new AbortController()
    const shown = await this.#read(backup, signal).catch(() => undefined)
    if (shown) this.#paint(shown)
  }

  /**
   * @returns undefined where it is no longer wanted
   * @throws ApiError where it could not be read
   */
  async #read(backup: string, signal: AbortSignal): Promise<RestoreView | undefined> {
    try {
      const [preview, imports] = await Promise.all([api.restorePreview(backup, signal), api.imports(signal)])
      return signal.aborted ? undefined : restoreView(preview, imports.filter((record) => statusOf(record).word === 'Running'), Date.now())
    } catch (error) {
      if (signal.aborted) return undefined
      throw error
    }
  }

  #paint(view: RestoreView): void {
    setText(this.#dialog.querySelector('#restore-title')!, view.title)
    part(this.#dialog, 'lines').replaceChildren(...view.lines.map((line) => compareRow(line, false)))
    part(this.#dialog, 'tables').hidden = view.tables.length === 0
    part(this.#dialog, 'table-lines').replaceChildren(...view.tables.map((line) => compareRow(line, true)))
    for (const name of ['goes', 'safe', 'meanwhile'] as const) part(this.#dialog, name).replaceChildren(...rich(view[name]))
    const { blocked } = view
    const yes = part(this.#dialog, 'yes', HTMLButtonElement)
    const hadFocus = yes === document.activeElement
    yes.hidden = blocked !== undefined
    part(this.#dialog, 'blocked').replaceChildren(...blocked ? [el('p', { class: 'banner banner--warn' }, icon('triangle-alert'), el('span', {}, ...rich(blocked)))] : [])
    if (hadFocus && yes.hidden) part(this.#dialog, 'no').focus()
  }

  #confirm(): void {
    const backup = this.#backup
    if (backup === undefined) return
    this.#dialog.close()
    this.#hooks.restore(backup)
  }
}

/** @param isTable its label is the name of a table */
function compareRow({ label, now, after, change, isLoss }: CompareLine, isTable: boolean): HTMLElement {
  return el('tr', {},
    el('th', { scope: 'row', class: isTable ? 'data' : undefined }, label), el('td', { class: 'end' }, now), el('td', { class: 'end' }, after),
    el('td', { class: isLoss ? 'end bad' : change === SAME ? 'end same' : 'end' }, change))
}

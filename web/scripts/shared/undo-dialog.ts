/** Asks before an import is taken back, shows what goes, and does it. The safe answer has the focus, and Escape means it. */
import type { ImportRecord } from '../../../server/protocol.ts'
import { api, ApiError } from './api.ts'
import { el, part, rich, setText } from './dom.ts'
import { openModal } from './modals.ts'
import type { ToastContent } from './page.ts'
import { importBefore, undoView } from './undo-view.ts'

export interface UndoHooks {
  toast: (toast: ToastContent) => void
  /** The import is undone. */
  undone: (record: ImportRecord) => void
}

export class UndoDialog {
  readonly #dialog: HTMLDialogElement
  readonly #hooks: UndoHooks
  #record: ImportRecord | undefined
  /** The import that was asked for last: what is answered of an earlier one comes too late. */
  #wanted: string | undefined
  #working = false

  constructor(dialog: HTMLDialogElement, hooks: UndoHooks) {
    this.#dialog = dialog
    this.#hooks = hooks
    part(dialog, 'yes').addEventListener('click', () => void this.#undo())
    part(dialog, 'no').addEventListener('click', () => dialog.close())
    // What has been asked of the server cannot be taken back by closing.
    dialog.addEventListener('cancel', (event) => this.#working && event.preventDefault())
  }

  /** Opens for an import, with the figures of now. */
  async open(id: string): Promise<void> {
    this.#wanted = id
    try {
      const record = await api.import(id)
      const [table, before] = await Promise.all([api.table(record.table), record.mode === 'replace' ? rowsBefore(record) : undefined])
      if (this.#wanted === id) this.#show(record, table.rows, before)
    } catch (error) {
      if (this.#wanted !== id) return
      const text = error instanceof ApiError ? error.message : 'The server did not say what would go.'
      this.#hooks.toast({ tone: 'bad', title: 'The import cannot be undone now', text })
    }
  }

  /** The page that it was asked for on is left: what is not on show yet is not wanted any more. */
  forget(): void {
    this.#wanted = undefined
  }

  #show(record: ImportRecord, rows: number, before: number | undefined): void {
    this.#record = record
    const view = undoView(record, rows, before)
    part(this.#dialog, 'kicker').replaceChildren(...rich(view.kicker))
    const line = (label: string, value: string, className?: string) => el('div', { class: className }, el('dt', {}, label), el('dd', {}, value))
    part(this.#dialog, 'ledger').replaceChildren(
      ...view.lines.map(({ label, value }) => line(label, value)), line(view.total.label, view.total.value, 'ledger__total'))
    setText(part(this.#dialog, 'note'), view.note)
    this.#refuse(undefined)
    this.#setWorking(false)
    openModal(this.#dialog)
    part(this.#dialog, 'no').focus()
  }

  #refuse(why: string | undefined): void {
    part(this.#dialog, 'why').hidden = why === undefined
    setText(part(this.#dialog, 'why-text'), why ?? '')
  }

  #setWorking(working: boolean): void {
    this.#working = working
    const yes = part(this.#dialog, 'yes', HTMLButtonElement)
    yes.setAttribute('aria-disabled', String(working))
    part(this.#dialog, 'no', HTMLButtonElement).disabled = working
    setText(yes, working ? 'Undoing…' : 'Undo import')
  }

  async #undo(): Promise<void> {
    if (this.#working || !this.#record) return
    this.#setWorking(true)
    this.#refuse(undefined)
    try {
      const record = await api.undoImport(this.#record.sessionId)
      this.#dialog.close()
      this.#hooks.toast({ tone: 'ok', title: `Import #${record.number} undone` })
      this.#hooks.undone(record)
    } catch (error) {
      this.#refuse(error instanceof ApiError ? error.message : 'The server did not undo it. Nothing was changed.')
    } finally {
      this.#setWorking(false)
    }
  }
}

/** Rows that were in the table before an import. Only a receipt has them, the list of imports has not. */
async function rowsBefore(record: ImportRecord): Promise<number | undefined> {
  const before = importBefore(record, await api.imports())
  return before && (await api.import(before.sessionId)).tableRows
}

/** Asks before something goes. The safe answer has the focus, and Escape means it. */
import { part, rich, setText } from './dom.ts'
import { openModal } from './modals.ts'
import type { ConfirmQuestion } from './page.ts'

export function confirmWith(dialog: HTMLDialogElement, { title, text, no, yes }: ConfirmQuestion): Promise<boolean> {
  dialog.querySelector('#confirm-title')!.replaceChildren(...rich(title))
  setText(dialog.querySelector('#confirm-text')!, text)
  setText(part(dialog, 'no'), no)
  setText(part(dialog, 'yes'), yes)
  dialog.returnValue = 'no'
  openModal(dialog)
  part(dialog, 'no').focus()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true })
  })
}

/** The dialogs that lie over the page, in the order in which they were opened. Everything modal is opened here, so that one place knows what is in front. */

/** As the browser's own top layer, which no page can ask. Some may have closed meanwhile. */
let opened: HTMLDialogElement[] = []
const heard = new WeakSet<HTMLDialogElement>()
const listeners: (() => void)[] = []

/** Opens a dialog in front of all others, unless it is open. */
export function openModal(dialog: HTMLDialogElement): void {
  if (dialog.open) return
  opened = [...openModals().filter((one) => one !== dialog), dialog]
  if (!heard.has(dialog)) {
    heard.add(dialog)
    // Heard after what the dialog's own code does when it closes: it may open again at once.
    dialog.addEventListener('close', closed)
  }
  dialog.showModal()
}

/** Those that are open, the one in front last. */
export const openModals = (): HTMLDialogElement[] => opened.filter(({ open }) => open)

/** Calls back each time that one has closed. */
export function onModalClosed(listener: () => void): void {
  listeners.push(listener)
}

function closed(): void {
  for (const listener of listeners) listener()
}

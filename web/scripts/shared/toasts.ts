/** Short notes at the edge of the page. Never the only place of something important. */
import { el, icon } from './dom.ts'
import type { IconName } from './icon-names.ts'
import { onModalClosed, openModals } from './modals.ts'
import type { ToastContent } from './page.ts'

const STAY_MS = 8_000
const ICONS: Record<ToastContent['tone'], IconName> = { ok: 'circle-check', bad: 'circle-x', info: 'info' }

export class Toasts {
  readonly #box: HTMLElement
  /** What had the focus before it went into a note. */
  #focusedBefore: HTMLElement | undefined
  /** Of the notes that go by themselves and offer something, what lets their time begin anew. */
  readonly #clocks = new Map<HTMLElement, () => void>()

  constructor(box: HTMLElement) {
    this.#box = box
    onModalClosed(() => this.#toFront())
    box.addEventListener('focusin', ({ relatedTarget }) => {
      if (relatedTarget instanceof HTMLElement && !box.contains(relatedTarget)) this.#focusedBefore = relatedTarget
    })
  }

  /**
   * A dialog in front leaves all else inert, behind it or under it: what is said meanwhile is said in there, and stays when it
   * closes. Until then it offers nothing but to be dismissed: what it leads to would be under the dialog. What it offers waits.
   */
  #toFront(): void {
    const front = openModals().at(-1) ?? document.body
    if (this.#box.parentElement === front) return
    front.append(this.#box)
    for (const restart of this.#clocks.values()) restart()
  }

  get #isInDialog(): boolean {
    return this.#box.parentElement !== document.body
  }

  /** Takes a note away. The focus in it goes to the next one, back to where it was, or to the page where that is gone. */
  #remove(toast: HTMLElement): void {
    const hadFocus = toast.contains(document.activeElement)
    const next = toast.nextElementSibling ?? toast.previousElementSibling
    toast.remove()
    this.#clocks.delete(toast)
    if (!hadFocus) return
    const after = next?.querySelector<HTMLElement>(':scope > button') ?? this.#focusedBefore
    after?.focus()
    if (document.activeElement !== after) document.querySelector('main')?.focus()
  }

  /**
   * Errors stay until they are dismissed; everything else goes after a while, but not under a pointer or the focus, nor before
   * what it offers can be taken.
   */
  show({ tone, title, data, text, link, action }: ToastContent): void {
    const dismiss = () => this.#remove(toast)
    const act = () => {
      dismiss()
      action?.run()
    }
    const toast = el('div', { class: `toast toast--${tone}`, role: tone === 'bad' ? 'alert' : 'status' },
      icon(ICONS[tone]),
      el('div', {},
        el('b', {}, title, data === undefined ? '' : ' ', data === undefined ? null : el('span', { class: 'data' }, data)),
        text === undefined ? null : el('p', { class: 'num' }, text),
        link && el('a', { class: 'link', href: link.href, on: { click: dismiss } }, link.label),
        action && el('button', { type: 'button', class: 'link', on: { click: act } }, action.label)),
      el('button', { 'type': 'button', 'class': 'btn btn--quiet btn--icon btn--sm', 'aria-label': 'Dismiss', 'on': { click: dismiss } }, icon('x')))
    this.#toFront()
    this.#box.append(toast)
    if (tone === 'bad') return
    const offers = link !== undefined || action !== undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    const hold = () => clearTimeout(timer)
    const go = () => {
      clearTimeout(timer)
      if (!offers || !this.#isInDialog) timer = setTimeout(dismiss, STAY_MS)
    }
    if (offers) this.#clocks.set(toast, go)
    go()
    toast.addEventListener('pointerenter', hold)
    toast.addEventListener('focusin', hold)
    toast.addEventListener('pointerleave', go)
    toast.addEventListener('focusout', go)
  }
}

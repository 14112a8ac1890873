/** Something that opens beside a button and closes when it is left: a menu, a form. On a phone it rises from the bottom. */
import { el } from './dom.ts'

/** Space to the edges of the window, px. */
const EDGE = 8

export class Flyout {
  readonly element: HTMLElement
  #anchor: HTMLElement | undefined
  #closed: () => void = () => undefined
  readonly #resized = (): void => this.place()

  constructor(className: string) {
    this.element = el('div', { class: `menu ${className}`, popover: 'auto', role: 'dialog' })
    this.element.addEventListener('toggle', (event) => {
      if (event.newState === 'closed') this.#left()
      else addEventListener('resize', this.#resized)
    })
  }

  get isOpen(): boolean {
    return this.element.matches(':popover-open')
  }

  /** Opens beside the anchor; where it is open there already, closes. @param closed is called once when it closes, however */
  toggle(anchor: HTMLElement, label: string, content: Node[], closed: () => void = () => undefined): void {
    if (this.isOpen && this.#anchor === anchor) {
      this.close()
      return
    }
    if (this.isOpen) this.element.hidePopover()
    this.#anchor = anchor
    this.#closed = closed
    this.element.setAttribute('aria-label', label)
    this.element.replaceChildren(...content)
    document.body.append(this.element)
    anchor.setAttribute('aria-expanded', 'true')
    this.element.showPopover()
    this.place()
    this.element.querySelector<HTMLElement>('[autofocus], button, input, select, a')?.focus({ preventScroll: true })
  }

  close(): void {
    if (!this.isOpen) return
    const anchor = this.#anchor
    const hadFocus = this.element.contains(document.activeElement)
    this.element.hidePopover()
    if (hadFocus) anchor?.focus({ preventScroll: true })
  }

  /** Puts it under its anchor, and within the window. To be called again when it grows. */
  place(): void {
    if (!this.#anchor) return
    const { left, right, bottom, top } = this.#anchor.getBoundingClientRect()
    const { offsetWidth: width, offsetHeight: height } = this.element
    const x = left + width + EDGE <= innerWidth ? left : Math.max(EDGE, Math.min(right, innerWidth - EDGE) - width)
    const below = innerHeight - bottom - EDGE
    const y = height <= below || below >= top ? bottom + 4 : Math.max(EDGE, top - height - 4)
    this.element.style.setProperty('--x', `${Math.max(EDGE, x)}px`)
    this.element.style.setProperty('--y', `${y}px`)
    this.element.style.setProperty('--room', `${Math.max(160, innerHeight - y - EDGE)}px`)
  }

  #left(): void {
    removeEventListener('resize', this.#resized)
    this.#anchor?.setAttribute('aria-expanded', 'false')
    this.#anchor = undefined
    this.#closed()
    this.#closed = () => undefined
  }
}

/** Arrow keys step through the items of a menu, Home and End to its ends. */
export function stepThrough(menu: HTMLElement): void {
  menu.addEventListener('keydown', (event) => {
    const items = [...menu.querySelectorAll<HTMLElement>('[role^="menuitem"]')]
    const at = items.indexOf(document.activeElement as HTMLElement)
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key]
    if (to === undefined) return
    event.preventDefault()
    items.at(to % items.length)?.focus()
  })
}

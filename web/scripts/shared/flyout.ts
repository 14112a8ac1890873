/** Something that opens beside a button and closes when it is left: a menu, a form. On a phone it rises from the bottom. */
import { el } from './dom.ts'

/** Space to the edges of the window, px. */
const EDGE = 8
/** This far within its ends a button is looked for, px: what lies on them, as a handle does, is not in its way. */
const INSET = 4

export class Flyout {
  readonly element: HTMLElement
  #anchor: HTMLElement | undefined
  #closed: () => void = () => undefined
  readonly #moved = ({ target }: Event): void => {
    // What scrolls within it leaves it where it is.
    if (!(target instanceof Node && this.element.contains(target))) this.place()
  }

  constructor(className: string) {
    this.element = el('div', { class: `menu ${className}`, popover: 'auto', role: 'dialog' })
    this.element.addEventListener('toggle', (event) => {
      if (event.newState === 'closed') this.#left()
      else this.#follow()
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

  /**
   * Puts it under its anchor, and within the window. To be called again when it grows.
   * Where that cannot be seen beside it, as it has been scrolled away, it is `data-away` and has to say itself what it belongs to.
   */
  place(): void {
    if (!this.#anchor) return
    this.element.toggleAttribute('data-away', !this.#anchor.isConnected)
    if (!this.#anchor.isConnected) return
    this.#putBeside(this.#anchor)
    if (isInSight(this.#anchor)) return
    this.element.toggleAttribute('data-away', true)
    this.#putBeside(this.#anchor)
  }

  #putBeside(anchor: HTMLElement): void {
    const { left, right, bottom, top } = anchor.getBoundingClientRect()
    const { offsetWidth: width, offsetHeight: height } = this.element
    const x = left + width + EDGE <= innerWidth ? left : Math.max(EDGE, Math.min(right, innerWidth - EDGE) - width)
    const below = innerHeight - bottom - EDGE
    const y = height <= below || below >= top ? bottom + 4 : Math.max(EDGE, top - height - 4)
    this.element.style.setProperty('--x', `${Math.max(EDGE, x)}px`)
    this.element.style.setProperty('--y', `${y}px`)
    this.element.style.setProperty('--room', `${Math.max(160, innerHeight - y - EDGE)}px`)
  }

  #follow(): void {
    addEventListener('resize', this.#moved)
    document.addEventListener('scroll', this.#moved, { capture: true, passive: true })
  }

  #left(): void {
    removeEventListener('resize', this.#moved)
    document.removeEventListener('scroll', this.#moved, { capture: true })
    this.#anchor?.setAttribute('aria-expanded', 'false')
    this.#anchor = undefined
    this.#closed()
    this.#closed = () => undefined
  }
}

/** Whether both ends of it are in sight, and nothing lies over them. */
function isInSight(element: HTMLElement): boolean {
  const { left, right, top, bottom } = element.getBoundingClientRect()
  return [left + INSET, right - INSET].every((x) => element.contains(document.elementFromPoint(x, (top + bottom) / 2)))
}

/** Arrow keys step through the items of a menu, Home and End to its ends. Where there are none, as in a form, the fields have these keys. */
export function stepThrough(menu: HTMLElement): void {
  menu.addEventListener('keydown', (event) => {
    const items = [...menu.querySelectorAll<HTMLElement>('[role^="menuitem"]')]
    const at = items.indexOf(document.activeElement as HTMLElement)
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key]
    if (to === undefined || items.length === 0) return
    event.preventDefault()
    items.at(to % items.length)?.focus()
  })
}

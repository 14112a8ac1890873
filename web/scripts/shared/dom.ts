import type { IconName } from './icon-names.ts'
import type { Rich } from './rich.ts'

type Child = Node | string | null | undefined | false

type AttributeValue = string | number | boolean | undefined
type Listeners = Partial<{ [Name in keyof HTMLElementEventMap]: (event: HTMLElementEventMap[Name]) => void }>

interface Attributes {
  /** Custom properties, set through the style object so that a strict style policy holds. */
  vars?: Record<`--${string}`, string | number>
  /** Listeners by event name. */
  on?: Listeners
  /** Everything else is an attribute; `true` sets it empty, `false` and `undefined` leave it out. */
  [attribute: string]: AttributeValue | Record<`--${string}`, string | number> | Listeners
}

/** Makes an element. Strings among the children become text, never markup. */
export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag, attributes: Attributes = {}, ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag)
  const { vars, on, ...rest } = attributes
  for (const [name, value] of Object.entries(rest)) {
    if (value !== undefined && value !== false && typeof value !== 'object') element.setAttribute(name, value === true ? '' : String(value))
  }
  for (const [name, value] of Object.entries(vars ?? {})) element.style.setProperty(name, String(value))
  for (const [name, listener] of Object.entries(on ?? {})) element.addEventListener(name, listener as EventListener)
  element.append(...present(children))
  return element
}

function present(children: Child[]): (Node | string)[] {
  return children.filter((child): child is Node | string => child !== null && child !== undefined && child !== false)
}

const SVG = 'http://www.w3.org/2000/svg'

/** An icon of the sprite in index.html. Always decoration: the words beside it carry the meaning. */
export function icon(name: IconName, size: 'md' | 'lg' = 'md'): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('class', size === 'lg' ? 'icon icon--lg' : 'icon')
  svg.setAttribute('aria-hidden', 'true')
  const use = document.createElementNS(SVG, 'use')
  use.setAttribute('href', `#i-${name}`)
  svg.append(use)
  return svg
}

/** Text of the app with the file's own words set apart. */
export function rich(text: Rich): Node[] {
  return text.map((part) => {
    if (typeof part === 'string') return document.createTextNode(part)
    return 'data' in part ? el('code', { class: 'data' }, part.data) : el('strong', {}, part.strong)
  })
}

/** Sets text only where it differs, so that selections and screen readers are left in peace. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/** Replaces what is in `container`; the focus goes to what has taken the focused element's place, told by its name. */
export function refill(container: Element, ...children: Node[]): void {
  const nameOf = (element: Element) => `${element.tagName} ${element.getAttribute('aria-label') ?? element.textContent}`
  const focused = document.activeElement && container.contains(document.activeElement) ? nameOf(document.activeElement) : undefined
  container.replaceChildren(...children)
  if (focused === undefined) return
  const again = [...container.querySelectorAll<HTMLElement>('a, button')].find((element) => nameOf(element) === focused)
  again?.focus({ preventScroll: true })
}

/** The element with that id, which the markup of index.html promises. */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const element = document.getElementById(id)
  if (!(element instanceof kind)) throw new Error(`index.html has no ${kind.name} with the id ${id}`)
  return element
}

/** The part of `root` that its markup names with `data-ref`. */
export function part<Kind extends Element = HTMLElement>(root: ParentNode, name: string, kind?: new () => Kind): Kind {
  const element = root.querySelector(`[data-ref="${name}"]`)
  if (!(element instanceof (kind ?? HTMLElement))) throw new Error(`the markup has no data-ref "${name}"`)
  return element as Kind
}

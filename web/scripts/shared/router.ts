/**
 * Addresses to pages, with the History API. A page is made, then shown, so that nothing flashes in between. How far down it
 * is scrolled is kept in its entry of the history: browsers put that back too soon, before the rows are there.
 */
import { nameOperation, operationIn } from './operation.ts'
import type { MakePage, Page, PageContext } from './page.ts'

/** A page that has not been scrolled for so long stands still. */
const REST_MS = 100

export interface Route {
  pattern: RegExp
  make: (params: string[]) => MakePage
}

export interface RouterOptions {
  main: HTMLElement
  routes: readonly Route[]
  /** A page to show in place of any other, while there is one. */
  guard: () => MakePage | undefined
  notFound: MakePage
  /** A page could not be made. */
  failed: (error: unknown) => MakePage
  context: (url: URL, signal: AbortSignal) => PageContext
  /** The person goes on to another page, or by Back or Forward to another part of this one. */
  leave: () => void
  shown: (page: Page, url: URL) => void
}

export class Router {
  readonly #options: RouterOptions
  #abort = new AbortController()
  #page: Page | undefined
  /** Where the page on show belongs; undefined while another one is made in its place. */
  #path: string | undefined
  #resting: ReturnType<typeof setTimeout> | undefined

  constructor(options: RouterOptions) {
    this.#options = options
    history.scrollRestoration = 'manual'
    addEventListener('scroll', () => {
      clearTimeout(this.#resting)
      this.#resting = setTimeout(() => this.#keepPosition(), REST_MS)
    }, { passive: true })
    addEventListener('popstate', () => {
      // The entry is another one already.
      clearTimeout(this.#resting)
      options.leave()
      const url = new URL(location.href)
      if (url.pathname === this.#path && this.#page?.onUrl) {
        this.#page.onUrl(url)
        scrollTo(0, keptPosition())
      } else {
        void this.#show(url, true)
      }
    })
    document.addEventListener('click', (event) => this.#click(event))
  }

  get page(): Page | undefined {
    return this.#page
  }

  start(): Promise<void> {
    return this.#show(new URL(location.href), false)
  }

  navigate(href: string, how: 'push' | 'replace' = 'push'): void {
    const url = new URL(href, location.href)
    this.#keepPosition()
    if (how === 'push') history.pushState(null, '', url)
    else history.replaceState(null, '', url)
    this.#options.leave()
    void this.#show(url, true)
  }

  reload(): void {
    this.#keepPosition()
    void this.#show(new URL(location.href), false)
  }

  /** Changes the address and leaves the page; the dialog's own parameter stays where it is. */
  setUrl(href: string, how: 'push' | 'replace'): void {
    const url = new URL(href, location.href)
    const shown = operationIn(location.search)
    if (shown) nameOperation(url, shown)
    this.#keepPosition()
    if (how === 'push') history.pushState(history.state, '', url)
    else history.replaceState(history.state, '', url)
  }

  #keepPosition(): void {
    clearTimeout(this.#resting)
    if (this.#path !== undefined) history.replaceState({ top: scrollY } satisfies EntryState, '')
  }

  /** Plain clicks on links of this app become page changes; all others are the browser's. */
  #click(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = event.target instanceof Element ? event.target.closest('a') : null
    if (!link?.href || link.target || link.hasAttribute('download')) return
    const url = new URL(link.href)
    if (url.origin !== location.origin || url.pathname.startsWith('/api/') || link.getAttribute('href')?.startsWith('#')) return
    event.preventDefault()
    this.navigate(link.href)
  }

  async #show(url: URL, moveFocus: boolean): Promise<void> {
    this.#abort.abort()
    const abort = new AbortController()
    this.#abort = abort
    this.#path = undefined
    const { main, routes, guard, notFound, failed } = this.#options
    const context = this.#options.context(url, abort.signal)
    let page: Page
    try {
      const route = routes.find(({ pattern }) => pattern.test(url.pathname))
      const make = guard() ?? route?.make((route.pattern.exec(url.pathname) ?? []).slice(1).map(decodeURIComponent)) ?? notFound
      page = await make(context)
    } catch (error) {
      if (abort.signal.aborted) return
      page = await failed(error)(context)
    }
    if (abort.signal.aborted) return
    this.#page = page
    this.#path = url.pathname
    const hadFocus = main.contains(document.activeElement)
    main.className = page.className
    main.replaceChildren(page.content)
    scrollTo(0, keptPosition())
    this.#options.shown(page, url)
    if (page.focus) {
      page.focus.focus()
      return
    }
    if (!moveFocus && !hadFocus) return
    const heading = main.querySelector<HTMLElement>('h1')
    heading?.setAttribute('tabindex', '-1')
    heading?.focus({ preventScroll: true })
  }
}

/** What an entry of the history holds beside its address. */
interface EntryState { top: number }

const keptPosition = (): number => (history.state as EntryState | null)?.top ?? 0

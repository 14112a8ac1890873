import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Page } from 'playwright/test'
import type { Scope, TestServer } from '../../server/test/support.ts'

/** What does not get through at the moment: WebSockets, or live updates by whatever transport. Everything else always does. */
export type Blocked = 'nothing' | 'websockets' | 'live updates'

const LIVE_PATH = '/socket.io/'

/** How often a page without live updates asks anew, ms: the longest that it goes without. */
const REREAD_MS = 30_000

/**
 * Have a page's clock in hand before it is opened.
 * @returns what lets the time pass after which the page has asked anew; not needed, and nothing, where live updates come through
 */
export async function holdClock(page: Page, blocked: Blocked): Promise<() => Promise<void>> {
  if (blocked !== 'live updates') return () => Promise.resolve()
  await page.clock.install()
  return () => page.clock.fastForward(REREAD_MS)
}

/** One answer that a page waits for, although the server has given it. */
export interface HeldAnswer {
  /** Resolves once the server has answered. */
  given: Promise<unknown>
  /** Lets the page have it. Resolves once the page has dealt with it. */
  release: () => Promise<void>
}

/** Keep the first answer about a path from the page; all that is asked later is answered at once, as over a line that is slow now and then. */
export async function holdAnswer(page: Page, path: string): Promise<HeldAnswer> {
  const given = Promise.withResolvers<null>()
  const released = Promise.withResolvers<null>()
  const isIt = (url: URL) => url.pathname === path
  await page.route(isIt, async (route) => {
    const response = await route.fetch()
    given.resolve(null)
    await released.promise
    await route.fulfill({ response })
  }, { times: 1 })
  return {
    given: given.promise,
    release: async () => {
      const arrived = page.waitForEvent('requestfinished', (request) => isIt(new URL(request.url())))
      released.resolve(null)
      await arrived
      await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))')
    },
  }
}

/** A proxy between the browser and the server. What it blocks, it answers by ending the connection. */
export class Proxy {
  readonly url: string
  /** Paths of live updates that got through. */
  readonly seen: string[] = []
  readonly #server: TestServer
  readonly #live = new Set<Duplex>()
  #blocked: Blocked

  private constructor(url: string, server: TestServer, blocked: Blocked) {
    this.url = url
    this.#server = server
    this.#blocked = blocked
  }

  static async start(scope: Scope, server: TestServer, blocked: Blocked = 'nothing'): Promise<Proxy> {
    const http = createServer()
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    const proxy = new Proxy(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, server, blocked)
    http.on('request', (req, res) => {
      if (!proxy.#admits(req, false)) return
      const upstream = request(server.url + (req.url ?? '/'), { method: req.method, headers: req.headers }, (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(res)
      })
      upstream.on('error', () => req.socket.destroy())
      res.on('close', () => upstream.destroy())
      req.pipe(upstream)
    })
    http.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (proxy.#admits(req, true)) proxy.#tunnel(req, socket, head)
    })
    scope.after(() => {
      proxy.block('live updates')
      http.closeAllConnections()
      http.close()
    })
    return proxy
  }

  /** From now on; what is open already and blocked from now ends. */
  block(blocked: Blocked): void {
    this.#blocked = blocked
    if (blocked === 'nothing') return
    for (const socket of this.#live) socket.destroy()
    this.#live.clear()
  }

  #admits(req: IncomingMessage, isWebSocket: boolean): boolean {
    if (!req.url?.startsWith(LIVE_PATH)) return true
    if (this.#blocked === 'live updates' || (this.#blocked === 'websockets' && isWebSocket)) {
      req.socket.destroy()
      return false
    }
    this.seen.push(req.url)
    const { socket } = req
    if (!this.#live.has(socket)) socket.once('close', () => this.#live.delete(socket))
    this.#live.add(socket)
    return true
  }

  #tunnel(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { hostname, port } = new URL(this.#server.url)
    const upstream: Socket = connect(Number(port), hostname, () => {
      const headers = req.rawHeaders.map((text, index) => index % 2 === 0 ? `${text}: ` : `${text}\r\n`).join('')
      upstream.write(`${req.method} ${req.url} HTTP/1.1\r\n${headers}\r\n`)
      upstream.write(head)
      socket.pipe(upstream).pipe(socket)
    })
    for (const [one, other] of [[socket, upstream], [upstream, socket]] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  }
}

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import type { RequestHandler } from 'express'
import helmet from 'helmet'
import { Fault, quoted } from '../faults.ts'

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']

/** Addresses that mean every address of this machine. */
const EVERY_ADDRESS = new Set(['0.0.0.0', '::'])

/** An authority as browsers write it in Host: a name, an IPv4 address or an IPv6 address in brackets, and perhaps a port. */
const AUTHORITY = /^(?<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i

const nameOf = (host: string): string | undefined => URL.canParse(`http://${host}`) ? AUTHORITY.exec(host)?.groups?.name?.toLowerCase() : undefined

const isAddress = (name: string): boolean => isIP(name.replace(/^\[|\]$/g, '')) !== 0

/** The authority of a URL of that scheme, without a port that the scheme implies. */
const authority = (scheme: string, host: string): string => new URL(`${scheme}//${host}`).host

/**
 * Who may talk to this server. A page of another site can make a browser send requests here, even under a name of
 * its own that resolves to this machine (DNS rebinding); its Host, its Origin or the browser's own Sec-Fetch-Site gives it away.
 */
export class Gate {
  /** Names for this machine; pages under one of them may use it if they come from the same port. */
  readonly #own: ReadonlySet<string>
  /** Names somebody has vouched for, on whatever port. */
  readonly #allowed: ReadonlySet<string>
  /** Nobody can make a name resolve to an address that stands in Host as such, so where we listen on all of them, all are welcome. */
  readonly #anyAddress: boolean

  constructor(host: string, allowedHosts: readonly string[]) {
    this.#own = new Set([...LOOPBACK, host.includes(':') ? `[${host}]` : host].map((name) => name.toLowerCase()))
    this.#allowed = new Set(allowedHosts.map((name) => name.toLowerCase()))
    this.#anyAddress = EVERY_ADDRESS.has(host)
  }

  /** Why a request is refused; null where it is welcome. */
  refusal({ headers, method }: Pick<IncomingMessage, 'headers' | 'method'>): Fault | null {
    const { host = '', origin } = headers
    const name = nameOf(host)
    if (name === undefined || !(this.#own.has(name) || this.#allowed.has(name) || (this.#anyAddress && isAddress(name)))) {
      return new Fault('FORBIDDEN_ORIGIN', `This server does not answer to the name ${quoted(host)}. Add it to ALLOWED_HOSTS if it should.`)
    }
    if (origin === undefined ? isForeign(headers, method) : !this.#isOurs(origin, host)) {
      return new Fault('FORBIDDEN_ORIGIN', 'Pages of other sites may not use this server.')
    }
    return null
  }

  /** Whether a page of that origin is one of this server's, reached under that Host. */
  #isOurs(origin: string, host: string): boolean {
    // Sandboxed frames and local files say "null", which is nobody's name.
    if (!/^https?:\/\//.test(origin) || !URL.canParse(origin)) return false
    const { protocol, host: from, hostname, port } = new URL(origin)
    const here = authority(protocol, host)
    // Another port of the same machine is another program, unless somebody has vouched for the name.
    return from === here || this.#allowed.has(hostname) || (this.#own.has(hostname) && port === new URL(`${protocol}//${here}`).port)
  }

  middleware(): RequestHandler {
    return (req, _res, next) => next(this.refusal(req) ?? undefined)
  }
}

/**
 * Whether a browser says that a request without an Origin was made by a page of another site (Fetch Metadata,
 * https://www.w3.org/TR/fetch-metadata). A link may lead here: the browser then goes to a page of ours and runs nothing of theirs.
 */
function isForeign(headers: IncomingHttpHeaders, method: string | undefined): boolean {
  const site = headers['sec-fetch-site']
  if (site === undefined || site === 'same-origin' || site === 'none') return false
  return !(method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document')
}

/** Headers that keep a browser from running or embedding anything that is not ours. */
export const securityHeaders = (): RequestHandler => helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      'default-src': ['\'none\''],
      'script-src': ['\'self\''],
      'style-src': ['\'self\''],
      'font-src': ['\'self\''],
      'img-src': ['\'self\'', 'data:'],
      'connect-src': ['\'self\''],
      'base-uri': ['\'none\''],
      'form-action': ['\'self\''],
      'frame-ancestors': ['\'none\''],
    },
  },
  // Plain HTTP on loopback is the normal case; a proxy that speaks TLS sets its own.
  strictTransportSecurity: false,
})

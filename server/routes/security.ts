import type { IncomingMessage } from 'node:http'
import type { RequestHandler } from 'express'
import helmet from 'helmet'
import { Fault } from '../faults.ts'

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']

/** Reading changes nothing, and a browser's own navigation sends no Origin. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Name or address out of a Host header, without the port and in lower case. */
const hostName = (host: string): string => host.toLowerCase().replace(/:\d+$/, '')

/**
 * Who may talk to this server. A page of another site can make a browser send requests here, even under a name of
 * its own that resolves to this machine (DNS rebinding); its Host or its Origin gives it away.
 */
export class Gate {
  readonly #hosts: ReadonlySet<string>

  constructor(host: string, allowedHosts: readonly string[]) {
    this.#hosts = new Set([...LOOPBACK, host.includes(':') ? `[${host}]` : host, ...allowedHosts].map((name) => name.toLowerCase()))
  }

  /** Why a request is refused; null where it is welcome. */
  refusal({ headers, method }: Pick<IncomingMessage, 'headers' | 'method'>): Fault | null {
    const { host, origin } = headers
    if (host === undefined || !this.#hosts.has(hostName(host))) {
      return new Fault('FORBIDDEN_ORIGIN', `This server does not answer to the name ${JSON.stringify(host ?? '')}. Add it to ALLOWED_HOSTS if it should.`)
    }
    if (origin === undefined || (SAFE_METHODS.has(method ?? '') && origin === 'null')) return null
    if (!URL.canParse(origin) || !this.#hosts.has(hostName(new URL(origin).host))) {
      return new Fault('FORBIDDEN_ORIGIN', 'Pages of other sites may not use this server.')
    }
    return null
  }

  middleware(): RequestHandler {
    return (req, _res, next) => next(this.refusal(req) ?? undefined)
  }
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

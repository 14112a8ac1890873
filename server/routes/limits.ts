import type { IncomingMessage } from 'node:http'
import type { Request, RequestHandler, Response } from 'express'
import ipaddr from 'ipaddr.js'
import proxyAddr from 'proxy-addr'
import RateLimiterMemory from 'rate-limiter-flexible/lib/RateLimiterMemory.js'
import RateLimiterRes from 'rate-limiter-flexible/lib/RateLimiterRes.js'
import { Fault } from '../faults.ts'

/** Passwords an address may try in SIGN_IN_SECONDS. Whoever knows the password never comes near. */
const SIGN_INS_PER_ADDRESS = 10
/** And all addresses together, against guessing from many: half a year for a million passwords. */
const SIGN_INS_OVERALL = 50
const SIGN_IN_SECONDS = 15 * 60

/** The leading 16-bit groups of an IPv6 address that its owner cannot choose freely: /64. */
const IPV6_NETWORK_GROUPS = 4

export interface AddressLimitOptions {
  /** Addresses and networks of proxies, whose X-Forwarded-For is believed. */
  trustedProxies: readonly string[]
  requestsPerMinute: number
  sockets: number
}

/** What each address may do, counted in memory. An IPv6 host owns at least a /64, so that is one address here. */
export class AddressLimits {
  readonly #trust: ReturnType<typeof proxyAddr.compile>
  readonly #maxSockets: number
  readonly #requests: RateLimiterMemory
  readonly #signIns = new RateLimiterMemory({ points: SIGN_INS_PER_ADDRESS, duration: SIGN_IN_SECONDS })
  readonly #allSignIns = new RateLimiterMemory({ points: SIGN_INS_OVERALL, duration: SIGN_IN_SECONDS })
  readonly #sockets = new Map<string, number>()

  constructor({ trustedProxies, requestsPerMinute, sockets }: AddressLimitOptions) {
    this.#trust = proxyAddr.compile([...trustedProxies])
    this.#maxSockets = sockets
    this.#requests = new RateLimiterMemory({ points: requestsPerMinute, duration: 60 })
  }

  /** Refuses requests beyond the rate. Programs of this very machine are not counted: they could harm it without us. */
  middleware(): RequestHandler {
    return async (req, res, next) => {
      const { key, isLoopback } = this.#addressOf(req)
      if (!isLoopback) await spend(this.#requests, key, res, 'Too many requests came from this address')
      next()
    }
  }

  /** Count a try to sign in. @throws Fault TOO_MANY_REQUESTS */
  async spendSignIn(req: Request, res: Response): Promise<void> {
    const what = 'Too many passwords were tried'
    await spend(this.#signIns, this.#addressOf(req).key, res, what)
    await spend(this.#allSignIns, 'all', res, what)
  }

  /** The password was right: what was tried before was a slip. */
  async forgiveSignIn(req: Request): Promise<void> {
    await this.#signIns.delete(this.#addressOf(req).key)
    await this.#allSignIns.reward('all')
  }

  /** Why a new socket is refused; null where there is room for it. */
  socketRefusal(req: IncomingMessage): Fault | null {
    const count = this.#sockets.get(this.#addressOf(req).key) ?? 0
    return count < this.#maxSockets ? null : new Fault('TOO_MANY_SOCKETS', `This address has ${this.#maxSockets} live connections already.`)
  }

  /** Count a socket. @returns ends the count */
  countSocket(req: IncomingMessage): () => void {
    const { key } = this.#addressOf(req)
    this.#sockets.set(key, (this.#sockets.get(key) ?? 0) + 1)
    return () => {
      const left = this.#sockets.get(key)! - 1
      if (left > 0) this.#sockets.set(key, left)
      else this.#sockets.delete(key)
    }
  }

  #addressOf(req: IncomingMessage): { key: string, isLoopback: boolean } {
    const text = proxyAddr(req, this.#trust)
    // A proxy may pass on anything as an address.
    if (!ipaddr.isValid(text)) return { key: 'unknown', isLoopback: false }
    const address = ipaddr.process(text)
    const key = address instanceof ipaddr.IPv6 ? address.parts.slice(0, IPV6_NETWORK_GROUPS).join(':') : address.toString()
    return { key, isLoopback: address.range() === 'loopback' }
  }
}

/** How long nothing may move, ms. */
export interface StallLimits {
  /** No byte of a body comes. */
  uploadMs: number
  /** No byte of an answer is taken. */
  downloadMs: number
}

/**
 * Ends a request whose body stops arriving, or whose answer nobody takes any more, so that nobody holds a place for nothing.
 * One that is slow but steady goes on.
 */
export const endStalled = ({ uploadMs, downloadMs }: StallLimits): RequestHandler => (req, res, next) => {
  // What is piped holds more than memory: a thread, a process, a file.
  res.once('pipe', () => {
    res.setTimeout(downloadMs, () => {
      // The server itself may take as long as it needs for the next piece.
      if (res.writableNeedDrain || res.writableEnded) res.destroy()
      else res.setTimeout(downloadMs)
    })
  })
  if (req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length']) > 0) {
    req.setTimeout(uploadMs, () => req.destroy())
    // Once the body is there it is the answer that takes its time, which Node would otherwise end as well.
    res.on('timeout', () => undefined)
    req.once('end', () => req.setTimeout(0))
  }
  next()
}

/** Bodies are taken as they are: one that is compressed could unpack to a thousand times as much. @throws Fault BAD_BODY */
export const refuseEncoded: RequestHandler = (req, _res, next) => {
  if (!/^(identity)?$/i.test(req.headers['content-encoding'] ?? '')) throw new Fault('BAD_BODY', 'Send the body as it is, without a Content-Encoding.')
  next()
}

/**
 * Lets so many requests of a kind in at a time, from the first byte of each to the end of its answer.
 * @param what they are called where one more is refused
 */
export function atMost(max: number, what: string): RequestHandler {
  let count = 0
  return (_req, res, next) => {
    if (count >= max) throw new Fault('TOO_MANY_REQUESTS', `${max} ${what} are being worked on already. Try again in a moment.`)
    count++
    res.once('close', () => count--)
    next()
  }
}

async function spend(limiter: RateLimiterMemory, key: string, res: Response, what: string): Promise<void> {
  try {
    await limiter.consume(key)
  } catch (rejected) {
    if (!(rejected instanceof RateLimiterRes)) throw rejected
    const seconds = Math.ceil(rejected.msBeforeNext / 1000)
    res.set('Retry-After', String(seconds))
    throw new Fault('TOO_MANY_REQUESTS', `${what}. Try again in ${seconds < 60 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`}.`)
  }
}

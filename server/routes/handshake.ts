import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Fault } from '../faults.ts'
import { problemHeaders, toProblem } from './problem.ts'

// Not imported, see server/app.ts.
const { STATUS_CODES } = process.getBuiltinModule('node:http')

type RequestListener = (req: IncomingMessage, res: ServerResponse) => void
type UpgradeListener = (req: IncomingMessage, socket: Duplex, head: Buffer) => void

/**
 * Puts a check before what Socket.IO hears under its path, over polling and WebSocket alike. Its own hook knows neither
 * status nor body of a refusal, and asks at the handshake only. To be called after Socket.IO was attached.
 * @param refusal why a request is not let through; null where it is
 */
export function guardSockets(httpServer: Server, path: string, refusal: (req: IncomingMessage) => Fault | null): void {
  const isOurs = ({ url = '' }: IncomingMessage) => url.startsWith(path)
  const requests = httpServer.listeners('request') as RequestListener[]
  const upgrades = httpServer.listeners('upgrade') as UpgradeListener[]
  httpServer.removeAllListeners('request').removeAllListeners('upgrade')

  httpServer.on('request', (req: IncomingMessage, res: ServerResponse) => {
    const fault = isOurs(req) ? refusal(req) : null
    if (fault) {
      const { status, headers, body } = answerOf(fault)
      res.writeHead(status, headers).end(body)
    } else {
      for (const listener of requests) listener.call(httpServer, req, res)
    }
  })
  httpServer.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    const fault = isOurs(req) ? refusal(req) : null
    if (fault) {
      const { status, headers, body } = answerOf(fault)
      const lines = Object.entries({ ...headers, Connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`)
      // The client may be gone already.
      socket.on('error', () => undefined)
      socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
    } else {
      for (const listener of upgrades) listener.call(httpServer, req, socket, head)
    }
  })
}

function answerOf(fault: Fault): { status: number, headers: Record<string, string>, body: string } {
  const problem = toProblem(fault)
  const body = JSON.stringify(problem)
  return { status: problem.status, headers: { ...problemHeaders(problem), 'Content-Length': String(Buffer.byteLength(body)) }, body }
}

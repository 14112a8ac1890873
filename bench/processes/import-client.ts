/**
 * Uploads a file and follows its import by Socket.IO, as the page does.
 * usage: node import-client.ts URL FILE, as a Companion
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { basename } from 'node:path'
import { performance } from 'node:perf_hooks'
import { pipeline } from 'node:stream/promises'
import { io, type Socket } from 'socket.io-client'
import type { ClientToServerEvents, ProgressComplete, ServerToClientEvents } from '../../server/protocol.ts'
import { answerWhenAsked, giveWay } from '../support/processes.ts'

export interface ClientRun {
  /** From the first byte of the upload to the terminal event. */
  seconds: number
  rows: number
  /** Heard until then. */
  updates: number
}

giveWay()

const [url, path, sessionId = randomUUID()] = process.argv.slice(2) as [string, string, string?]
const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io(url, { transports: ['websocket'] })
await new Promise<void>((resolve) => void socket.emit('join-progress', sessionId, () => resolve()))

await answerWhenAsked(async (): Promise<ClientRun> => {
  let updates = 0
  socket.on('progress-update', () => updates++)
  const ended = new Promise<ProgressComplete>((resolve, reject) => {
    socket.on('progress-complete', resolve)
    socket.on('progress-error', ({ error }) => reject(new Error(`${error.code}: ${error.detail}`)))
  })
  const startedAt = performance.now()
  await upload()
  const { metadata } = await ended
  const seconds = (performance.now() - startedAt) / 1000
  socket.disconnect()
  return { seconds, rows: Number(metadata.rowsRead), updates }
})

/** Send the file as a browser does. Not by a Blob of Node, which ends at the size modulo 4 GiB (seen in 24.21). */
async function upload(): Promise<void> {
  const head = `--b\r\nContent-Disposition: form-data; name="sessionId"\r\n\r\n${sessionId}\r\n`
    + `--b\r\nContent-Disposition: form-data; name="file"; filename="${basename(path)}"\r\nContent-Type: text/csv\r\n\r\n`
  const tail = '\r\n--b--\r\n'
  const { size } = await stat(path)
  const sending = request(`${url}/api/imports`, {
    method: 'POST', headers: { 'Content-Type': 'multipart/form-data; boundary=b', 'Content-Length': head.length + size + tail.length },
  })
  const answered = once(sending, 'response') as Promise<[IncomingMessage]>
  sending.write(head)
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 18 }), sending, { end: false })
  sending.end(tail)
  const [{ statusCode }] = await answered
  if (statusCode !== 202) throw new Error(`the upload was answered with ${statusCode}`)
}

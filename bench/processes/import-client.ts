/**
 * Uploads a file and follows its import by Socket.IO, as the page does.
 * usage: node import-client.ts URL FILE, as a Companion
 */
import { randomUUID } from 'node:crypto'
import { openAsBlob } from 'node:fs'
import { basename } from 'node:path'
import { performance } from 'node:perf_hooks'
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
  const form = new FormData()
  form.append('sessionId', sessionId)
  form.append('file', await openAsBlob(path), basename(path))
  const startedAt = performance.now()
  const { status } = await fetch(`${url}/api/imports`, { method: 'POST', body: form })
  if (status !== 202) throw new Error(`the upload was answered with ${status}`)
  const { metadata } = await ended
  const seconds = (performance.now() - startedAt) / 1000
  socket.disconnect()
  return { seconds, rows: Number(metadata.rowsRead), updates }
})

/**
 * Many watchers of one session until its end, each of them a WebSocket that says just what Socket.IO's protocol asks of a client
 * (https://socket.io/docs/v4/socket-io-protocol/) and reads no more of an event than its name. What watchers do with what they
 * hear they do on machines of their own; here it would take time from the server.
 * usage: node wire-watchers.ts URL SESSION_ID COUNT, as a Companion
 */
import WebSocket from 'ws'
import { answerWhenAsked, giveWayToAll } from '../support/processes.ts'
import { connectAll, watchAll } from '../support/watching.ts'

const PING = '2'
const PONG = '3'
const OPEN = '0'
const CONNECT = '40'
const EVENT = '42'
const JOINED = '430[{"ok":true}]'

const UPDATE = Buffer.from(`${EVENT}["progress-update",`)
const COMPLETE = Buffer.from(`${EVENT}["progress-complete",`)

const isEvent = (data: Buffer, start: Buffer): boolean => data.subarray(0, start.length).equals(start)

giveWayToAll()

const [url, sessionId, count] = process.argv.slice(2) as [string, string, string]

const join = (): Promise<WebSocket> => new Promise((resolve, reject) => {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/socket.io/?EIO=4&transport=websocket`, { perMessageDeflate: false, skipUTF8Validation: true })
  socket.once('error', reject)
  socket.on('message', (data: Buffer) => {
    // Events are for who watches, and are not even made a string here.
    if (data.toString('latin1', 0, EVENT.length) === EVENT) return
    const packet = data.toString()
    if (packet === PING) socket.send(PONG)
    else if (packet === JOINED) resolve(socket)
    else if (packet.startsWith(CONNECT)) socket.send(`${EVENT}0${JSON.stringify(['join-progress', sessionId])}`)
    else if (packet.startsWith(OPEN)) socket.send(CONNECT)
    else reject(new Error(`the server said ${packet}`))
  })
})

const sockets = await connectAll(Number(count), join)

await answerWhenAsked(async () => {
  const watching = await watchAll(sockets, (socket, { update, end }) => {
    socket.on('message', (data: Buffer) => {
      if (isEvent(data, UPDATE)) update()
      else if (isEvent(data, COMPLETE)) end(true)
    })
    socket.once('close', () => end(false))
  })
  for (const socket of sockets) socket.close()
  return watching
})

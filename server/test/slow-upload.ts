import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { newSessionId, type TestServer } from './support.ts'

const TRICKLE_BYTES = 20_000

const TAIL = '\r\n--b--\r\n'

/** An upload whose bytes come when a test wants them to. */
export class SlowUpload {
  readonly sessionId: string
  readonly socket: Socket
  readonly #content: Buffer
  #sent = 0

  private constructor(sessionId: string, socket: Socket, content: Buffer) {
    this.sessionId = sessionId
    this.socket = socket
    this.#content = content
  }

  /** Begin to send a file: its first byte goes at once, since an import begins with that. @returns when the server knows the session */
  static async begin(
    server: TestServer, content: string | Buffer, { filename = 'slow.csv', options, sessionId = newSessionId() }: { filename?: string, options?: unknown, sessionId?: string } = {},
  ): Promise<SlowUpload> {
    const { port } = new URL(server.url)
    const bytes = Buffer.from(content)
    const field = (name: string, value: string): string => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
    const head = field('sessionId', sessionId) + (options === undefined ? '' : field('options', JSON.stringify(options)))
      + `--b\r\nContent-Disposition: form-data; name="file"; filename="${filename}"\r\n\r\n`
    const socket = connect(Number(port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(
      `POST /api/imports HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${head.length + bytes.length + TAIL.length}\r\n\r\n${head}`,
    )
    const upload = new SlowUpload(sessionId, socket, bytes)
    upload.send(1)
    while ((await server.get(`/api/progress/${sessionId}`)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 10))
    return upload
  }

  /** Send the file up to a place. */
  send(to: number): void {
    this.socket.write(this.#content.subarray(this.#sent, to))
    this.#sent = Math.max(this.#sent, to)
  }

  /** Send a little more. */
  trickle(): void {
    this.send(Math.min(this.#content.length - 1, this.#sent + TRICKLE_BYTES))
  }

  /** Send all that is left. @returns when it is on its way */
  sendAll(): Promise<void> {
    this.send(this.#content.length)
    return new Promise((resolve) => this.socket.write(TAIL, () => resolve()))
  }

  /** Send all that is left. @returns the answer, from its status line on */
  async finish(): Promise<string> {
    const answered = this.answer()
    await this.sendAll()
    return answered
  }

  /** What the server answers, from its status line on. */
  async answer(): Promise<string> {
    const [data] = await once(this.socket, 'data') as [Buffer]
    return data.toString()
  }
}

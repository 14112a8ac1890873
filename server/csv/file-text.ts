import { closeSync, openSync, readSync } from 'node:fs'
import { TextDecoder } from 'node:util'
import { Fault } from '../faults.ts'

/** The decoder gives this for bytes that are no character of the encoding. */
const REPLACEMENT = '\ufffd'

/**
 * A file's text, read in pieces by the one thread that has nothing else to do, so reading is synchronous.
 * Never holds more of the file than one piece.
 */
export class FileText {
  readonly #fd: number
  readonly #buffer: Uint8Array
  #decoder: TextDecoder | undefined
  #encoding = ''
  #offset = 0

  /** @param maxPieceBytes most bytes of one piece */
  constructor(path: string, maxPieceBytes: number) {
    this.#fd = openSync(path, 'r')
    this.#buffer = new Uint8Array(maxPieceBytes)
  }

  /** Bytes of the file read so far. */
  get offset(): number {
    return this.#offset
  }

  /** The file's first bytes; the next piece begins with them again. */
  head(bytes: number): Uint8Array {
    return this.#buffer.slice(0, readSync(this.#fd, this.#buffer, 0, bytes, 0))
  }

  /** @param encoding a label of the WHATWG Encoding Standard; a byte order mark is left out of the text */
  decodeAs(encoding: string): void {
    this.#encoding = encoding
    this.#decoder = new TextDecoder(encoding, { fatal: true })
  }

  /**
   * The next piece of text; a character cut in half waits for the next one.
   * @returns null at the end of the file
   * @throws Fault UNDECODABLE where the bytes are not in the encoding; its line counts from the piece's beginning
   */
  read(bytes: number): string | null {
    const count = readSync(this.#fd, this.#buffer, 0, Math.min(bytes, this.#buffer.length), this.#offset)
    const piece = this.#buffer.subarray(0, count)
    try {
      const text = this.#decoder!.decode(piece, { stream: count > 0 })
      this.#offset += count
      return count === 0 && text === '' ? null : text
    } catch (cause) {
      throw new Fault('UNDECODABLE', `The file is not valid ${this.#encoding.toUpperCase()}.`, { line: this.#lineOfBadBytes(piece), cause })
    }
  }

  #lineOfBadBytes(piece: Uint8Array): number {
    // The piece may begin with the rest of a UTF-8 character whose first byte came with the piece before.
    const start = this.#encoding === 'utf-8' ? piece.findIndex((byte) => (byte & 0xc0) !== 0x80) : 0
    const lossy = new TextDecoder(this.#encoding).decode(piece.subarray(Math.max(0, start)))
    return lossy.slice(0, Math.max(0, lossy.indexOf(REPLACEMENT))).split(lossy.includes('\n') ? '\n' : '\r').length
  }

  close(): void {
    closeSync(this.#fd)
  }
}

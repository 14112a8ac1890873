import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { TextDecoder } from 'node:util'
import { Fault } from '../faults.ts'

/** The decoder gives this for bytes that are no character of the encoding. */
const REPLACEMENT = '\ufffd'
const REPLACEMENT_BYTES = Buffer.from(REPLACEMENT)

/**
 * Stands in the text for bytes that are no character of the encoding: no decoder gives two first halves of surrogate pairs in a row.
 * A single half is in every pair that has it.
 */
export const BAD_BYTES = '\ud800\ud800'

/** How many bytes of a file that still arrives are worth reading on, instead of waiting for more. */
const ENOUGH_BYTES = 256 * 2 ** 10

/**
 * A file's text, read in pieces by the one thread that has nothing else to do, so reading is synchronous.
 * Never holds more of the file than one piece.
 */
export class FileText {
  readonly #fd: number
  readonly #buffer: Uint8Array
  /** Waits until so many bytes of the file can be read, or all that there are; says how many. */
  readonly #waitFor: (bytes: number) => number
  #decoder: TextDecoder | undefined
  #encoding = ''
  #marksBadBytes = false
  #isMarking = false
  /** Bytes that begin a character which goes on in the next piece, while bad ones are marked. */
  #cut: Uint8Array = new Uint8Array()
  #offset = 0

  /**
   * @param maxPieceBytes most bytes of one piece
   * @param waitFor where the file still arrives: waits until so many bytes of it can be read, or all that there are, and says how many
   */
  constructor(path: string, maxPieceBytes: number, waitFor?: (bytes: number) => number) {
    this.#fd = openSync(path, 'r')
    this.#buffer = new Uint8Array(maxPieceBytes)
    const { size } = fstatSync(this.#fd)
    this.#waitFor = waitFor ?? (() => size)
  }

  /** Bytes of the file read so far. */
  get offset(): number {
    return this.#offset
  }

  /** Some of the file's bytes; what is read next does not depend on it. */
  peek(bytes: number, position = 0): Uint8Array {
    return this.#buffer.slice(0, this.#fill(this.#buffer, bytes, position, bytes))
  }

  /** Fill memory with the file's bytes from a place on, without decoding them. @returns how many there were */
  readBytes(memory: Uint8Array, bytes: number, position: number): number {
    return this.#fill(memory, bytes, position, ENOUGH_BYTES)
  }

  /** Whether the file has no bytes from that place on. */
  endsAt(position: number): boolean {
    return this.#waitFor(position + 1) <= position
  }

  /** @param enough how many bytes are not worth waiting for more */
  #fill(memory: Uint8Array, bytes: number, position: number, enough: number): number {
    const wanted = Math.min(bytes, memory.length)
    const end = this.#waitFor(position + Math.min(wanted, enough))
    return readSync(this.#fd, memory, 0, Math.max(0, Math.min(wanted, end - position)), position)
  }

  /** Bytes read already of what is told only with the next piece: a UTF-8 character that goes on in it. */
  get cutBytes(): number {
    return this.#cut.length + this.#cutCharacter(this.#offset - this.#cut.length).length
  }

  /** Read on from another place, where a character begins. */
  seek(offset: number): void {
    this.#offset = offset
    this.#isMarking = false
    this.#cut = new Uint8Array()
    this.#decoder = new TextDecoder(this.#encoding, { fatal: true, ignoreBOM: offset > 0 })
  }

  /**
   * @param encoding a label of the WHATWG Encoding Standard; a byte order mark is left out of the text
   * @param marksBadBytes whether BAD_BYTES stands for bytes that are not UTF-8, where that is the encoding, so that the rest can be read
   */
  decodeAs(encoding: string, marksBadBytes: boolean): void {
    this.#encoding = encoding
    this.#marksBadBytes = marksBadBytes && encoding === 'utf-8'
    this.#decoder = new TextDecoder(encoding, { fatal: true })
  }

  /**
   * The next piece of text; a character cut in half waits for the next one.
   * @returns null at the end of the file
   * @throws Fault UNDECODABLE where the bytes are not in the encoding; its line counts from the piece's beginning
   */
  read(bytes: number): string | null {
    const count = this.#fill(this.#buffer, bytes, this.#offset, ENOUGH_BYTES)
    const piece = this.#buffer.subarray(0, count)
    const text = this.#isMarking ? this.#decodeAndMark(piece) : this.#decode(piece)
    this.#offset += count
    return count === 0 && text === '' ? null : text
  }

  #decode(piece: Uint8Array): string {
    try {
      return this.#decoder!.decode(piece, { stream: piece.length > 0 })
    } catch (cause) {
      if (this.#marksBadBytes) {
        this.#cut = this.#cutCharacter(this.#offset)
        this.#isMarking = true
        this.#decoder = new TextDecoder(this.#encoding, { ignoreBOM: this.#offset > 0 })
        return this.#decodeAndMark(piece)
      }
      throw new Fault('UNDECODABLE', `The file is not valid ${this.#encoding.toUpperCase()}.`, { line: this.#lineOfBadBytes(piece), cause })
    }
  }

  /** What the file itself holds of the decoder's replacement is told by its bytes from what the decoder gives for bad ones. */
  #decodeAndMark(piece: Uint8Array): string {
    const isLast = piece.length === 0
    const bytes = Buffer.concat([this.#cut, piece])
    const end = isLast ? bytes.length : bytes.length - cutReplacement(bytes)
    this.#cut = Uint8Array.from(bytes.subarray(end))
    let text = ''
    let from = 0
    for (let at = bytes.indexOf(REPLACEMENT_BYTES); at !== -1; at = bytes.indexOf(REPLACEMENT_BYTES, from)) {
      // What is cut short before it is bad, and told of only now.
      text += this.#marked(bytes.subarray(from, at)) + this.#marked(bytes.subarray(at, at + REPLACEMENT_BYTES.length)).slice(0, -BAD_BYTES.length) + REPLACEMENT
      from = at + REPLACEMENT_BYTES.length
    }
    return text + this.#marked(bytes.subarray(from, end), !isLast)
  }

  #marked(bytes: Uint8Array, stream = true): string {
    return this.#decoder!.decode(bytes, { stream }).replaceAll(REPLACEMENT, BAD_BYTES)
  }

  /** The bytes before a place in the file that begin a UTF-8 character which goes on after it: none to three (RFC 3629, section 3). */
  #cutCharacter(end: number): Uint8Array {
    const before = new Uint8Array(Math.min(3, end))
    readSync(this.#fd, before, 0, before.length, end - before.length)
    for (let length = 1; length <= before.length; length++) {
      const byte = before.at(-length)!
      if (byte < 0x80) break
      if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > length ? before.subarray(-length) : new Uint8Array()
    }
    return new Uint8Array()
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

/** How many bytes at the end may begin the replacement character: none, one or two. */
function cutReplacement(bytes: Uint8Array): number {
  if (bytes.at(-1) === REPLACEMENT_BYTES[0]) return 1
  return bytes.at(-2) === REPLACEMENT_BYTES[0] && bytes.at(-1) === REPLACEMENT_BYTES[1] ? 2 : 0
}

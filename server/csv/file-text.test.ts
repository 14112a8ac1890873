import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { BAD_BYTES, FileText } from './file-text.ts'

const folder = mkdtempSync(join(tmpdir(), 'hextrackr-text-'))
after(() => rmSync(folder, { recursive: true }))

/** A file's text, read in pieces of so many bytes, bad bytes marked. */
function read(bytes: Uint8Array, pieceBytes: number): string {
  const path = join(folder, 'file')
  writeFileSync(path, bytes)
  const file = new FileText(path, 64)
  try {
    file.decodeAs('utf-8', true)
    let text = ''
    for (let piece = file.read(pieceBytes); piece !== null; piece = file.read(pieceBytes)) text += piece
    return text
  } finally {
    file.close()
  }
}

describe('bad bytes', () => {
  test('are marked where they stand, and no character is taken for them, however the file is cut', () => {
    // Bytes that neither begin nor go on a character, and characters that look like marks in one way or another.
    const part = fc.oneof(fc.constantFrom('a', '\n', '\ufffd', '\ufdd0', '💀', '🢀', '\u{10000}', '\u{10ffff}', '\ufeffb', '\ufffe', 'ü'), fc.constantFrom(0xff, 0xc0, 0xf8))
    fc.assert(fc.property(fc.array(part, { maxLength: 20 }), fc.integer({ min: 1, max: 64 }), (parts, pieceBytes) => {
      const given = ['x', ...parts]
      const bytes = Buffer.concat(given.map((one) => typeof one === 'string' ? Buffer.from(one) : Buffer.from([one])))
      const text = read(bytes, pieceBytes)
      assert.equal(text, given.map((one) => typeof one === 'string' ? one : BAD_BYTES).join(''))
    }))
  })

  test('that begin a character are marked where it is cut short, by the end too', () => {
    for (let pieceBytes = 1; pieceBytes < 12; pieceBytes++) {
      assert.equal(read(Buffer.from([0x68, 0xdb, 0x80, 0xde]), pieceBytes), `h\u06c0${BAD_BYTES}`)
      assert.equal(read(Buffer.from([0x61, 0xe2, 0x82, 0xef, 0xbf, 0xbd, 0xff, 0xef, 0xbf, 0xbd, 0xef, 0xbf]), pieceBytes), `a${BAD_BYTES}\ufffd${BAD_BYTES}\ufffd${BAD_BYTES}`)
    }
  })
})

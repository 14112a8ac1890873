import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeBinary, looksLikeUtf16 } from './binary.ts'

test('text of any encoding is text', () => {
  for (const text of ['a,b\n1,2\n', 'Müller;Größe\r\n', '表,値\n', 'a\tb\0c\n'.repeat(20), '']) {
    assert.equal(describeBinary(Buffer.from(text)), null, text)
    assert.equal(describeBinary(Buffer.from(text, 'latin1')), null, text)
  }
  const utf16 = Buffer.from('name,city\nMüller,Zürich\n', 'utf16le')
  assert.equal(describeBinary(utf16), null)
  assert.equal(looksLikeUtf16(utf16), 'utf-16le')
  assert.equal(looksLikeUtf16(Buffer.from(utf16).swap16()), 'utf-16be')
})

test('a format that is known is named with what to do', () => {
  assert.match(describeBinary(Buffer.from('PK\x03\x04 and so on'))!, /Excel workbook or a ZIP/)
  assert.match(describeBinary(Buffer.from('%PDF-1.7'))!, /PDF/)
  assert.match(describeBinary(Buffer.from('SQLite format 3\0'))!, /SQLite/)
})

test('other bytes are binary data', () => {
  assert.equal(describeBinary(Uint8Array.from({ length: 1000 }, (_, index) => (index * 7919) % 256)), 'binary data')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { looksLikeUtf16, whyNotCsv } from './not-csv.ts'

test('text of any encoding is text', () => {
  for (const text of ['a,b\n1,2\n', 'Müller;Größe\r\n', '表,値\n', 'a\tb\0c\n'.repeat(20), '']) {
    assert.equal(whyNotCsv(Buffer.from(text)), null, text)
    assert.equal(whyNotCsv(Buffer.from(text, 'latin1')), null, text)
  }
  const utf16 = Buffer.from('name,city\nMüller,Zürich\n', 'utf16le')
  assert.equal(whyNotCsv(utf16), null)
  assert.equal(looksLikeUtf16(utf16), 'utf-16le')
  assert.equal(looksLikeUtf16(Buffer.from(utf16).swap16()), 'utf-16be')
})

test('a format that is known is named with what to do', () => {
  assert.match(whyNotCsv(Buffer.from('PK\x03\x04 and so on'))!, /Excel workbook or a ZIP/)
  assert.match(whyNotCsv(Buffer.from('%PDF-1.7'))!, /PDF/)
  assert.match(whyNotCsv(Buffer.from('SQLite format 3\0'))!, /SQLite/)
})

test('other bytes are binary data', () => {
  assert.match(whyNotCsv(Uint8Array.from({ length: 1000 }, (_, index) => (index * 7919) % 256))!, /binary data/)
})

test('text that is meant for another program is named, but not what only holds some of it', () => {
  assert.match(whyNotCsv(Buffer.from('\ufeff\n<!DOCTYPE html>\n<html lang="en">'))!, /web page/)
  assert.match(whyNotCsv(Buffer.from('<?xml version="1.0"?>\n<Workbook>'))!, /XML/)
  assert.match(whyNotCsv(Buffer.from('<?xml version="1.0"?>\n<Workbook>', 'utf16le'))!, /XML/)
  assert.match(whyNotCsv(Buffer.from('[\n  {"id": 1},\n'))!, /JSON/)
  for (const text of ['html\n<html>\n', '<b>name</b>,x\n', '[id],{"x"}\n', '{"a":1},2\n']) assert.equal(whyNotCsv(Buffer.from(text)), null, text)
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { splitRecords } from './split-records.ts'

describe('splitRecords', () => {
  test('declines a quoted field that does not end before a delimiter or a line end', () => {
    assert.equal(splitRecords('a,"b" c\n', ',', '"'), null)
    assert.equal(splitRecords('a,"b', ',', '"'), null)
    assert.equal(splitRecords('"a"\rb\n', ',', '"'), null)
  })

  test('agrees with csv-parse on any text that both take', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', ' ', ',', ';', '"', '""', '",', ',"', '\'', '\'\'', '\t', '\n', '\r\n', '\r', '\0'), maxLength: 40 })
    let agreed = 0
    fc.assert(fc.property(text, fc.constantFrom(',', ';', ' ', '\t', '\0'), fc.constantFrom('"', '', '\''), (csv, delimiter, quote) => {
      const records = splitRecords(csv, delimiter, quote)
      if (!records) return
      agreed++
      assert.deepEqual(records, parse(csv, {
        delimiter, quote: quote || false, escape: quote || null, record_delimiter: ['\r\n', '\n'], relax_quotes: true, relax_column_count: true, skip_empty_lines: true,
      }))
    }), { numRuns: 20_000 })
    assert.ok(agreed > 5000, `only ${agreed} texts took part`)
  })

  test('declines a record of another width that has a line break inside, since it may have swallowed others', () => {
    assert.deepEqual(splitRecords('a,b\n"x\ny"\n', ',', '"'), [['a', 'b'], ['x\ny']])
    assert.equal(splitRecords('a,b\n"x\ny"\n', ',', '"', 2), null)
    assert.deepEqual(splitRecords('a,b\nx\n', ',', '"', 2), [['a', 'b'], ['x']])
  })
})

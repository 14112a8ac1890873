import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sqlName, whereInSql } from './sql-text.ts'

test('a name is quoted where SQL would read it otherwise', () => {
  assert.deepEqual(['cvss', 'Owner_2', 'order', 'first seen', '2024', 'größe', 'a"b', ''].map(sqlName),
    ['cvss', 'Owner_2', '"order"', '"first seen"', '"2024"', '"größe"', '"a""b"', '""'])
})

test('the place of a mistake is told where it can only be one', () => {
  assert.deepEqual(whereInSql('SELECT *\nFORM people', 'near "FORM": syntax error.'), { offset: 9, line: 2 })
  assert.deepEqual(whereInSql('SELECT nmae FROM people', 'no such column: nmae.'), { offset: 7, line: 1 })
  assert.deepEqual(whereInSql('SELECT p.x FROM people p', 'no such column: p.x.'), { offset: 7, line: 1 })
  assert.equal(whereInSql('SELECT nmae, nmae FROM people', 'no such column: nmae.'), undefined)
  assert.equal(whereInSql('SELECT 1 +', 'incomplete input.'), undefined)
})

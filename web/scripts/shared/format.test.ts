import assert from 'node:assert/strict'
import { test } from 'node:test'
import { age, ago, bytes, bytesOf, bytesTogether, clock, count, dayTime, duration, plural, shortName } from './format.ts'

test('counts are grouped and nouns agree with them', () => {
  assert.equal(count(1_284_003), '1,284,003')
  assert.equal(plural(1, 'row'), '1 row')
  assert.equal(plural(1_200, 'row'), '1,200 rows')
})

test('sizes use decimal units and at most three figures', () => {
  assert.deepEqual([0, 312, 999, 1_000, 410_000, 999_999, 2_100_000, 24_812_000, 188_400_000, 1_060_000_000].map(bytes),
    ['0 B', '312 B', '999 B', '1 KB', '410 KB', '1.0 MB', '2.1 MB', '24.8 MB', '188 MB', '1.06 GB'])
})

test('a total of sizes is the sum of what is shown of each', () => {
  assert.deepEqual([5_640_000, 2_940_000].map(bytes), ['5.6 MB', '2.9 MB'])
  assert.equal(bytesTogether(5_640_000, 2_940_000), '8.5 MB')
  assert.equal(bytesTogether(5_560_000, 2_860_000), '8.5 MB')
  assert.equal(bytesTogether(8_240_000_000, 340_400_000), '8.58 GB')
  assert.equal(bytesTogether(999_000, 1_000), '1.0 MB')
  assert.deepEqual([bytesTogether(0, 5_000_000), bytesTogether()], ['5.0 MB', '0 B'])
})

test('a pair of sizes shares the larger one\'s unit', () => {
  assert.equal(bytesOf(198_600_000, 312_400_000), '198.6 of 312.4 MB')
  assert.equal(bytesOf(0, 900), '0 of 900 B')
})

test('clocks count up and durations are words', () => {
  assert.deepEqual([-5, 5_400, 82_000, 3_723_000].map(clock), ['0:00', '0:05', '1:22', '1:02:03'])
  assert.deepEqual([40, 900, 9_940, 9_960, 130_000, 3_900_000].map(duration), ['0.1 s', '0.9 s', '9.9 s', '10 s', '2 min 10 s', '1 h 5 min'])
  assert.deepEqual([900, 61_000, 7_300_000].map(age), ['1 s', '1 min', '2 h'])
})

test('calendar times are told from where the reader stands', () => {
  const now = new Date(2026, 10, 23, 10, 40).getTime()
  const at = (month: number, day: number, hour: number, minute: number, year = 2026) => new Date(year, month, day, hour, minute).getTime()
  assert.equal(dayTime(at(10, 23, 10, 32), now), 'today 10:32')
  assert.equal(dayTime(at(10, 22, 17, 5), now), 'yesterday 17:05')
  assert.deepEqual([dayTime(at(10, 24, 0, 0), now), dayTime(at(10, 24, 23, 59), now), dayTime(at(10, 25, 0, 0), now)], ['tomorrow 00:00', 'tomorrow 23:59', '25 Nov 00:00'])
  assert.equal(dayTime(at(10, 20, 11, 9), now), '20 Nov 11:09')
  assert.equal(dayTime(at(10, 20, 11, 9, 2024), now), '20 Nov 2024 11:09')
  assert.equal(ago(now - 5_000, now), 'just now')
  assert.equal(ago(now - 130_000, now), '2 min ago')
  assert.equal(ago(at(10, 23, 8, 30), now), '2 h ago')
  assert.equal(ago(at(10, 22, 23, 50), now), 'yesterday 23:50')
})

test('a long name loses its middle, and no letter is cut in two', () => {
  assert.equal(shortName('nessus_export_w47.csv'), 'nessus_export_w47.csv')
  assert.equal(shortName(`${'a'.repeat(60)}-2026-w47-final.csv`), `${'a'.repeat(25)}…2026-w47-final.csv`)
  const rockets = '👩🏽‍🚀'.repeat(60)
  assert.equal(shortName(rockets), `${'👩🏽‍🚀'.repeat(25)}…${'👩🏽‍🚀'.repeat(18)}`)
})

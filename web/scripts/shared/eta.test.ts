import assert from 'node:assert/strict'
import { test } from 'node:test'
import { etaText, keepPace, roughly, secondsLeft, settleEta, startPace } from './eta.ts'

test('a pace says nothing before it has run for 3 s and 2 percent', () => {
  let pace = startPace(33, 0)
  pace = keepPace(pace, 40, 1_000)
  assert.equal(secondsLeft(pace), undefined)
  pace = keepPace(startPace(33, 0), 34, 5_000)
  assert.equal(secondsLeft(pace), undefined)
})

test('a steady pace gives the exact time left, whatever the steps', () => {
  let pace = startPace(0, 0)
  for (const at of [400, 500, 1_900, 3_000, 3_100, 6_000]) pace = keepPace(pace, at / 1000, at)
  assert.ok(Math.abs((secondsLeft(pace) ?? 0) - 94) < 0.001)
})

test('a stalled bar lowers the pace instead of dividing by zero', () => {
  let pace = keepPace(startPace(0, 0), 10, 5_000)
  const before = secondsLeft(pace) ?? 0
  pace = keepPace(pace, 10, 13_000)
  assert.ok((secondsLeft(pace) ?? 0) > before * 2)
  assert.equal(keepPace(pace, 12, 13_000), pace)
})

test('shown time follows good news at once and bad news after 3 s', () => {
  let shown = settleEta(undefined, 50, 0)
  shown = settleEta(shown, 30, 1_000)
  assert.equal(shown?.seconds, 30)
  shown = settleEta(shown, 60, 2_000)
  assert.equal(shown?.seconds, 29)
  shown = settleEta(shown, 60, 4_000)
  assert.equal(shown?.seconds, 27)
  shown = settleEta(shown, 60, 5_000)
  assert.equal(shown?.seconds, 60)
})

test('a slightly worse estimate only lets the clock run down', () => {
  const shown = settleEta({ seconds: 100, at: 0 }, 105, 2_000)
  assert.equal(shown?.seconds, 98)
  assert.equal(shown.tooLowSince, undefined)
})

test('time left is rounded to what it is worth', () => {
  assert.deepEqual([0, 9.9, 12, 48, 57, 72, 595, 700, 7_500].map(etaText), [
    'A few seconds left', 'A few seconds left', 'About 10 s left', 'About 50 s left', 'About 1 min left', 'About 1 min 10 s left',
    'About 10 min left', 'About 12 min left', 'About 2 h 5 min left',
  ])
  assert.equal(roughly(3), '10 s')
})

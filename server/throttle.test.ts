import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'

import { FakeClock } from './test/fake-clock.ts'
import { throttleLatest } from './throttle.ts'
import type { LatestThrottle } from './throttle.ts'

describe('throttleLatest', () => {
  let clock: FakeClock
  let sent: number[]
  let throttle: LatestThrottle<number>

  beforeEach(() => {
    clock = new FakeClock()
    sent = []
    throttle = throttleLatest((value: number) => void sent.push(value), 100, clock)
  })

  test('sends the first value at once', () => {
    throttle.push(1)
    assert.deepEqual(sent, [1])
  })

  test('sends only the newest of the values held back, when the window ends', () => {
    for (const value of [1, 2, 3]) throttle.push(value)
    clock.advance(99)
    assert.deepEqual(sent, [1])
    clock.advance(1)
    assert.deepEqual(sent, [1, 3])
  })

  test('opens the next window with the value sent at the end of one', () => {
    throttle.push(1)
    throttle.push(2)
    clock.advance(100)
    throttle.push(3)
    assert.deepEqual(sent, [1, 2])
    clock.advance(100)
    assert.deepEqual(sent, [1, 2, 3])
  })

  test('sends at once again after a window in which nothing came', () => {
    throttle.push(1)
    clock.advance(100)
    throttle.push(2)
    assert.deepEqual(sent, [1, 2])
  })

  test('holds back undefined like any other value', () => {
    const seen: unknown[] = []
    const anything = throttleLatest((value: unknown) => void seen.push(value), 100, clock)
    anything.push(1)
    anything.push(undefined)
    clock.advance(100)
    assert.deepEqual(seen, [1, undefined])
  })

  test('drop forgets what was held back and stops the timer', () => {
    throttle.push(1)
    throttle.push(2)
    throttle.drop()
    assert.equal(clock.pendingTimers, 0)
    clock.advance(1000)
    assert.deepEqual(sent, [1])
  })

  test('flush sends what was held back, once, and stops the timer', () => {
    throttle.push(1)
    throttle.push(2)
    throttle.flush()
    assert.equal(clock.pendingTimers, 0)
    clock.advance(1000)
    assert.deepEqual(sent, [1, 2])
  })

  test('flush and drop with nothing held back do nothing', () => {
    throttle.flush()
    throttle.drop()
    assert.deepEqual(sent, [])
  })

  test('a push from within send waits for the window to end', () => {
    const seen: number[] = []
    const echo = throttleLatest((value: number) => {
      seen.push(value)
      if (value < 3) echo.push(value + 1)
    }, 100, clock)
    echo.push(1)
    assert.deepEqual(seen, [1])
    clock.advance(200)
    assert.deepEqual(seen, [1, 2, 3])
  })

  test('goes on after a send that threw', () => {
    const seen: number[] = []
    const fragile = throttleLatest((value: number) => {
      if (value === 1) throw new Error('refused')
      seen.push(value)
    }, 100, clock)
    assert.throws(() => fragile.push(1), /refused/)
    fragile.push(2)
    clock.advance(100)
    assert.deepEqual(seen, [2])
  })

  test('its timer does not keep the process alive', () => {
    throttle.push(1)
    assert.equal(clock.pendingTimers, 1)
    assert.equal(clock.keepsProcessAlive, false)
  })

  test('uses the system timers where none are given', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const seen: number[] = []
    const real = throttleLatest((value: number) => void seen.push(value), 100)
    real.push(1)
    real.push(2)
    t.mock.timers.tick(100)
    assert.deepEqual(seen, [1, 2])
    real.drop()
  })
})

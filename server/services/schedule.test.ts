import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeClock } from '../test/fake-clock.ts'
import { checkCron, Schedule } from './schedule.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** What has been begun so far; `isBusy` makes the next tries fail. */
function watchedWork() {
  const work = { begun: 0, tries: 0, skipped: 0, isBusy: false }
  return {
    work,
    begin: () => {
      work.tries++
      if (!work.isBusy) work.begun++
      return Promise.resolve(!work.isBusy)
    },
    onSkip: () => {
      work.skipped++
    },
  }
}

/** Lets what a timer has begun come to its next wait. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a schedule', () => {
  test('begins its work at each of its times, in local time, however far they are', async () => {
    const clock = new FakeClock(new Date(2026, 10, 24, 2, 59).getTime())
    const { work, ...hooks } = watchedWork()
    const schedule = new Schedule('0 3 1 * *', hooks, clock)
    assert.equal(schedule.nextAt, new Date(2026, 11, 1, 3, 0).getTime())
    clock.advance(6 * 24 * HOUR_MS)
    assert.equal(work.begun, 0)
    clock.advance(24 * HOUR_MS + MINUTE_MS)
    assert.equal(work.begun, 1)
    assert.equal(schedule.nextAt, new Date(2027, 0, 1, 3, 0).getTime())
    clock.advance(31 * 24 * HOUR_MS)
    assert.equal(work.begun, 2)
    assert.ok(!clock.keepsProcessAlive)
    schedule.close()
    await settle()
    assert.equal(clock.pendingTimers, 0)
  })

  test('waits for what else is running, and skips a time when the next one has come', async () => {
    const clock = new FakeClock(new Date(2026, 10, 24, 2, 59).getTime())
    const { work, ...hooks } = watchedWork()
    work.isBusy = true
    const schedule = new Schedule('0 * * * *', hooks, clock)
    for (let minute = 0; minute < 3; minute++) {
      clock.advance(MINUTE_MS)
      await settle()
    }
    assert.deepEqual(work, { begun: 0, tries: 3, skipped: 0, isBusy: true })
    work.isBusy = false
    clock.advance(MINUTE_MS)
    await settle()
    assert.equal(work.begun, 1)
    work.isBusy = true
    for (let minute = 0; minute < 2 * 60; minute++) {
      clock.advance(MINUTE_MS)
      await settle()
    }
    assert.equal(work.skipped, 1)
    schedule.close()
  })

  test('is told from text that is none', () => {
    assert.equal(checkCron('*/5 * * * *'), '*/5 * * * *')
    for (const wrong of ['daily', '61 * * * *', '* * *']) assert.throws(() => checkCron(wrong), /a cron expression such as/)
  })
})

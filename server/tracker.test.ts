import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'

import { THROTTLE_INTERVAL } from './protocol.ts'
import { FakeClock } from './test/fake-clock.ts'
import { ProgressTracker, toSnapshot } from './tracker.ts'
import type { ProgressEmitter } from './tracker.ts'

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const HOUR_MS = 3_600_000

interface Sent {
  room: string
  event: string
  payload: Record<string, unknown>
}

let clock: FakeClock
let sent: Sent[]
let tracker: ProgressTracker

const recorder: ProgressEmitter = {
  to: (room) => ({
    emit: (event, payload) => sent.push({ room, event, payload: payload as unknown as Record<string, unknown> }),
  }),
}

const events = () => sent.map(({ event }) => event)
const sentProgress = () => sent.map(({ payload }) => payload['progress'])
const session = (id: string) => {
  const found = tracker.getSession(id)
  assert.ok(found)
  return found
}

beforeEach(() => {
  clock = new FakeClock()
  sent = []
  tracker = new ProgressTracker(recorder, clock)
})

describe('creating a session', () => {
  test('createSession makes a new UUID v4 each time', () => {
    const first = tracker.createSession()
    assert.match(first, UUID_V4)
    assert.notEqual(tracker.createSession(), first)
  })

  test('a new session is initialized, at 0, with its times, operation and message', () => {
    const id = tracker.createSession({ operation: 'csv-import', message: 'Waiting', filename: 'a.csv' })
    assert.deepEqual(tracker.getSession(id), {
      id,
      progress: 0,
      status: 'initialized',
      startTime: clock.now(),
      lastUpdate: clock.now(),
      metadata: { operation: 'csv-import', message: 'Waiting', filename: 'a.csv' },
    })
  })

  test('a session has an operation and a message where none are given', () => {
    assert.deepEqual(session(tracker.createSession()).metadata, { operation: 'operation', message: '' })
  })

  test('creating a session emits nothing', () => {
    tracker.createSession()
    tracker.createSessionWithId('mine')
    assert.deepEqual(sent, [])
  })

  test('createSessionWithId keeps and returns the caller\'s id', () => {
    assert.equal(tracker.createSessionWithId('mine'), 'mine')
    assert.equal(session('mine').id, 'mine')
  })

  test('createSessionWithId replaces a session that has the id', () => {
    tracker.createSessionWithId('mine', { filename: 'old.csv' })
    tracker.updateProgress('mine', 50)
    clock.advance(1)
    tracker.createSessionWithId('mine', { operation: 'backup' })
    const replaced = session('mine')
    assert.equal(replaced.progress, 0)
    assert.equal(replaced.status, 'initialized')
    assert.equal(replaced.startTime, clock.now())
    assert.deepEqual(replaced.metadata, { operation: 'backup', message: '' })
  })

  test('an update held back for the replaced session is not sent for the new one', () => {
    tracker.createSessionWithId('mine')
    tracker.updateProgress('mine', 1)
    tracker.updateProgress('mine', 2)
    tracker.createSessionWithId('mine')
    clock.advance(THROTTLE_INTERVAL)
    assert.deepEqual(sentProgress(), [1])
  })

  test('the new session\'s first update is sent at once, whatever window the replaced one had open', () => {
    tracker.createSessionWithId('mine')
    tracker.updateProgress('mine', 1)
    tracker.createSessionWithId('mine')
    tracker.updateProgress('mine', 7)
    assert.deepEqual(sentProgress(), [1, 7])
  })

  test('the removal due for an ended session does not remove the one that replaced it', () => {
    tracker.createSessionWithId('mine')
    tracker.completeSession('mine')
    clock.advance(1_000)
    tracker.createSessionWithId('mine')
    clock.advance(HOUR_MS / 2)
    assert.ok(tracker.getSession('mine'))
  })
})

describe('updateProgress', () => {
  test('sends the state to the session\'s room only', () => {
    const id = tracker.createSession({ operation: 'csv-import' })
    assert.equal(tracker.updateProgress(id, 12.5, 'Reading', { phase: 'upload' }), true)
    assert.deepEqual(sent, [{
      room: `progress-${id}`,
      event: 'progress-update',
      payload: {
        sessionId: id,
        progress: 12.5,
        message: 'Reading',
        status: 'processing',
        metadata: { operation: 'csv-import', message: 'Reading', phase: 'upload' },
        timestamp: clock.now(),
      },
    }])
  })

  test('sets the status to processing', () => {
    const id = tracker.createSession()
    tracker.updateProgress(id, 1)
    assert.equal(session(id).status, 'processing')
  })

  test('moves lastUpdate and leaves startTime', () => {
    const id = tracker.createSession()
    const started = clock.now()
    clock.advance(250)
    tracker.updateProgress(id, 1)
    assert.equal(session(id).lastUpdate, started + 250)
    assert.equal(session(id).startTime, started)
  })

  for (const [given, kept] of [[-1, 0], [0, 0], [100, 100], [100.1, 100], [1e9, 100]] as const) {
    test(`takes ${given} as ${kept}`, () => {
      const id = tracker.createSession()
      tracker.updateProgress(id, given)
      assert.equal(session(id).progress, kept)
    })
  }

  for (const nonsense of [NaN, Infinity, -Infinity, '70', null, undefined] as number[]) {
    test(`leaves progress where it was when given ${JSON.stringify(nonsense)} (${String(nonsense)}), and takes the rest`, () => {
      const id = tracker.createSession()
      tracker.updateProgress(id, 40)
      assert.equal(tracker.updateProgress(id, nonsense, 'Still here'), true)
      assert.equal(session(id).progress, 40)
      assert.equal(session(id).metadata.message, 'Still here')
    })
  }

  test('keeps the message where none is given', () => {
    const id = tracker.createSession()
    tracker.updateProgress(id, 1, 'Reading')
    tracker.updateProgress(id, 2)
    assert.equal(session(id).metadata.message, 'Reading')
  })

  test('merges metadata, and falsy values count', () => {
    const id = tracker.createSession({ operation: 'csv-import', currentStep: 3 })
    tracker.updateProgress(id, 1, undefined, { currentStep: 0, filename: '' })
    assert.deepEqual(session(id).metadata, { operation: 'csv-import', message: '', currentStep: 0, filename: '' })
  })

  test('keeps operation and message strings whatever the metadata says', () => {
    const id = tracker.createSession({ operation: 'backup', message: 'Copying' })
    tracker.updateProgress(id, 1, undefined, { operation: undefined, message: 5 } as never)
    assert.deepEqual(session(id).metadata, { operation: 'backup', message: 'Copying' })
  })

  test('a metadata key __proto__ poisons nothing', () => {
    const id = tracker.createSession()
    tracker.updateProgress(id, 1, undefined, JSON.parse('{"__proto__":{"poisoned":true},"constructor":1}') as Record<string, unknown>)
    assert.equal(Reflect.get({}, 'poisoned'), undefined)
    assert.equal(Reflect.get(session(id).metadata, 'poisoned'), undefined)
    assert.equal(Object.getPrototypeOf(session(id).metadata), Object.prototype)
  })

  test('a change the caller makes to its metadata later does not reach the session', () => {
    const columns = [{ name: 'id' }]
    const id = tracker.createSession({ columns })
    tracker.updateProgress(id, 1, undefined, { dialect: { quote: columns } })
    columns[0]!.name = 'changed'
    assert.deepEqual(session(id).metadata['columns'], [{ name: 'id' }])
    assert.deepEqual(session(id).metadata['dialect'], { quote: [{ name: 'id' }] })
  })

  test('metadata that cannot be sent is left out and stops nothing', () => {
    const id = tracker.createSession()
    assert.equal(tracker.updateProgress(id, 1, 'Going on', { callback: () => 1, nested: { callback: () => 1 }, tag: Symbol('x'), rows: 2 }), true)
    assert.deepEqual(Object.entries(session(id).metadata).filter(([, value]) => value !== undefined), [
      ['operation', 'operation'], ['message', 'Going on'], ['rows', 2],
    ])
  })

  test('is false for an id that is not known', () => {
    assert.equal(tracker.updateProgress('nobody', 1), false)
    assert.deepEqual(sent, [])
  })
})

describe('throttling', () => {
  test('the interval is 100 ms', () => {
    assert.equal(THROTTLE_INTERVAL, 100)
  })

  test('the first update goes out at once and the newest when the window ends, so that none is lost', () => {
    const id = tracker.createSession()
    for (const progress of [10, 20, 30]) tracker.updateProgress(id, progress, `at ${progress}`)
    assert.deepEqual(sentProgress(), [10])
    clock.advance(99)
    assert.deepEqual(sentProgress(), [10])
    clock.advance(1)
    assert.deepEqual(sentProgress(), [10, 30])
    assert.equal(sent[1]!.payload['message'], 'at 30')
  })

  test('an update held back carries the metadata of all that it stands for', () => {
    const id = tracker.createSession()
    tracker.updateProgress(id, 1)
    tracker.updateProgress(id, 2, undefined, { table: 'a' })
    tracker.updateProgress(id, 3, undefined, { rowsDone: 5 })
    clock.advance(100)
    assert.deepEqual(sent[1]!.payload['metadata'], { operation: 'operation', message: '', table: 'a', rowsDone: 5 })
  })

  test('there is at most one update per 100 ms however many are made', () => {
    const id = tracker.createSession()
    for (let ms = 0; ms < 1_000; ms += 1) {
      tracker.updateProgress(id, ms / 10)
      clock.advance(1)
    }
    const times = sent.map(({ payload }) => payload['timestamp'] as number)
    assert.equal(times.length, 11)
    for (const [i, time] of times.entries()) if (i > 0) assert.equal(time - times[i - 1]!, 100)
  })

  test('each session has a window of its own', () => {
    const [first, second] = [tracker.createSession(), tracker.createSession()]
    tracker.updateProgress(first, 1)
    tracker.updateProgress(second, 2)
    assert.deepEqual(sentProgress(), [1, 2])
  })

  test('a payload does not change after it was sent', () => {
    const id = tracker.createSession({ columns: [{ name: 'id' }] })
    tracker.updateProgress(id, 1, 'first')
    tracker.updateProgress(id, 2, 'second', { rowsDone: 1 })
    assert.deepEqual(sent[0]!.payload['metadata'], { operation: 'operation', message: 'first', columns: [{ name: 'id' }] })
  })

  test('a receiver that changes a payload does not change the session', () => {
    const id = tracker.createSession({ columns: [{ name: 'id' }] })
    tracker.updateProgress(id, 1)
    const metadata = sent[0]!.payload['metadata'] as { columns: { name: string }[] }
    metadata.columns[0]!.name = 'changed'
    assert.deepEqual(session(id).metadata['columns'], [{ name: 'id' }])
  })
})

describe('completeSession', () => {
  test('sends progress-complete at once, at 100, with the time it took', () => {
    const id = tracker.createSession({ operation: 'csv-import' })
    clock.advance(1_234)
    assert.equal(tracker.completeSession(id, 'All in', { rowsRead: 3 }), true)
    assert.deepEqual(sent, [{
      room: `progress-${id}`,
      event: 'progress-complete',
      payload: {
        sessionId: id,
        progress: 100,
        message: 'All in',
        status: 'completed',
        metadata: { operation: 'csv-import', message: 'All in', rowsRead: 3 },
        timestamp: clock.now(),
        duration: 1_234,
      },
    }])
  })

  test('leaves a session that is completed, at 100', () => {
    const id = tracker.createSession()
    tracker.completeSession(id)
    assert.equal(session(id).status, 'completed')
    assert.equal(session(id).progress, 100)
  })

  test('has a message of its own where none is given', () => {
    const id = tracker.createSession()
    tracker.updateProgress(id, 50, 'Half way')
    tracker.completeSession(id)
    assert.equal(session(id).metadata.message, 'Completed')
  })

  test('takes the message from the metadata where only that has one', () => {
    const id = tracker.createSession()
    tracker.completeSession(id, undefined, { message: 'Saved' })
    assert.equal(sent[0]!.payload['message'], 'Saved')
  })

  test('the duration is never negative, even when the clock was set back', () => {
    const id = tracker.createSession()
    clock.wallTime -= HOUR_MS
    tracker.completeSession(id)
    assert.equal(sent[0]!.payload['duration'], 0)
  })

  test('removes the session after 5 s', () => {
    const id = tracker.createSession()
    tracker.completeSession(id)
    clock.advance(4_999)
    assert.ok(tracker.getSession(id))
    clock.advance(1)
    assert.equal(tracker.getSession(id), null)
  })

  test('is false for an id that is not known', () => {
    assert.equal(tracker.completeSession('nobody'), false)
  })
})

describe('errorSession', () => {
  test('sends progress-error at once, with progress where it was and the details', () => {
    const id = tracker.createSession({ operation: 'csv-import' })
    tracker.updateProgress(id, 42)
    sent.length = 0
    assert.equal(tracker.errorSession(id, 'The disk is full', { code: 'DISK_FULL', detail: 'Free some space.', line: 7 }), true)
    assert.deepEqual(sent, [{
      room: `progress-${id}`,
      event: 'progress-error',
      payload: {
        sessionId: id,
        progress: 42,
        message: 'The disk is full',
        status: 'error',
        metadata: { operation: 'csv-import', message: 'The disk is full' },
        timestamp: clock.now(),
        error: { code: 'DISK_FULL', detail: 'Free some space.', line: 7 },
      },
    }])
  })

  test('stores the status and the details', () => {
    const id = tracker.createSession()
    tracker.errorSession(id, 'Stopped', { code: 'CANCELLED', detail: 'By you.' })
    assert.equal(session(id).status, 'error')
    assert.deepEqual(session(id).error, { code: 'CANCELLED', detail: 'By you.' })
  })

  test('fills in code and detail where they are absent or no strings', () => {
    for (const details of [undefined, {}, { code: 5, detail: null }] as never[]) {
      const id = tracker.createSession()
      tracker.errorSession(id, 'It broke', details)
      assert.deepEqual(session(id).error, { code: 'INTERNAL', detail: 'It broke' })
    }
  })

  test('never passes a stack trace on', () => {
    const id = tracker.createSession()
    tracker.errorSession(id, 'It broke', { code: 'INTERNAL', detail: 'It broke', stack: 'at /srv/app.ts:1' })
    assert.equal(Object.hasOwn(session(id).error!, 'stack'), false)
  })

  test('an Error given as the details shows no more than its code', () => {
    const id = tracker.createSession()
    tracker.errorSession(id, 'It broke', Object.assign(new Error('/srv/secret'), { code: 'SQLITE_BUSY' }) as never)
    assert.deepEqual(session(id).error, { code: 'SQLITE_BUSY', detail: 'It broke' })
  })

  test('removes the session after 10 s', () => {
    const id = tracker.createSession()
    tracker.errorSession(id, 'It broke')
    clock.advance(9_999)
    assert.ok(tracker.getSession(id))
    clock.advance(1)
    assert.equal(tracker.getSession(id), null)
  })

  test('is false for an id that is not known', () => {
    assert.equal(tracker.errorSession('nobody', 'x'), false)
  })
})

describe('after the end', () => {
  const ends = {
    'progress-complete': (id: string) => tracker.completeSession(id),
    'progress-error': (id: string) => tracker.errorSession(id, 'It broke'),
  }

  for (const [event, end] of Object.entries(ends)) {
    test(`${event} drops an update that was held back`, () => {
      const id = tracker.createSession()
      tracker.updateProgress(id, 1)
      tracker.updateProgress(id, 2)
      end(id)
      clock.advance(HOUR_MS)
      assert.deepEqual(events(), ['progress-update', event])
    })

    test(`no call does anything after ${event}, and each says so`, () => {
      const id = tracker.createSession()
      end(id)
      const ended = tracker.getSession(id)
      assert.equal(tracker.updateProgress(id, 1, 'late', { late: true }), false)
      assert.equal(tracker.completeSession(id), false)
      assert.equal(tracker.errorSession(id, 'late'), false)
      assert.deepEqual(tracker.getSession(id), ended)
      clock.advance(HOUR_MS)
      assert.deepEqual(events(), [event])
    })
  }
})

describe('getSession', () => {
  test('is null for an id that is not known', () => {
    assert.equal(tracker.getSession('nobody'), null)
  })

  test('gives a snapshot through which the tracker cannot be changed', () => {
    const id = tracker.createSession({ columns: [{ name: 'id' }] })
    const copy = session(id)
    copy.progress = 99
    copy.metadata.operation = 'changed'
    ;(copy.metadata['columns'] as { name: string }[])[0]!.name = 'changed'
    assert.equal(session(id).progress, 0)
    assert.deepEqual(session(id).metadata, { operation: 'operation', message: '', columns: [{ name: 'id' }] })
  })

  test('gives a snapshot that stays as it was', () => {
    const id = tracker.createSession()
    const before = session(id)
    tracker.updateProgress(id, 50, 'later')
    assert.equal(before.progress, 0)
    assert.equal(before.metadata.message, '')
  })

  test('shows an update that is still held back', () => {
    const id = tracker.createSession()
    tracker.updateProgress(id, 1)
    tracker.updateProgress(id, 2)
    assert.equal(session(id).progress, 2)
  })
})

describe('toSnapshot', () => {
  test('is what a late joiner is told of a running session', () => {
    const id = tracker.createSession({ operation: 'restore' })
    tracker.updateProgress(id, 5, 'Copying')
    assert.deepEqual(toSnapshot(session(id)), {
      sessionId: id,
      progress: 5,
      status: 'processing',
      message: 'Copying',
      metadata: { operation: 'restore', message: 'Copying' },
      timestamp: clock.now(),
    })
  })

  test('carries the error of a failed session', () => {
    const id = tracker.createSession()
    tracker.errorSession(id, 'Stopped', { code: 'CANCELLED', detail: 'By you.' })
    const snapshot = toSnapshot(session(id))
    assert.equal(snapshot.status, 'error')
    assert.deepEqual(snapshot.error, { code: 'CANCELLED', detail: 'By you.' })
  })
})

describe('cleanup', () => {
  test('removes the sessions last touched more than an hour ago, and says how many', () => {
    const stale = [tracker.createSession(), tracker.createSession()]
    clock.advance(1)
    const fresh = tracker.createSession()
    clock.wallTime += HOUR_MS
    assert.equal(tracker.cleanupStaleSessions(), 2)
    for (const id of stale) assert.equal(tracker.getSession(id), null)
    assert.ok(tracker.getSession(fresh), 'an hour old to the millisecond is not older than an hour')
  })

  test('counts from the last update, not from the start', () => {
    const id = tracker.createSession()
    clock.advance(HOUR_MS / 2)
    tracker.updateProgress(id, 1)
    clock.advance(HOUR_MS / 2 + 1)
    assert.equal(tracker.cleanupStaleSessions(), 0)
  })

  test('runs by itself every hour', () => {
    const id = tracker.createSession()
    clock.advance(HOUR_MS)
    assert.ok(tracker.getSession(id))
    clock.advance(HOUR_MS)
    assert.equal(tracker.getSession(id), null)
  })

  test('stops the timers of what it removes, and emits nothing', () => {
    const timersBefore = clock.pendingTimers
    const id = tracker.createSession()
    tracker.updateProgress(id, 1)
    tracker.updateProgress(id, 2)
    clock.wallTime += HOUR_MS + 1
    assert.equal(tracker.cleanupStaleSessions(), 1)
    assert.equal(clock.pendingTimers, timersBefore)
    clock.advance(THROTTLE_INTERVAL)
    assert.deepEqual(sentProgress(), [1])
  })
})

describe('timers', () => {
  const startEveryKind = () => {
    const [held, completed, failed] = [tracker.createSession(), tracker.createSession(), tracker.createSession()]
    tracker.updateProgress(held, 1)
    tracker.updateProgress(held, 2)
    tracker.completeSession(completed)
    tracker.errorSession(failed, 'It broke')
  }

  test('none of them keeps the process alive', () => {
    startEveryKind()
    assert.equal(clock.pendingTimers, 4)
    assert.equal(clock.keepsProcessAlive, false)
  })

  test('close stops them all', () => {
    startEveryKind()
    tracker.close()
    assert.equal(clock.pendingTimers, 0)
    const sentSoFar = sent.length
    clock.advance(2 * HOUR_MS)
    assert.equal(sent.length, sentSoFar)
  })

  test('close can be called twice', () => {
    tracker.close()
    assert.doesNotThrow(() => tracker.close())
  })

  test('the system\'s clock and timers are used where none are given', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 5_000 })
    const plain = new ProgressTracker(recorder)
    const id = plain.createSession()
    assert.equal(plain.getSession(id)?.startTime, 5_000)
    plain.updateProgress(id, 1)
    plain.updateProgress(id, 2)
    t.mock.timers.tick(THROTTLE_INTERVAL)
    assert.deepEqual(sentProgress(), [1, 2])
    t.mock.timers.tick(2 * HOUR_MS)
    assert.equal(plain.getSession(id), null)
    plain.close()
  })
})

describe('an io that throws', () => {
  test('is reported, and the operation goes on to its end', () => {
    const reported: unknown[] = []
    const broken = new ProgressTracker({
      to: () => {
        throw new Error('no adapter')
      },
    }, Object.assign(clock, { onEmitError: (error: unknown) => void reported.push(error) }))
    const id = broken.createSession()
    assert.equal(broken.updateProgress(id, 1), true)
    assert.equal(broken.updateProgress(id, 2), true)
    clock.advance(THROTTLE_INTERVAL)
    assert.equal(broken.completeSession(id), true)
    assert.equal(reported.length, 3)
    clock.advance(5_000)
    assert.equal(broken.getSession(id), null)
    broken.close()
  })
})

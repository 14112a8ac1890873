import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { ImportRecord, ProgressSnapshot } from '../../../server/protocol.ts'
import { ApiError } from './api.ts'
import { POLL_MS } from './follower.ts'
import { Jobs, type Job, type JobsPorts } from './jobs.ts'

/** A socket that does what the test says. */
class FakeSocket {
  connected = true
  readonly rooms = new Set<string>()
  connects = 0
  #listeners = new Map<string, (...values: unknown[]) => void>()
  connect = (): Promise<void> => {
    this.connects += 1
    if (!this.connected) return Promise.reject(new Error('refused'))
    this.fire('connect')
    return Promise.resolve()
  }

  emit = (event: string, id: string): void => {
    if (event === 'join-progress') this.rooms.add(id)
    else this.rooms.delete(id)
  }

  on = (event: string, listener: (...values: never[]) => void): (() => void) => {
    this.#listeners.set(event, listener as (...values: unknown[]) => void)
    return () => undefined
  }

  fire(event: string, ...values: unknown[]): void {
    this.#listeners.get(event)?.(...values)
  }
}

interface FakeUpload {
  id: string
  options: unknown
  progress: (loaded: number, total: number) => void
  finish: () => void
  fail: (error: Error) => void
  aborted: boolean
}

function snapshot(sessionId: string, more: Partial<ProgressSnapshot> = {}): ProgressSnapshot {
  return { sessionId, progress: 40, status: 'processing', message: '', timestamp: 1, metadata: { operation: 'csv-import', phase: 'import' }, ...more }
}
const unknown = () => Promise.reject(new ApiError(404, 'SESSION_NOT_FOUND', 'Unknown.', 'GET'))
const unreachable = () => Promise.reject(new ApiError(0, 'UNREACHABLE', 'No answer.', 'GET'))
const file = (name: string) => new File(['a,b\n1,2\n'], name)
const settle = () => new Promise((resolve) => setImmediate(resolve))

function setUp(t: TestContext, more: Partial<JobsPorts> = {}) {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout', 'Date'] })
  const socket = new FakeSocket()
  const uploads: FakeUpload[] = []
  const ended: Job[] = []
  const stored = new Map<string, string>()
  let ids = 0
  const ports: JobsPorts = {
    socket: socket,
    upload: ({ id }, _file, { progress }, options) => {
      const { promise, resolve, reject } = Promise.withResolvers<{ sessionId: string, table: string }>()
      const upload: FakeUpload = { id, options, progress, aborted: false, finish: () => resolve({ sessionId: id, table: 't' }), fail: reject }
      uploads.push(upload)
      const abort = () => {
        upload.aborted = true
        reject(new DOMException('', 'AbortError'))
      }
      return { done: promise, abort }
    },
    progress: (id) => Promise.resolve(snapshot(id)),
    record: (id) => Promise.resolve({ sessionId: id, number: 1, filename: 'old.csv', table: 'old', mode: 'create', status: 'completed', rowsRead: 1, startedAt: 0, finishedAt: 5 } as ImportRecord),
    request: (_id, request) => Promise.resolve({ name: request.kind === 'restore' ? request.backup : 'new.db' }),
    cancel: () => Promise.resolve(),
    resume: () => Promise.resolve({ table: 't' }),
    forgetFile: () => Promise.resolve(),
    storage: { getItem: (key) => stored.get(key) ?? null, setItem: (key, value) => void stored.set(key, value) },
    newId: () => `id-${++ids}`,
    ...more,
  }
  const make = () => new Jobs(ports, { changed: () => undefined, ended: (job) => ended.push(job) })
  return { socket, uploads, ended, ports, make, jobs: make() }
}

test('two files are sent at a time, the others wait visibly', async (t) => {
  const { jobs, uploads } = setUp(t)
  jobs.start([file('a.csv'), file('b.csv'), file('c.csv')])
  assert.deepEqual(jobs.own().map(({ state }) => state.stage), ['uploading', 'uploading', 'held'])
  uploads[0]?.finish()
  await settle()
  assert.deepEqual(uploads.map(({ id }) => id), ['id-1', 'id-2', 'id-3'])
})

test('an outcome heard by socket ends the import once and leaves its room', async (t) => {
  const { jobs, socket, uploads, ended } = setUp(t)
  jobs.start([file('a.csv')])
  uploads[0]?.finish()
  await settle()
  assert.ok(socket.rooms.has('id-1'))
  const done = snapshot('id-1', { status: 'completed', progress: 100 })
  socket.fire('progressComplete', done)
  socket.fire('progressComplete', done)
  assert.deepEqual(ended.map(({ id }) => id), ['id-1'])
  assert.equal(socket.rooms.size, 0)
})

test('a lost last word is asked for over HTTP', async (t) => {
  let status: ProgressSnapshot['status'] = 'processing'
  const { jobs, uploads, ended } = setUp(t, { progress: (id) => Promise.resolve(snapshot(id, { status })) })
  jobs.start([file('a.csv')])
  uploads[0]?.finish()
  await settle()
  status = 'completed'
  t.mock.timers.tick(6_000)
  await settle()
  assert.equal(ended[0]?.state.outcome?.kind, 'completed')
})

test('without a socket the server is asked every 2 seconds, and a socket is tried each minute', async (t) => {
  let asked = 0
  const { jobs, socket, uploads } = setUp(t, { progress: (id) => Promise.resolve(snapshot(id, { timestamp: ++asked })) })
  jobs.start([file('a.csv')])
  uploads[0]?.finish()
  await settle()
  socket.connected = false
  socket.fire('connectionFailed')
  assert.equal(jobs.link.mode, 'polling')
  const before = asked
  for (let poll = 0; poll < 5; poll++) {
    t.mock.timers.tick(POLL_MS)
    await settle()
  }
  assert.equal(asked - before, 5)
  const connects = socket.connects
  t.mock.timers.tick(60_000)
  assert.equal(socket.connects, connects + 1)
})

test('an import the server does not know (any more) is gone', async (t) => {
  const { jobs, uploads, ended } = setUp(t, { progress: unknown })
  jobs.start([file('a.csv')])
  uploads[0]?.finish()
  await settle()
  assert.equal(ended[0]?.state.outcome?.kind, 'gone')
})

test('a broken upload ends as the server tells it, or as lost', async (t) => {
  const refused = setUp(t, { progress: (id) => Promise.resolve(snapshot(id, { status: 'error', error: { code: 'FILE_TOO_LARGE', detail: '' } })) })
  refused.jobs.start([file('a.csv')])
  refused.uploads[0]?.fail(new ApiError(0, 'UNREACHABLE', '', ''))
  await settle()
  const { outcome } = refused.ended[0]!.state
  assert.equal(outcome?.kind === 'failed' && outcome.error.code, 'FILE_TOO_LARGE')
})

test('an upload the server never answers for is lost after 5 tries', async (t) => {
  const { jobs, uploads, ended } = setUp(t, { progress: unreachable })
  jobs.start([file('a.csv')])
  uploads[0]?.progress(3, 8)
  uploads[0]?.fail(new ApiError(0, 'UNREACHABLE', '', ''))
  for (let attempt = 0; attempt < 6; attempt++) {
    await settle()
    t.mock.timers.tick(1_000)
  }
  await settle()
  const { outcome } = ended[0]!.state
  assert.equal(outcome?.kind === 'failed' && outcome.error.code, 'UPLOAD_LOST')
})

test('cancelling tells the server, then stops the upload', async (t) => {
  const cancelled: string[] = []
  const { jobs, uploads, ended } = setUp(t, { cancel: ({ id }) => Promise.resolve(cancelled.push(id)), progress: unknown })
  jobs.start([file('a.csv')])
  await jobs.cancel('id-1')
  assert.deepEqual([cancelled, uploads[0]?.aborted, ended[0]?.state.outcome?.kind], [['id-1'], true, 'cancelled'])
})

test('an import that could not be stopped goes on', async (t) => {
  const { jobs, uploads } = setUp(t, { cancel: unreachable })
  jobs.start([file('a.csv')])
  uploads[0]?.finish()
  await settle()
  await assert.rejects(jobs.cancel('id-1'))
  assert.deepEqual([jobs.get('id-1')?.state.stage, jobs.get('id-1')?.state.stopping], ['running', false])
})

test('after a reload imports are picked up, and what never left this computer is said to be lost', async (t) => {
  const { jobs, make, ended, socket } = setUp(t)
  jobs.start([file('a.csv'), file('b.csv'), file('c.csv')])
  const again = make()
  again.restore()
  await settle()
  assert.deepEqual(again.own().map(({ state }) => [state.filename, state.stage]), [['a.csv', 'running'], ['b.csv', 'running'], ['c.csv', 'ended']])
  assert.deepEqual(ended.map(({ id }) => id), ['id-3'])
  assert.ok(socket.rooms.has('id-1'))
})

test('closing the dialog of an import that was still uploading when it opened leaves it followed', async (t) => {
  const { jobs, socket, uploads } = setUp(t)
  jobs.start([file('a.csv'), file('b.csv'), file('c.csv')])
  const views = await Promise.all(['id-1', 'id-3'].map((id) => jobs.watch({ kind: 'import', id })))
  for (const upload of uploads) upload.finish()
  await settle()
  for (const { release } of views) release()
  assert.ok(socket.rooms.has('id-1'))
  assert.ok(socket.rooms.has('id-3'))
})

test('looking at an import of the past asks for its record and forgets it afterwards', async (t) => {
  const { jobs, socket } = setUp(t)
  const { job, release } = await jobs.watch({ kind: 'import', id: 'some-id' })
  assert.deepEqual([job.state.outcome?.kind, job.own, socket.rooms.size], ['completed', false, 0])
  release()
  assert.equal(jobs.get('some-id'), undefined)
})

test('an import that is tried again keeps its options, over a reload too', async (t) => {
  const options = { mode: 'upsert', table: 'hosts', key: ['id'] } as const
  const { jobs, uploads, make } = setUp(t)
  const [job] = jobs.start([file('a.csv')], { ...options, key: ['id'] })
  uploads[0]?.fail(new ApiError(503, 'SQLITE_BUSY', '', ''))
  await settle()
  const again = jobs.retry(job!.id)
  assert.deepEqual(uploads.map((upload) => upload.options), [options, options])
  const reloaded = make()
  reloaded.restore()
  reloaded.retry(again!.id, file('a.csv'))
  assert.deepEqual(uploads[2]?.options, options)
})

test('an import that was undone leaves the list of its tab', async (t) => {
  const { jobs, socket, uploads } = setUp(t)
  const [job] = jobs.start([file('a.csv')])
  uploads[0]?.finish()
  await settle()
  socket.fire('progressComplete', snapshot(job!.id, { status: 'completed', progress: 100 }))
  jobs.disown(job!.id)
  assert.deepEqual(jobs.own(), [])
})

test('a backup is asked for, named by the server and followed', async (t) => {
  const { jobs, socket, ended } = setUp(t, { progress: (id) => Promise.resolve(snapshot(id, { metadata: { operation: 'backup', phase: 'copy', pagesDone: 5 } })) })
  const job = jobs.request({ kind: 'backup' })
  assert.deepEqual([job.state.stage, job.own, socket.rooms.has(job.id)], ['asked', true, true])
  await settle()
  assert.deepEqual([jobs.get(job.id)?.state.stage, jobs.get(job.id)?.state.filename, jobs.get(job.id)?.state.pagesDone], ['running', 'new.db', 5])
  socket.fire('progressComplete', snapshot(job.id, { status: 'completed', progress: 100, metadata: { operation: 'backup', name: 'new.db', rows: 3 } }))
  assert.equal(ended[0]?.state.outcome?.kind === 'completed' && ended[0].state.outcome.receipt.rows, 3)
})

test('what the server refuses to begin has failed, with its reason', async (t) => {
  const { jobs, ended } = setUp(t, { request: () => Promise.reject(new ApiError(409, 'IMPORTS_RUNNING', 'a.csv is being imported.', '')) })
  jobs.request({ kind: 'restore', backup: 'old.db' })
  await settle()
  const { outcome, filename } = ended[0]!.state
  assert.deepEqual([filename, outcome?.kind === 'failed' && outcome.error], ['old.db', { code: 'IMPORTS_RUNNING', detail: 'a.csv is being imported.' }])
})

test('a restore whose answer was lost is asked after, and goes on where the server knows it', async (t) => {
  const { jobs } = setUp(t, { request: unreachable, progress: (id) => Promise.resolve(snapshot(id, { metadata: { operation: 'restore', phase: 'safety' } })) })
  const { id } = jobs.request({ kind: 'restore', backup: 'old.db' })
  await settle()
  assert.deepEqual([jobs.get(id)?.state.stage, jobs.get(id)?.state.phase], ['running', 'safety'])
})

test('a session the server has not heard of yet is not gone', async (t) => {
  const answer = Promise.withResolvers<{ name: string }>()
  const { jobs, ended } = setUp(t, { request: () => answer.promise, progress: unknown })
  const { id } = jobs.request({ kind: 'backup' })
  jobs.askAll()
  await settle()
  assert.deepEqual([jobs.get(id)?.state.stage, ended], ['asked', []])
})

test('a backup from this computer is sent like an import, and kept over a reload as what it is', async (t) => {
  const { jobs, uploads, make } = setUp(t)
  const job = jobs.uploadBackup(file('mine.db'))
  assert.deepEqual([uploads[0]?.id, job.state.kind], [job.id, 'upload'])
  const again = make()
  again.restore()
  await settle()
  assert.equal(again.get(job.id)?.state.kind, 'upload')
})

test('a backup or restore begun elsewhere is followed by its session', async (t) => {
  const { jobs, socket } = setUp(t, { progress: (id) => Promise.resolve(snapshot(id, { metadata: { operation: 'restore', name: 'old.db', phase: 'restore' } })) })
  const { job, release } = await jobs.watch({ kind: 'restore', id: 'r' })
  assert.deepEqual([job.state.kind, job.state.filename, job.state.stage, socket.rooms.has('r')], ['restore', 'old.db', 'running', true])
  release()
})

test('a restore the server does not know is gone', async (t) => {
  const { jobs } = setUp(t, { progress: unknown })
  const { job } = await jobs.watch({ kind: 'restore', id: 'r' })
  assert.deepEqual([job.state.kind, job.state.outcome?.kind], ['restore', 'gone'])
})

test('an interrupted import is resumed under another id, which takes its place in the list', async (t) => {
  const resumed: string[][] = []
  const { jobs, socket, uploads } = setUp(t, { resume: (...ids) => Promise.resolve({ table: String(resumed.push(ids)) }) })
  jobs.start([file('a.csv')])
  uploads[0]?.finish()
  await settle()
  const error = { code: 'INTERRUPTED', detail: '' }
  socket.fire('progressError', snapshot('id-1', { status: 'error', error, metadata: { operation: 'csv-import', stagedFile: { bytes: 8, until: 9 } } }))
  assert.deepEqual(jobs.get('id-1')?.state.stagedFile, { bytes: 8, until: 9 })
  const next = await jobs.resume('id-1')
  assert.equal(await jobs.resume('id-1'), next)
  assert.deepEqual([resumed, next.id, next.state.stage, next.state.filename], [[['id-1', 'id-2']], 'id-2', 'running', 'a.csv'])
  assert.deepEqual(jobs.own().map(({ id }) => id), ['id-2'])
  assert.ok(socket.rooms.has('id-2'))
})

test('what can no longer be resumed is not offered again', async (t) => {
  const gone = new ApiError(409, 'NOT_RESUMABLE', 'It is gone.', 'POST')
  const { jobs, socket, uploads } = setUp(t, { resume: () => Promise.reject(gone) })
  jobs.start([file('a.csv')])
  uploads[0]?.finish()
  await settle()
  const error = { code: 'INTERRUPTED', detail: '' }
  socket.fire('progressError', snapshot('id-1', { status: 'error', error, metadata: { operation: 'csv-import', stagedFile: { bytes: 8, until: 9 } } }))
  await assert.rejects(jobs.resume('id-1'), gone)
  assert.equal(jobs.get('id-1')?.state.stagedFile, undefined)
})

test('the kept file of an interrupted import is dropped by the server, and is not offered again, whether it was there or not', async (t) => {
  const asked: string[] = []
  const gone = new ApiError(409, 'NOT_RESUMABLE', 'It is gone.', 'DELETE')
  const { jobs, socket, uploads } = setUp(t, { forgetFile: (id) => asked.push(id) > 1 ? Promise.reject(gone) : Promise.resolve() })
  jobs.start([file('a.csv'), file('b.csv')])
  for (const upload of uploads) upload.finish()
  await settle()
  const error = { code: 'INTERRUPTED', detail: '' }
  for (const id of ['id-1', 'id-2']) socket.fire('progressError', snapshot(id, { status: 'error', error, metadata: { operation: 'csv-import', stagedFile: { bytes: 8, until: 9 } } }))
  await jobs.forgetFile('id-1')
  await assert.rejects(jobs.forgetFile('id-2'), gone)
  assert.deepEqual([asked, jobs.get('id-1')?.state.stagedFile, jobs.get('id-2')?.state.stagedFile], [['id-1', 'id-2'], undefined, undefined])
})

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { ImportPreview } from '../../../server/protocol.ts'
import { ApiError } from './api.ts'
import { ASK_DELAY_MS, ImportDraft } from './import-draft.ts'
import type { ImportOptions } from './import-options.ts'

interface Question {
  options: ImportOptions
  signal: AbortSignal
  answer: (more?: Partial<ImportPreview>) => void
  refuse: (error: unknown) => void
}

const previewOf = (names: string[], more: Partial<ImportPreview> = {}): ImportPreview => ({
  dialect: { delimiter: ',', quote: '"', escape: '"', newline: '\n', encoding: 'utf-8', header: true, skipLines: 0 },
  columns: names.map((name) => ({ name, type: 'TEXT', nullable: false, as: name, isSkipped: false, misfits: 0 })),
  rows: [], suggestedTable: 'scan', rowsSampled: 0, rowsRejected: 0, notices: [], ...more,
})
const settle = () => new Promise((resolve) => setImmediate(resolve))

const errorOf = ({ error }: ImportDraft) => error?.code

function setUp(t: TestContext, options?: ImportOptions) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const questions: Question[] = []
  const draft = new ImportDraft((_file, asked, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<ImportPreview>()
    questions.push({ options: asked, signal, answer: (more) => resolve(previewOf(['a', 'b'], more)), refuse: reject })
    return promise
  }, new File(['a,b\n1,2\n'], 'scan.csv'), '/', options)
  return { draft, questions, pause: () => t.mock.timers.tick(ASK_DELAY_MS) }
}

test('a burst of changes is one question, and only the newest answer counts', async (t) => {
  const { draft, questions, pause } = setUp(t)
  draft.ask()
  draft.change({ reading: { delimiter: ';' } })
  draft.change({ reading: { delimiter: '|' } })
  pause()
  assert.deepEqual(questions.map(({ options }) => options.delimiter), [undefined, '|'])
  assert.ok(questions[0]!.signal.aborted)
  questions[1]!.answer({ suggestedTable: 'newest' })
  await settle()
  questions[0]!.answer({ suggestedTable: 'older' })
  await settle()
  assert.equal(draft.preview?.suggestedTable, 'newest')
  assert.equal(draft.isAsking, false)
})

test('what a preview does not depend on asks nothing, and survives the answer under way', async (t) => {
  const { draft, questions, pause } = setUp(t)
  draft.ask()
  draft.change({ mode: 'upsert', table: 'hosts', key: ['a'] })
  pause()
  assert.equal(questions.length, 1)
  questions[0]!.answer()
  await settle()
  assert.deepEqual([draft.form.mode, draft.form.key], ['upsert', ['a']])
})

test('choices for columns that are gone, because the file is read in another way, are dropped', async (t) => {
  const { draft, questions } = setUp(t, { columns: { a: { skip: true }, gone: { skip: true } } })
  draft.ask()
  questions[0]!.refuse(new ApiError(400, 'BAD_OPTIONS', 'no such column', ''))
  await settle()
  assert.equal(questions[1]!.options.columns, undefined)
  questions[1]!.answer()
  await settle()
  assert.deepEqual(questions[2]!.options.columns, { a: { skip: true } })
  questions[2]!.answer()
  await settle()
  assert.deepEqual(draft.form.columns, { a: { skip: true } })
})

test('corrected rejects are aimed at their table, unless a person decided otherwise', async (t) => {
  const target = { table: 'hosts', mode: 'append', key: [] } as const
  const fresh = setUp(t)
  fresh.draft.ask()
  fresh.questions[0]!.answer({ target: { ...target, key: [] } })
  await settle()
  assert.deepEqual([fresh.draft.form.mode, fresh.draft.form.table], ['append', 'hosts'])
  fresh.draft.change({ mode: 'create' })
  fresh.draft.ask()
  fresh.questions[1]!.answer({ target: { ...target, key: [] } })
  await settle()
  assert.equal(fresh.draft.form.mode, 'create')
})

test('a refused question says why, until it is another question', async (t) => {
  const { draft, questions, pause } = setUp(t)
  draft.ask()
  questions[0]!.refuse(new ApiError(422, 'NOT_CSV', 'The file is not text.', ''))
  await settle()
  assert.deepEqual(draft.error, { code: 'NOT_CSV', message: 'The file is not text.' })
  draft.change({ mode: 'append' })
  assert.equal(errorOf(draft), 'NOT_CSV')
  draft.change({ reading: { encoding: 'utf-16le' } })
  assert.equal(errorOf(draft), undefined)
  pause()
  questions[1]!.refuse(new DOMException('gone', 'NotFoundError'))
  await settle()
  assert.equal(errorOf(draft), 'UNREADABLE')
})

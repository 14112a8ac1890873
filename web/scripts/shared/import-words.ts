/** What an import says of itself while it runs. Pure. */
import { bytes, count, plural } from './format.ts'
import { stepAt } from './operation.ts'
import type { Fact, Note, OperationWords, Spark } from './operation-words.ts'
import type { ProgressState } from './progress-state.ts'
import { say } from './rich.ts'
import { byteSpeedFact, rowSpeedFact, elapsedFact, sizeFact, uploadAmount, uploadedFact, uploadNote, uploadWords } from './running-facts.ts'

export const IMPORT_WORDS: OperationWords = {
  name: 'Import',
  noun: 'import',
  progress,
  stopping: ({ phase }) => ({
    subline: phase === 'upload' ? 'ending the upload' : 'taking the rows back out',
    note: 'Waiting for the current batch to end, then everything is taken back. Usually under 2 seconds.',
  }),
  doing: { upload: 'uploading', analyse: 'analysing the file', import: 'importing', merge: 'merging', finish: 'finishing' },
  amount: (state) => state.phase === 'upload' && state.bytesTotal !== undefined ? uploadAmount(state) : state.rowsDone > 0 ? `${rowsOf(state)} rows` : '',
  facts,
  spark,
  note,
  line,
  stop: { label: 'Cancel import', question: 'Stop this import?', detail: stopDetail, keep: 'Keep importing', yes: 'Stop import' },
  isBackground: true,
}

function progress(state: ProgressState, left: string | undefined): [string, string] {
  if (state.queuePosition !== undefined) return ['Waiting its turn', state.queuePosition > 0 ? `${plural(state.queuePosition, 'import')} ahead` : 'next in line']
  switch (state.phase) {
    case 'analyse': return ['Counting rows', 'and checking every value’s type']
    case 'import': return [left ?? 'Working out the time left', state.bytesReceived === undefined ? 'importing rows' : 'importing rows as the file arrives']
    case 'merge': return [left ?? 'Almost there', 'bringing the rows into the table']
    case 'finish': return [left ?? 'Almost there', 'making the rows visible']
    default: return uploadWords(state)
  }
}

const rowsOf = ({ rowsDone, rowsTotal }: ProgressState): string => rowsTotal === undefined ? count(rowsDone) : `${count(rowsDone)} of ${count(rowsTotal)}`

/** After the file has been counted, rows are what everything is told in. */
const isInRows = ({ phase }: ProgressState): boolean => phase !== 'upload' && phase !== 'analyse'

function facts(state: ProgressState, now: number, lost: boolean): Fact[] {
  const elapsed = elapsedFact(state, now)
  const rejected: Fact = { label: 'Rejected', value: count(state.rowsRejected), hint: '' }
  const size = sizeFact(state)
  if (state.stage === 'held') return [{ label: 'Uploaded', value: '0 B', hint: '' }, size, { ...elapsed, label: 'Waiting' }, rejected]
  const read: Fact = state.rowsDone > 0
    ? { label: state.phase === 'analyse' ? 'Rows found' : 'Rows read', value: count(state.rowsDone), hint: state.phase === 'analyse' ? 'so far' : state.rowsTotal === undefined ? '' : `of ${count(state.rowsTotal)}` }
    : { ...uploadedFact(state), label: state.phase === 'upload' ? 'Uploaded' : 'Read' }
  if (state.queuePosition !== undefined) return [read.label === 'Read' ? { label: 'Uploaded', value: bytes(state.bytesTotal ?? 0), hint: 'all of it' } : read, size, { ...elapsed, label: 'Waiting' }, rejected]
  return [read, isInRows(state) ? rowSpeedFact(state, lost) : byteSpeedFact(state, lost), elapsed, rejected]
}

function spark(state: ProgressState, lost: boolean): Spark {
  const inRows = isInRows(state)
  const figure = (value: number) => inRows ? count(value) : bytes(value)
  const { now, peak } = state.speed
  const when = stepAt('import', state.phase).unit === undefined ? 'at the end' : 'now'
  return {
    caption: inRows ? 'Rows per second' : 'Bytes per second',
    figures: peak === 0 ? 'measuring' : lost ? `${figure(now)} last known` : `${figure(now)} ${when}, peak ${figure(peak)}`,
    speed: state.speed,
  }
}

function note(state: ProgressState): Note {
  const { table, phase } = state
  const safe = (text: Note['text']): Note => ({ icon: 'lock', text })
  if (state.queuePosition !== undefined) return { icon: 'hourglass', text: [{ strong: 'Uploaded and ready.' }, ' The server works on other imports first. This one starts by itself when its turn comes.'] }
  if (phase === 'upload' || state.bytesReceived !== undefined) return safe(uploadNote(state))
  if (phase === 'analyse' || table === undefined) return safe(['You may close this tab. The server works on its own from here.'])
  if (phase === 'merge' || phase === 'finish') return safe(say`${table} changes all at once, when this step ends.`)
  return safe(say`Nothing changes in ${table} until Finish. You can cancel until then.`)
}

function stopDetail(state: ProgressState): string {
  if (state.phase === 'upload' || state.bytesReceived !== undefined) return 'The upload ends and what has arrived is discarded.'
  return state.rowsDone > 0 ? `The ${plural(state.rowsDone, 'row')} read so far ${state.rowsDone === 1 ? 'is' : 'are'} discarded.` : 'What has been read so far is discarded.'
}

function line(state: ProgressState): string {
  if (state.queuePosition !== undefined) return state.queuePosition > 0 ? `Waiting its turn, ${count(state.queuePosition)} ahead` : 'Waiting its turn, next in line'
  const rows = state.rowsTotal === undefined ? plural(state.rowsDone, 'row') : `${count(state.rowsDone)} of ${plural(state.rowsTotal, 'row')}`
  switch (state.phase) {
    case 'analyse': return state.rowsDone > 0 ? `Analysing, ${rows} so far` : 'Analysing'
    case 'import': return `Importing, ${rows}`
    case 'merge': return `Merging, ${rows}`
    case 'finish': return `Finishing, ${rows}`
    default: return 'Uploading'
  }
}

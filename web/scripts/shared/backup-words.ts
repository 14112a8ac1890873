/** What backups and restores say of themselves while they run. Pure. */
import { byteRate, bytes, bytesOf } from './format.ts'
import type { Phase } from './operation.ts'
import type { Fact, OperationWords } from './operation-words.ts'
import type { ProgressState } from './progress-state.ts'
import { byteSpeedFact, elapsedFact, sizeFact, uploadAmount, uploadedFact, uploadNote, uploadWords } from './running-facts.ts'

const WORKING_OUT = 'Working out the time left'
const ALMOST = 'Almost there'

/** Checks read pages in no order that could be counted. */
const isCopying = ({ phase }: ProgressState): boolean => phase === 'copy' || phase === 'safety' || phase === 'restore'

/** How large so many pages are; people know their disk by megabytes. */
const sizeOf = ({ pageBytes = 0 }: ProgressState, pages: number): number => pages * pageBytes

function copiedAmount(state: ProgressState): string {
  const { pagesDone, pagesTotal } = state
  return !isCopying(state) || pagesDone === 0 || pagesTotal === undefined ? '' : bytesOf(sizeOf(state, pagesDone), sizeOf(state, pagesTotal))
}

function copiedFact(state: ProgressState): Fact {
  const { pagesDone, pagesTotal } = state
  if (pagesTotal === undefined) return { label: 'Size', value: 'not known yet', hint: '' }
  const size = bytes(sizeOf(state, pagesTotal))
  return isCopying(state) ? { label: 'Copied', value: bytes(sizeOf(state, pagesDone)), hint: `of ${size}` } : { label: 'Size', value: size, hint: '' }
}

const copySpeedFact = (state: ProgressState, lost: boolean): Fact =>
  ({ label: 'Speed', value: state.speed.now > 0 ? byteRate(sizeOf(state, state.speed.now)) : 'Measuring', hint: lost ? 'last known' : '' })

/** `Copying, 12.4 of 60.2 MB` */
const lineWith = (words: Partial<Record<Phase, string>>) => (state: ProgressState): string => {
  const amount = state.phase === 'upload' ? uploadAmount(state) : copiedAmount(state)
  return `${words[state.phase] ?? 'Beginning'}${amount === '' ? '' : `, ${amount}`}`
}

const BACKING_UP: Partial<Record<Phase, string>> = { copy: 'copying the database', check: 'opening the copy and checking every page', finish: 'keeping the copy' }

export const BACKUP_WORDS: OperationWords = {
  name: 'Backup',
  noun: 'backup',
  progress: ({ phase }, left) => [left ?? (phase === 'copy' ? WORKING_OUT : ALMOST), BACKING_UP[phase] ?? ''],
  stopping: () => ({ subline: 'removing the copy', note: 'The unfinished copy is removed. The database is not touched.' }),
  doing: BACKING_UP,
  amount: copiedAmount,
  facts: (state, now, lost) => [copiedFact(state), copySpeedFact(state, lost), elapsedFact(state, now), { label: 'Imports', value: 'Not blocked', hint: '' }],
  note: () => ({ icon: 'lock', text: ['Imports and readers go on meanwhile. You may close this tab; the server works on its own.'] }),
  line: lineWith({ copy: 'Copying', check: 'Verifying', finish: 'Finishing' }),
  stop: { label: 'Cancel backup', question: 'Stop this backup?', detail: () => 'What has been copied so far is discarded.', keep: 'Keep going', yes: 'Stop backup' },
  isBackground: true,
}

const UPLOADING: Partial<Record<Phase, string>> = { upload: 'uploading', check: 'opening the file and checking every page', finish: 'keeping the file' }

export const UPLOAD_WORDS: OperationWords = {
  name: 'Upload of a backup',
  noun: 'check',
  progress: (state, left) => state.phase === 'upload' ? uploadWords(state) : [left ?? ALMOST, UPLOADING[state.phase] ?? ''],
  stopping: ({ phase }) => ({ subline: phase === 'upload' ? 'ending the upload' : 'removing the file', note: 'What has arrived is removed. The database is not touched.' }),
  doing: UPLOADING,
  amount: (state) => state.phase === 'upload' ? uploadAmount(state) : copiedAmount(state),
  facts: (state, now, lost) => [
    state.phase === 'upload' ? uploadedFact(state) : copiedFact(state),
    state.phase === 'upload' ? byteSpeedFact(state, lost) : sizeFact(state), elapsedFact(state, now), { label: 'Database', value: 'Not touched', hint: '' },
  ],
  note: (state) => ({
    icon: 'lock',
    text: state.phase === 'upload' ? uploadNote(state) : ['The file joins the list of backups once it is verified. Nothing is restored by uploading it.'],
  }),
  line: lineWith({ upload: 'Uploading', check: 'Verifying', finish: 'Finishing' }),
  stop: { label: 'Cancel upload', question: 'Stop this upload?', detail: () => 'What has arrived so far is discarded.', keep: 'Keep uploading', yes: 'Stop upload' },
  isBackground: true,
}

const RESTORING: Partial<Record<Phase, string>> = {
  check: 'checking the backup', safety: 'saving the database as it is now', restore: 'replacing the database', verify: 'verifying the result',
}

const SAFETY: Partial<Record<Phase, string>> = { check: 'Comes first', safety: 'Being made', restore: 'Being checked' }

export const RESTORE_WORDS: OperationWords = {
  name: 'Restore',
  noun: 'restore',
  progress: ({ phase }, left) => [left ?? (phase === 'verify' ? ALMOST : WORKING_OUT), RESTORING[phase] ?? ''],
  stopping: () => ({ subline: 'keeping the database as it is', note: 'Nothing has been replaced. The database stays as it was.' }),
  doing: RESTORING,
  amount: copiedAmount,
  facts: (state, now, lost) => [
    copiedFact(state), copySpeedFact(state, lost), elapsedFact(state, now),
    { label: 'Safety copy', value: state.safetyCopy === undefined ? SAFETY[state.phase] ?? 'Verified' : 'Verified', hint: '' },
  ],
  note: ({ phase }) => ({
    icon: 'lock',
    text: [phase === 'verify' ? 'The database has been replaced and is being checked once more.' : 'The switch happens in one step at the end. If anything fails, the database stays as it was.'],
  }),
  line: lineWith({ check: 'Checking the backup', safety: 'Saving a safety copy', restore: 'Replacing the database', verify: 'Verifying' }),
  stop: {
    label: 'Stop and keep the current database', question: 'Stop this restore?', detail: () => 'The database stays as it is now.', keep: 'Keep restoring', yes: 'Stop restore',
    isPossible: ({ phase }) => phase !== 'verify',
  },
  isBackground: false,
}

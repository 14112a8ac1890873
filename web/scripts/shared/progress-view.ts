/** How a running operation reads in the dialog: every word and figure of it. Pure. */
import { BACKUP_WORDS, RESTORE_WORDS, UPLOAD_WORDS } from './backup-words.ts'
import { etaText } from './eta.ts'
import { age, unbroken } from './format.ts'
import type { IconName } from './icon-names.ts'
import { IMPORT_WORDS } from './import-words.ts'
import type { Link } from './link.ts'
import { stepIndex, stepsOf, type OperationKind } from './operation.ts'
import type { Fact, OperationWords, Spark } from './operation-words.ts'
import { currentFraction, fractionOf, isWaiting, type BarState, type ProgressState } from './progress-state.ts'
import type { Rich } from './rich.ts'

/** Silence longer than this is shown as an age. */
export const FRESH_MS = 3_000
/** Silence longer than this means that nothing can be said about now. */
export const SILENT_MS = 8_000

export interface Stamp { live: 'on' | 'stale' | 'poll' | 'off', text: string }
export interface Segment { label: string, weight: number, state: 'done' | 'now' | 'next', fill: number }
export interface Notice { icon: IconName, text: Rich, quiet: boolean, tryLive: boolean }

export interface RunningView {
  kicker: string
  stamp: Stamp
  percent: number
  /** `held`: the figures are the last known ones, or nothing moves for a reason. */
  tone: 'live' | 'held'
  indeterminate: boolean
  headline: string
  subline: string
  valueText: string
  segments: Segment[]
  facts: Fact[]
  spark: Spark | undefined
  notice: Notice
  /** Rows were set aside, and the server can say why. */
  offersWhy: boolean
  canCancel: boolean
  /** What the page can do about a lost connection. */
  offersTry: boolean
  stop: { label: string, question: string, detail: string, keep: string, yes: string }
  /** False where nobody may work on while it runs. */
  mayMinimise: boolean
}

const WORDS: Record<OperationKind, OperationWords> = { import: IMPORT_WORDS, backup: BACKUP_WORDS, upload: UPLOAD_WORDS, restore: RESTORE_WORDS }

export const wordsOf = ({ kind }: Pick<ProgressState, 'kind'>): OperationWords => WORDS[kind]

/** One line about where an operation is, for lists. */
export function lineOf(state: ProgressState): string {
  if (state.stopping) return 'Stopping'
  if (state.stage === 'held') return 'Waiting to upload'
  return wordsOf(state).line(state)
}

/** What the connection to the server allows the page to say. */
type Hearing = 'fresh' | 'lost' | 'polling' | 'silent'

function hearing(state: ProgressState, link: Link, now: number): Hearing {
  const isTold = state.stage === 'running' || (state.stage === 'uploading' && state.phase !== 'upload')
  if (!isTold) return 'fresh'
  if (link.mode === 'reconnecting') return 'lost'
  if (link.mode === 'polling') return now - state.heardAt > SILENT_MS ? 'silent' : 'polling'
  return 'fresh'
}

/** The bar of an operation, which stands in the step of its phase. */
export function segmentsOf(state: BarState): Segment[] {
  const current = stepIndex(state.kind, state.phase)
  return stepsOf(state.kind).map(({ label, weight }, index) => {
    const fill = fractionOf(state, index)
    const isArriving = index < current && fill < 1
    return { label, weight, fill, state: index === current || isArriving ? 'now' : index < current ? 'done' : 'next' }
  })
}

/** `Step 2 of 4` */
export const placeOf = ({ kind, phase }: Pick<ProgressState, 'kind' | 'phase'>): string => `Step ${stepIndex(kind, phase) + 1} of ${stepsOf(kind).length}`

export function runningView(state: ProgressState, link: Link, now: number): RunningView {
  const heard = hearing(state, link, now)
  const lost = heard === 'lost' || heard === 'silent'
  const waiting = isWaiting(state)
  const words = wordsOf(state)
  const [headline, subline] = lost && !state.stopping ? lostWords(link, now) : headWords(state)
  const { label, question, keep, yes } = words.stop
  return {
    kicker: state.number === undefined ? words.name : `${words.name} #${state.number}`,
    stamp: stampOf(state, heard, now),
    percent: Math.floor(state.percent),
    tone: lost || waiting || state.stopping ? 'held' : 'live',
    indeterminate: isIndeterminate(state) && !waiting && !lost && !state.stopping,
    headline,
    subline,
    valueText: valueText(state, lost),
    segments: segmentsOf(state),
    facts: words.facts(state, now, lost),
    spark: waiting ? undefined : words.spark?.(state, lost),
    notice: noticeOf(state, heard, now),
    offersWhy: state.rowsRejected > 0,
    canCancel: !lost && !state.stopping && state.stage !== 'asked' && words.stop.isPossible?.(state) !== false,
    offersTry: lost,
    stop: {
      label: state.stopping ? 'Stopping…' : label, question, keep, yes,
      detail: state.stage === 'held' ? 'Its upload has not begun.' : words.stop.detail(state),
    },
    mayMinimise: words.isBackground,
  }
}

function headWords(state: ProgressState): [string, string] {
  const words = wordsOf(state)
  if (state.stopping) return ['Stopping', words.stopping(state).subline]
  if (state.stage === 'held') return ['Waiting to upload', 'two files are sent at a time']
  return words.progress(state, state.eta === undefined ? undefined : etaText(state.eta.seconds))
}

/** Steps that say nothing of how far they are until they end, or have only begun. */
function isIndeterminate(state: ProgressState): boolean {
  if (currentFraction(state) > 0) return false
  return state.phase === 'analyse' || state.phase === 'check' || state.phase === 'verify' || state.stage === 'asked'
}

/** When did we last hear? A time, never a spinner. */
function stampOf(state: ProgressState, heard: Hearing, now: number): Stamp {
  const silence = now - state.heardAt
  if (state.stage === 'held') return { live: 'off', text: 'Not sent yet' }
  if (heard === 'polling') return { live: 'poll', text: silence < 1_000 ? 'Checked just now' : `Checked ${age(silence)} ago` }
  if (heard === 'fresh' && silence < FRESH_MS) return { live: 'on', text: 'Live, updated just now' }
  return { live: 'stale', text: `Last update ${age(silence)} ago` }
}

function lostWords(link: Link, now: number): [string, string] {
  if (link.mode !== 'reconnecting') return ['Time left unknown', 'the server is not answering']
  const wait = link.retryAt === undefined ? 0 : Math.ceil((link.retryAt - now) / 1000)
  const attempt = link.attempt > 0 ? `, attempt ${link.attempt}` : ''
  return ['Time left unknown', wait > 0 ? `trying again in ${wait} s${attempt}` : `trying again${attempt}`]
}

function valueText(state: ProgressState, lost: boolean): string {
  const words = wordsOf(state)
  if (state.stage === 'held') return 'Waiting to be uploaded'
  if (state.stopping) return 'Stopping'
  if (state.queuePosition !== undefined) return `Uploaded, waiting its turn: ${words.progress(state, undefined)[1]}`
  const amount = words.amount(state)
  return `${lost ? `Last known: ${placeOf(state).toLowerCase()}` : placeOf(state)}, ${words.doing[state.phase] ?? ''}${amount === '' ? '' : `: ${amount}`}`
}

function noticeOf(state: ProgressState, heard: Hearing, now: number): Notice {
  const words = wordsOf(state)
  if (heard === 'lost') {
    return {
      icon: 'unplug', quiet: true, tryLive: false,
      text: [{ strong: 'Connection lost, reconnecting.' }, ` ${onTheServer(state)} The numbers above are from ${unbroken(`${age(now - state.heardAt)} ago`)}.`],
    }
  }
  if (heard === 'silent') {
    return {
      icon: 'unplug', quiet: true, tryLive: false,
      text: [{ strong: 'The server is not answering.' }, ` Checking every 2 seconds. The numbers above are from ${unbroken(`${age(now - state.heardAt)} ago`)}.`],
    }
  }
  if (heard === 'polling') {
    return {
      icon: 'refresh-cw', quiet: true, tryLive: true,
      text: [{ strong: 'Live updates unavailable.' }, ' Checking every 2 seconds instead. Nothing is lost; the numbers move in steps.'],
    }
  }
  return { ...noteOf(state, words), quiet: false, tryLive: false }
}

/** What a lost connection means for the work: nothing. */
export const onTheServer = (state: ProgressState): string => `The ${wordsOf(state).noun} runs on the server and is not affected.`

function noteOf(state: ProgressState, words: OperationWords): Pick<Notice, 'icon' | 'text'> {
  if (state.stopping) return { icon: 'lock', text: [words.stopping(state).note] }
  if (state.stage === 'held') return { icon: 'hourglass', text: [{ strong: 'Not uploaded yet.' }, ' It starts by itself when an upload ends. Keep this tab open until then.'] }
  if (state.stage === 'uploading') return { icon: 'lock', text: ['Keep this tab open until the upload ends. After that the server works on its own and you may close it.'] }
  return words.note(state)
}

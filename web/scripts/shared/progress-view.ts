/** How a running import reads in the dialog: every word and figure of it. Pure. */
import { roughly, etaText } from './eta.ts'
import { age, byteRate, bytes, bytesOf, clock, count, plural } from './format.ts'
import type { IconName } from './icon-names.ts'
import type { Link } from './link.ts'
import { STEPS, stepFraction, stepOf, type ProgressState, type Step } from './progress-state.ts'
import { say, type Rich } from './rich.ts'
import type { Speed } from './speed.ts'

/** Silence longer than this is shown as an age. */
export const FRESH_MS = 3_000
/** Silence longer than this means that nothing can be said about now. */
export const SILENT_MS = 8_000

export interface Stamp { live: 'on' | 'stale' | 'poll' | 'off', text: string }
export interface Segment { step: Step, label: string, state: 'done' | 'now' | 'next', fill: number }
export interface Fact { label: string, value: string, hint: string }
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
  spark: { caption: string, figures: string, speed: Speed } | undefined
  notice: Notice
  canCancel: boolean
  /** What the page can do about a lost connection. */
  offersTry: boolean
  /** What stopping now would throw away. */
  askDetail: string
}

const LABELS: Record<Step, string> = { upload: 'Upload', analyse: 'Analyse', import: 'Import', finish: 'Finish' }
const DOING: Record<ProgressState['phase'], string> = { upload: 'uploading', analyse: 'analysing the file', import: 'importing', merge: 'merging', finish: 'finishing' }

/** What the connection to the server allows the page to say. */
type Hearing = 'fresh' | 'lost' | 'polling' | 'silent'

function hearing(state: ProgressState, link: Link, now: number): Hearing {
  if (state.stage !== 'running') return 'fresh'
  if (link.mode === 'reconnecting') return 'lost'
  if (link.mode === 'polling') return now - state.heardAt > SILENT_MS ? 'silent' : 'polling'
  return 'fresh'
}

export function runningView(state: ProgressState, link: Link, now: number): RunningView {
  const heard = hearing(state, link, now)
  const lost = heard === 'lost' || heard === 'silent'
  const waiting = state.stage === 'held' || state.queuePosition !== undefined
  const current = stepOf(state.phase)
  const [headline, subline] = state.stopping ? stoppingWords(state) : lost ? lostWords(link, now) : words(state)
  return {
    kicker: state.number === undefined ? 'Import' : `Import #${state.number}`,
    stamp: stampOf(state, heard, now),
    percent: Math.floor(state.percent),
    tone: lost || waiting || state.stopping ? 'held' : 'live',
    indeterminate: current === 'analyse' && stepFraction(state.percent, 'analyse') === 0 && !waiting && !lost && !state.stopping,
    headline,
    subline,
    valueText: valueText(state, lost),
    segments: STEPS.map((step): Segment => ({
      step, label: LABELS[step], fill: stepFraction(state.percent, step),
      state: step === current ? 'now' : STEPS.indexOf(step) < STEPS.indexOf(current) ? 'done' : 'next',
    })),
    facts: facts(state, now, lost),
    spark: waiting ? undefined : spark(state, lost),
    notice: noticeOf(state, heard, now),
    canCancel: !lost && !state.stopping,
    offersTry: heard === 'lost' || heard === 'silent',
    askDetail: askDetail(state),
  }
}

/** When did we last hear? A time, never a spinner. */
function stampOf(state: ProgressState, heard: Hearing, now: number): Stamp {
  const silence = now - state.heardAt
  if (state.stage === 'held') return { live: 'off', text: 'Not sent yet' }
  if (heard === 'polling') return { live: 'poll', text: silence < 1_000 ? 'Checked just now' : `Checked ${age(silence)} ago` }
  if (heard === 'fresh' && silence < FRESH_MS) return { live: 'on', text: 'Live, updated just now' }
  return { live: 'stale', text: `Last update ${age(silence)} ago` }
}

function words(state: ProgressState): [string, string] {
  if (state.stage === 'held') return ['Waiting to upload', 'two files are sent at a time']
  if (state.queuePosition !== undefined) return ['Waiting its turn', ahead(state.queuePosition)]
  const left = state.eta === undefined ? undefined : etaText(state.eta.seconds)
  switch (state.phase) {
    case 'upload': return [bytesOf(state.bytesDone, state.bytesTotal ?? state.bytesDone), uploadLeft(state)]
    case 'analyse': return ['Counting rows', 'and checking every value’s type']
    case 'import': return [left ?? 'Working out the time left', 'importing rows']
    case 'merge': return [left ?? 'Almost there', 'bringing the rows into the table']
    case 'finish': return [left ?? 'Almost there', 'making the rows visible']
  }
}

const ahead = (position: number): string => position > 0 ? `${plural(position, 'import')} ahead` : 'next in line'

function uploadLeft({ bytesDone, bytesTotal, speed }: ProgressState): string {
  if (bytesTotal !== undefined && bytesDone >= bytesTotal) return 'all sent, the server is taking it in'
  if (speed.now <= 0 || bytesTotal === undefined) return 'uploading'
  const seconds = (bytesTotal - bytesDone) / speed.now
  return `upload done in about ${seconds < 10 ? `${Math.max(1, Math.ceil(seconds))} s` : roughly(seconds)}`
}

const stoppingWords = (state: ProgressState): [string, string] => ['Stopping', state.phase === 'upload' ? 'ending the upload' : 'taking the rows back out']

function lostWords(link: Link, now: number): [string, string] {
  if (link.mode !== 'reconnecting') return ['Time left unknown', 'the server is not answering']
  const wait = link.retryAt === undefined ? 0 : Math.ceil((link.retryAt - now) / 1000)
  const attempt = link.attempt > 0 ? `, attempt ${link.attempt}` : ''
  return ['Time left unknown', wait > 0 ? `trying again in ${wait} s${attempt}` : `trying again${attempt}`]
}

function valueText(state: ProgressState, lost: boolean): string {
  if (state.stage === 'held') return 'Waiting to be uploaded'
  if (state.stopping) return 'Stopping'
  if (state.queuePosition !== undefined) return `Uploaded, waiting its turn: ${ahead(state.queuePosition)}`
  const step = `${lost ? 'Last known: step' : 'Step'} ${STEPS.indexOf(stepOf(state.phase)) + 1} of 4`
  const so = state.phase === 'upload' && state.bytesTotal !== undefined
    ? `: ${bytesOf(state.bytesDone, state.bytesTotal)}`
    : state.rowsDone > 0 ? `: ${rowsOf(state)} rows` : ''
  return `${step}, ${DOING[state.phase]}${so}`
}

const rowsOf = ({ rowsDone, rowsTotal }: ProgressState): string => rowsTotal === undefined ? count(rowsDone) : `${count(rowsDone)} of ${count(rowsTotal)}`

function facts(state: ProgressState, now: number, lost: boolean): Fact[] {
  const elapsed: Fact = { label: 'Elapsed', value: clock(now - state.startedAt), hint: '' }
  const rejected: Fact = { label: 'Rejected', value: count(state.rowsRejected), hint: '' }
  const size: Fact = { label: 'Size', value: state.bytesTotal === undefined ? 'unknown' : bytes(state.bytesTotal), hint: '' }
  if (state.stage === 'held') return [{ label: 'Uploaded', value: '0 B', hint: '' }, size, { ...elapsed, label: 'Waiting' }, rejected]
  const total = state.bytesTotal === undefined ? '' : `of ${bytes(state.bytesTotal)}`
  const read: Fact = state.rowsDone > 0
    ? { label: state.phase === 'analyse' ? 'Rows found' : 'Rows read', value: count(state.rowsDone), hint: state.phase === 'analyse' ? 'so far' : state.rowsTotal === undefined ? '' : `of ${count(state.rowsTotal)}` }
    : { label: state.phase === 'upload' ? 'Uploaded' : 'Read', value: bytes(state.bytesDone), hint: total }
  if (state.queuePosition !== undefined) return [read.label === 'Read' ? { label: 'Uploaded', value: bytes(state.bytesTotal ?? 0), hint: 'all of it' } : read, size, { ...elapsed, label: 'Waiting' }, rejected]
  const inRows = state.phase !== 'upload' && state.phase !== 'analyse'
  const peak = state.speed.peak > 0 && inRows ? `peak ${count(state.speed.peak)}` : ''
  const speed: Fact = { label: 'Speed', value: inRows ? `${count(state.speed.now)} /s` : byteRate(state.speed.now), hint: lost ? 'last known' : peak }
  return [read, speed, elapsed, rejected]
}

function spark(state: ProgressState, lost: boolean): RunningView['spark'] {
  const inRows = state.phase !== 'upload' && state.phase !== 'analyse'
  const figure = (value: number) => inRows ? count(value) : bytes(value)
  const when = lost ? 'last known' : stepOf(state.phase) === 'finish' ? 'at the end' : 'now'
  return {
    caption: inRows ? 'Rows per second' : 'Bytes per second',
    figures: state.speed.peak > 0 ? `${figure(state.speed.now)} ${when}, peak ${figure(state.speed.peak)}` : 'measuring',
    speed: state.speed,
  }
}

function noticeOf(state: ProgressState, heard: Hearing, now: number): Notice {
  const note = (text: Rich): Notice => ({ icon: 'lock', text, quiet: false, tryLive: false })
  if (heard === 'lost') {
    return {
      icon: 'unplug', quiet: true, tryLive: false,
      text: [{ strong: 'Connection lost, reconnecting.' }, ` The import runs on the server and is not affected. The numbers above are from ${age(now - state.heardAt)} ago.`],
    }
  }
  if (heard === 'silent') {
    return {
      icon: 'unplug', quiet: true, tryLive: false,
      text: [{ strong: 'The server is not answering.' }, ` Checking every 2 seconds. The numbers above are from ${age(now - state.heardAt)} ago.`],
    }
  }
  if (heard === 'polling') {
    return {
      icon: 'refresh-cw', quiet: true, tryLive: true,
      text: [{ strong: 'Live updates unavailable.' }, ' Checking every 2 seconds instead. Nothing is lost; the numbers move in steps.'],
    }
  }
  if (state.stopping) return note(['Waiting for the current batch to end, then everything is taken back. Usually under 2 seconds.'])
  if (state.stage === 'held') return { ...note([{ strong: 'Not uploaded yet.' }, ' It starts by itself when an upload ends. Keep this tab open until then.']), icon: 'hourglass' }
  if (state.queuePosition !== undefined) return { ...note([{ strong: 'Uploaded and ready.' }, ' The server works on other imports first. This one starts by itself when its turn comes.']), icon: 'hourglass' }
  if (state.stage === 'uploading') return note(['Keep this tab open until the upload ends. After that the server works on its own and you may close it.'])
  const table = state.table
  if (state.phase === 'upload') return note(['Another tab is uploading this file. You may close this one.'])
  if (state.phase === 'analyse' || table === undefined) return note(['You may close this tab. The server works on its own from here.'])
  if (stepOf(state.phase) === 'finish') return note(say`${table} changes all at once, when this step ends.`)
  return note(say`Nothing changes in ${table} until Finish. You can cancel until then.`)
}

function askDetail(state: ProgressState): string {
  if (state.stage === 'held') return 'Its upload has not begun.'
  if (state.phase === 'upload') return 'The upload ends and what has arrived is discarded.'
  return state.rowsDone > 0 ? `The ${plural(state.rowsDone, 'row')} read so far ${state.rowsDone === 1 ? 'is' : 'are'} discarded.` : 'What has been read so far is discarded.'
}

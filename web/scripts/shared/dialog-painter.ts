/** Puts a view of an operation into the progress dialog's markup. Words only, decided elsewhere; touches what differs. */
import type { ImportRecord } from '../../../server/protocol.ts'
import { el, icon, part, rich, setText } from './dom.ts'
import { count, plural, shortName } from './format.ts'
import type { IconName } from './icon-names.ts'
import { longNames, type OutcomeView } from './outcome-view.ts'
import type { ProgressState } from './progress-state.ts'
import { placeOf, segmentsOf, wordsOf, type RunningView, type Segment } from './progress-view.ts'
import type { Ledger } from './receipt.ts'
import { plain, type Rich } from './rich.ts'
import { curve } from './speed.ts'
import type { HistoryView } from './undo-view.ts'

const SPARK = { width: 552, height: 56 }
const STEP_WORDS: Record<Segment['state'], string> = { done: ', done', now: ', current step', next: ', to do' }
const OUTCOME_ICONS: Record<OutcomeView['kind'], IconName> = { completed: 'check', failed: 'x', gone: 'x', cancelled: 'ban' }

const shortened = (text: Rich): Rich => text.map((words) => typeof words === 'object' && 'data' in words ? { data: shortName(words.data) } : words)

export class DialogPainter {
  readonly #dialog: HTMLDialogElement
  /** Rich text last put into an element, so that an unchanged one is left alone. */
  readonly #written = new WeakMap<Element, string>()

  constructor(dialog: HTMLDialogElement) {
    this.#dialog = dialog
  }

  /** @param showsWhy whether somebody looks into why rows were rejected */
  running(view: RunningView, state: ProgressState, showsWhy: boolean): void {
    this.#show('running-head', true)
    this.#show('outcome-head', false)
    this.#dialog.setAttribute('aria-labelledby', 'progress-title')
    this.#dialog.classList.toggle('is-held', view.tone === 'held')
    this.#text('kicker', view.kicker)
    this.#text('file', state.filename)
    this.#part('file').title = state.filename
    this.#show('into', state.table !== undefined)
    this.#text('table', state.table ?? '')
    this.#part('table').title = state.table ?? ''
    this.#part('stamp').dataset['live'] = view.stamp.live
    this.#text('stamp', view.stamp.text)
    this.#bar(state, view.percent, view.tone, view.segments, view.headline, view.subline, view.valueText, view.indeterminate)
    this.#facts(view)
    this.#spark(view)
    this.#note(view.notice.icon, view.notice.text, view.notice.quiet)
    this.#show('try-live', view.notice.tryLive)
    this.#show('forget', false)
    this.#show('see-why', view.offersWhy)
    this.#part('see-why').setAttribute('aria-expanded', String(showsWhy))
    this.#show('why', showsWhy)
    for (const name of ['ledger', 'account', 'names', 'notices', 'details']) this.#show(name, false)
    for (const name of ['progress', 'facts', 'notice']) this.#show(name, true)
    const cancel = part(this.#dialog, 'cancel', HTMLButtonElement)
    cancel.disabled = !view.canCancel
    const { label, question, detail, keep, yes } = view.stop
    setText(cancel, label)
    setText(this.#byId('ask-title'), question)
    setText(this.#byId('ask-detail'), detail)
    this.#text('keep', keep)
    this.#text('stop', yes)
    this.#show('try-now', view.offersTry)
    this.#show('minimise', view.mayMinimise)
    this.#show('background', view.mayMinimise)
  }

  outcome(view: OutcomeView, state: ProgressState): void {
    this.#show('running-head', false)
    this.#show('outcome-head', true)
    this.#dialog.setAttribute('aria-labelledby', 'outcome-title')
    this.#dialog.classList.remove('is-held')
    const outcome = this.#part('outcome')
    outcome.classList.toggle('outcome--ok', view.tone === 'ok')
    outcome.classList.toggle('outcome--bad', view.tone === 'bad')
    part(this.#dialog, 'outcome-icon', SVGUseElement).setAttribute('href', `#i-${OUTCOME_ICONS[view.kind]}`)
    this.#rich(this.#byId('outcome-title'), shortened(view.heading))
    this.#rich(this.#part('summary'), shortened(view.summary))
    const names = longNames(view, state.kind)
    this.#show('names', names.length > 0)
    this.#part('names').replaceChildren(...names.map(({ label, name }) => el('div', {}, el('dt', {}, label), el('dd', { class: 'data', dir: 'auto' }, name))))
    for (const name of ['facts', 'spark', 'why']) this.#show(name, false)
    this.#show('progress', view.stoppedAt !== undefined)
    if (view.stoppedAt !== undefined) this.#stoppedBar(state, view.stoppedAt)
    this.#ledger(view.ledger)
    this.#show('account', view.account !== undefined)
    if (view.account) {
      this.#rich(this.#part('happened'), view.account.happened)
      this.#rich(this.#part('safe'), view.account.safe)
      this.#rich(this.#part('advice'), view.account.advice)
      this.#text('again-label', view.account.action.label)
      part(this.#dialog, 'again-icon', SVGUseElement).setAttribute('href', `#i-${view.account.action.symbol}`)
    }
    this.#show('notices', view.notices.length > 0)
    this.#part('notices').replaceChildren(...view.notices.map((text) => el('li', { class: 'note' }, icon('info'), el('span', {}, text))))
    this.#show('details', view.details !== undefined)
    this.#text('code', view.details?.code ?? '')
    this.#text('details-text', view.details?.text ?? '')
    const note = view.note ?? view.keptFile
    this.#show('notice', note !== undefined)
    this.#show('try-live', false)
    this.#show('forget', view.keptFile !== undefined)
    if (note) this.#note(view.keptFile ? 'info' : state.kind === 'restore' && view.kind === 'completed' ? 'shield-check' : 'lock', note, false)
    this.#show('undo', false)
    this.#way(view)
  }

  /** Where a completed operation leads: a page, a file, another backup. */
  #way({ way, download, restores }: OutcomeView): void {
    const goesBack = restores?.label === 'Go back to before'
    const link = part(this.#dialog, 'way', HTMLAnchorElement)
    link.hidden = way === undefined
    link.href = way?.href ?? ''
    setText(link, way?.label ?? '')
    // One filled button: where there is something to restore, that is what comes next.
    const isNext = restores !== undefined && !goesBack
    link.classList.toggle('btn--primary', !isNext)
    this.#show('restore', isNext)
    this.#show('go-back', goesBack)
    this.#show('download', download !== undefined)
    part(this.#dialog, 'download', HTMLAnchorElement).href = download ?? ''
  }

  /** What the history adds to a completed import: whether it can be taken back, or that it was. */
  history({ canUndo, note }: HistoryView, record: ImportRecord): void {
    this.#show('undo', canUndo)
    this.#show('notice', note !== undefined)
    if (note) this.#note('undo-2', note, false)
    this.#show('why', record.rejectReasons !== undefined)
    this.reasons(record)
  }

  /** Why rows were rejected, as far as the server counts them apart. */
  reasons({ rejectReasons = [], rowsRejected }: ImportRecord): void {
    const told = rejectReasons.reduce((sum, { count: rows }) => sum + rows, 0)
    const lines = rejectReasons.map(({ reason, count: rows, firstLine }) => el('li', {},
      el('b', { class: 'num' }, plural(rows, 'row')), el('span', {}, `${reason}, `, el('small', { class: 'muted num' }, rows === 1 ? `line ${count(firstLine)}` : `first on line ${count(firstLine)}`))))
    const others = rowsRejected > told ? [el('li', {}, el('b', { class: 'num' }, plural(rowsRejected - told, 'row')), 'for other reasons')] : []
    part(this.#dialog, 'reasons').replaceChildren(...lines, ...others)
  }

  /** Shows one of the footers of the markup. */
  foot(name: string): void {
    for (const foot of this.#dialog.querySelectorAll<HTMLElement>('[data-foot]')) foot.hidden = foot.dataset['foot'] !== name
  }

  #stoppedBar(state: ProgressState, where: string): void {
    this.#bar(state, Math.floor(state.percent), 'bad', segmentsOf(state), 'Stopped', where, `Stopped in ${placeOf(state).toLowerCase()}`, false)
  }

  #bar(
    state: ProgressState, percent: number, tone: string, segments: Segment[], headline: string, subline: string, valueText: string, indeterminate: boolean,
  ): void {
    const progress = this.#part('progress')
    progress.dataset['tone'] = tone
    progress.classList.toggle('progress--wait', indeterminate)
    this.#text('percent', String(percent))
    this.#text('headline', headline)
    this.#text('subline', subline)
    const track = this.#part('track')
    track.setAttribute('aria-label', `${wordsOf(state).name} progress`)
    if (indeterminate) track.removeAttribute('aria-valuenow')
    else track.setAttribute('aria-valuenow', String(percent))
    track.setAttribute('aria-valuetext', valueText)
    this.#steps(progress, segments)
    segments.forEach((segment, index) => {
      const bar = track.children[index] as HTMLElement
      bar.dataset['step'] = segment.state
      ;(bar.firstElementChild as HTMLElement).style.setProperty('--v', segment.fill.toFixed(4))
      const label = this.#part('steps').children[index] as HTMLElement
      label.dataset['step'] = segment.state
      label.querySelector('.icon')?.toggleAttribute('hidden', segment.state !== 'done')
      setText(label.querySelector('.vh')!, STEP_WORDS[segment.state])
    })
  }

  /** Lays out the bar for the steps of another kind of operation. */
  #steps(progress: HTMLElement, segments: Segment[]): void {
    const layout = segments.map(({ weight }) => `${weight}fr`).join(' ')
    if (progress.style.getPropertyValue('--steps') === layout) return
    progress.style.setProperty('--steps', layout)
    this.#part('track').replaceChildren(...segments.map(() => el('div', { class: 'track__seg' }, el('i'))))
    this.#part('steps').replaceChildren(...segments.map(({ label }) => el('li', {}, icon('check'), label, el('span', { class: 'vh' }))))
  }

  #facts(view: RunningView): void {
    view.facts.forEach((fact, index) => {
      const cell = this.#part('facts').children[index]!
      setText(cell.querySelector('dt')!, fact.label)
      setText(cell.querySelector('span')!, fact.value)
      setText(cell.querySelector('small')!, fact.hint)
    })
  }

  #spark({ spark, tone }: RunningView): void {
    this.#show('spark', spark !== undefined)
    if (!spark) return
    const box = this.#part('spark')
    box.classList.toggle('spark--held', tone === 'held')
    box.setAttribute('aria-label', `${spark.caption}: ${spark.figures}`)
    this.#text('spark-caption', spark.caption)
    this.#text('spark-figures', spark.figures)
    const { line, area } = curve(spark.speed, SPARK.width, SPARK.height)
    part(this.#dialog, 'spark-line', SVGPathElement).setAttribute('d', line)
    part(this.#dialog, 'spark-area', SVGPathElement).setAttribute('d', area)
  }

  #note(name: IconName, text: Rich, quiet: boolean): void {
    const note = this.#part('note')
    note.className = quiet ? 'banner banner--quiet' : 'note'
    part(this.#dialog, 'note-icon', SVGUseElement).setAttribute('href', `#i-${name}`)
    this.#rich(this.#part('note-text'), text)
  }

  #ledger(ledger: Ledger | undefined): void {
    this.#show('ledger', ledger !== undefined)
    if (!ledger) return
    const lines = ledger.lines.map(({ label, value, tone, link, was }) => el('div', {},
      el('dt', {}, label, link && ' ', link && el('a', { class: 'ledger__link', href: link.href, download: true }, link.label), was && ' ', was && el('span', { class: 'ledger__was' }, `was ${was}`)), el('dd', { class: tone }, value)))
    const { total } = ledger
    if (total) {
      const { adds, text } = total.check
      const check = el('span', { class: adds ? 'check' : 'check check--bad' }, icon(adds ? 'check' : 'triangle-alert'), text)
      lines.push(el('div', { class: 'ledger__total' }, el('dt', {}, total.label, ' ', check), el('dd', {}, total.value)))
    }
    this.#part('ledger').replaceChildren(...lines)
  }

  #rich(element: Element, text: Rich): void {
    const key = JSON.stringify(text)
    if (this.#written.get(element) === key) return
    this.#written.set(element, key)
    element.replaceChildren(...rich(text))
    if (element.classList.contains('truncate')) element.setAttribute('title', plain(text))
  }

  #byId(id: string): HTMLElement {
    return this.#dialog.querySelector<HTMLElement>(`#${id}`)!
  }

  #part(name: string): HTMLElement {
    return part(this.#dialog, name)
  }

  #text(name: string, text: string): void {
    setText(this.#part(name), text)
  }

  #show(name: string, shown: boolean): void {
    this.#part(name).hidden = !shown
  }
}

/** The pill in the top bar and its panel: what this tab has under way, and what became of it. */
import { el, icon, part, setText } from './dom.ts'
import { age, clock, count, plural } from './format.ts'
import type { IconName } from './icon-names.ts'
import type { Job, Jobs } from './jobs.ts'
import type { Link } from './link.ts'
import { openModals } from './modals.ts'
import type { NamedOperation } from './operation.ts'
import { isWaiting, type Completion } from './progress-state.ts'
import { lineOf, wordsOf } from './progress-view.ts'

export interface PanelHooks {
  show: (operation: NamedOperation) => void
  navigate: (href: string) => void
}

interface Row {
  element: HTMLLIElement
  /** What its button and words are for; a change makes the row anew. */
  kind: string
  update: (job: Job) => void
}

const kindOf = ({ state }: Job): string => state.outcome?.kind ?? (isWaiting(state) ? 'waiting' : state.stage === 'asked' ? 'asked' : 'running')

export class JobsPanel {
  readonly #pill: HTMLButtonElement
  readonly #panel: HTMLElement
  readonly #jobs: Jobs
  readonly #hooks: PanelHooks
  readonly #rows = new Map<string, Row>()

  constructor(pill: HTMLButtonElement, panel: HTMLElement, jobs: Jobs, hooks: PanelHooks) {
    this.#pill = pill
    this.#panel = panel
    this.#jobs = jobs
    this.#hooks = hooks
    pill.addEventListener('click', () => panel.togglePopover())
    panel.addEventListener('toggle', () => {
      const open = panel.matches(':popover-open')
      pill.setAttribute('aria-expanded', String(open))
      if (!open && panel.contains(document.activeElement)) pill.focus()
    })
    document.addEventListener('keydown', (event) => {
      // A dialog on top has the key to itself.
      if (event.key === 'Escape' && openModals().length === 0) this.hide()
    })
    document.addEventListener('pointerdown', (event) => {
      if (event.target instanceof Node && !panel.contains(event.target) && !pill.contains(event.target)) this.hide()
    })
    panel.addEventListener('click', (event) => {
      // What a link leads to must not lie under the panel.
      if (event.target instanceof Element && event.target.closest('a')) this.hide()
    })
    part(panel, 'clear', HTMLButtonElement).addEventListener('click', () => {
      jobs.forgetEnded()
      if (jobs.own().length === 0) this.hide()
    })
  }

  get isOpen(): boolean {
    return this.#panel.matches(':popover-open')
  }

  open(): void {
    this.#panel.showPopover()
  }

  hide(): void {
    this.#panel.hidePopover()
  }

  render(now: number): void {
    const jobs = this.#jobs.own()
    const running = jobs.filter((job) => ['asked', 'running'].includes(kindOf(job)))
    const waiting = jobs.filter((job) => kindOf(job) === 'waiting')
    const failed = jobs.filter(({ state }) => state.outcome?.kind === 'failed' || state.outcome?.kind === 'gone')
    const cancelled = jobs.filter(({ state }) => state.outcome?.kind === 'cancelled')
    this.#pill.hidden = jobs.length === 0
    if (jobs.length === 0) {
      this.hide()
      this.#rows.clear()
      part(this.#panel, 'list').replaceChildren()
      return
    }
    const first = running[0] ?? waiting[0]
    const percent = Math.floor(first?.state.percent ?? 100)
    const ended = failed.length > 0 ? `${count(failed.length)} failed` : cancelled.length === jobs.length ? 'Cancelled' : 'Done'
    part(this.#pill, 'mini').hidden = first === undefined
    ;(part(this.#pill, 'mini').firstElementChild as HTMLElement).style.setProperty('--v', String(percent / 100))
    this.#pill.dataset['tone'] = first ? 'live' : failed.length > 0 ? 'bad' : 'off'
    const word = first ? `${percent}%` : ended
    const more = first && jobs.length > 1 ? `${count(jobs.length - 1)} more` : ''
    setText(part(this.#pill, 'percent'), word)
    setText(part(this.#pill, 'more'), more)
    const done = jobs.length - running.length - waiting.length - failed.length - cancelled.length
    const parts = [[running.length, 'running'], [waiting.length, 'waiting'], [failed.length, 'failed'], [cancelled.length, 'cancelled'], [done, 'done']] as const
    // Imports are what there usually is; the title says so until something else is under way.
    const title = jobs.every(({ state }) => state.kind === 'import') ? 'Imports' : 'Imports and backups'
    setText(this.#panel.querySelector('h2')!, `${title} of this tab`)
    const summary = parts.filter(([n]) => n > 0).map(([n, state]) => `${count(n)} ${state}`).join(', ')
    this.#pill.setAttribute('aria-label', `${more ? `${word}, ${more}` : word}. ${title}: ${summary}. Show all`)
    this.#stamp(this.#jobs.link, running, now)
    part(this.#panel, 'clear').hidden = jobs.length === running.length + waiting.length
    this.#list(jobs)
  }

  #stamp(link: Link, running: Job[], now: number): void {
    const stamp = part(this.#panel, 'stamp')
    stamp.hidden = running.length === 0
    const silence = now - Math.max(0, ...running.map(({ state }) => state.heardAt))
    const fresh = silence < 3_000
    stamp.dataset['live'] = !fresh || link.mode === 'reconnecting' ? 'stale' : link.mode === 'polling' ? 'poll' : 'on'
    setText(stamp, !fresh ? `Last update ${age(silence)} ago` : link.mode === 'polling' ? 'Checking every 2 s' : 'Live')
  }

  #list(jobs: Job[]): void {
    const ids = new Set(jobs.map(({ id }) => id))
    for (const [id, { element }] of this.#rows) {
      if (ids.has(id)) continue
      element.remove()
      this.#rows.delete(id)
    }
    const list = part(this.#panel, 'list')
    // The newest is on top. What is in its place already is not touched, so that the focus stays in it.
    for (const [place, job] of [...jobs].reverse().entries()) {
      const old = this.#rows.get(job.id)
      if (old?.kind === kindOf(job)) {
        old.update(job)
        continue
      }
      const row = this.#row(job)
      if (old) old.element.replaceWith(row.element)
      else list.insertBefore(row.element, list.children[place] ?? null)
      this.#rows.set(job.id, row)
      row.update(job)
    }
  }

  #row(job: Job): Row {
    const { id, state } = job
    const kind = kindOf(job)
    const called = state.filename || wordsOf(state).name
    const name = el('span', { class: 'data truncate', dir: 'auto', title: called }, called)
    const show = (label: string) => this.#button(label, called, () => this.#hooks.show({ kind: state.kind, id }))
    if (state.outcome === undefined) {
      const fill = el('i')
      const bar = el('span', { class: 'mini' }, fill)
      const words = el('span')
      const percent = el('span')
      const line = kind === 'waiting' ? el('span', { class: 'status status--off' }, icon('hourglass'), words) : words
      const element = el('li', {}, name, show('Show'), kind === 'waiting' ? null : bar, el('p', { class: 'jobs__meta' }, line, kind === 'waiting' ? null : percent))
      return {
        element, kind, update: (now) => {
          setText(words, lineOf(now.state))
          setText(percent, `${Math.floor(now.state.percent)}%`)
          fill.style.setProperty('--v', String(now.state.percent / 100))
        },
      }
    }
    const { text, tone, symbol } = endLine(job)
    const receipt = el('button', {
      'type': 'button', 'class': 'feed__open data truncate', 'dir': 'auto', 'title': called, 'aria-label': `Receipt of ${called}`, 'on': { click: () => this.#hooks.show({ kind: state.kind, id }) },
    }, called)
    const table = state.outcome.kind === 'completed' ? state.outcome.receipt.table ?? state.table : undefined
    const button = table === undefined
      ? show('Details')
      : this.#button('Open table', called, () => {
          this.hide()
          this.#hooks.navigate(`/tables/${encodeURIComponent(table)}`)
        })
    const line = el('p', { class: 'jobs__meta' },
      el('span', { class: `status status--${tone}` }, icon(symbol), text), el('span', {}, clock((state.endedAt ?? state.heardAt) - state.startedAt)))
    return { element: el('li', {}, table === undefined ? name : receipt, button, line), kind, update: () => undefined }
  }

  #button(label: string, name: string, press: () => void): HTMLButtonElement {
    return el('button', { type: 'button', class: 'btn btn--sm', on: { click: press } }, label, el('span', { class: 'vh' }, `: ${name}`))
  }
}

/** What a completed operation is told as: rows that came in, or what the copy holds. */
function completedLine({ rowsRead, rowsRejected = 0, tables, rows }: Completion): string {
  if (rowsRead !== undefined) return `${plural(rowsRead - rowsRejected, 'row')} in, ${count(rowsRejected)} rejected`
  return tables === undefined || rows === undefined ? 'Verified' : `Verified, ${plural(tables, 'table')}, ${plural(rows, 'row')}`
}

function endLine({ state: { outcome } }: Job): { text: string, tone: 'ok' | 'bad' | 'off', symbol: IconName } {
  if (outcome?.kind === 'completed') return { text: completedLine(outcome.receipt), tone: 'ok', symbol: 'circle-check' }
  if (outcome?.kind === 'cancelled') return { text: 'Cancelled, nothing was kept', tone: 'off', symbol: 'ban' }
  return { text: outcome?.kind === 'gone' ? 'Not known to the server' : 'Failed, nothing was changed', tone: 'bad', symbol: 'circle-x' }
}

/** The page between choosing a file and importing it: what would land, where, and everything that can be set. */
import type { ImportPreview, TableInfo } from '../../../server/protocol.ts'
import { api } from '../shared/api.ts'
import { el, icon, rich, setText } from '../shared/dom.ts'
import { ago, bytes, count, dayTime, plural } from '../shared/format.ts'
import type { ImportDraft } from '../shared/import-draft.ts'
import { detectedForm, formOfRemembered, sameOptions } from '../shared/import-options.ts'
import { planOf, type Fix, type Plan } from '../shared/import-plan.ts'
import type { MakePage, Page, PageContext } from '../shared/page.ts'
import { rereading } from '../shared/reread.ts'
import { plain } from '../shared/rich.ts'
import { PreviewGrid } from './import-grid.ts'
import { ReadingPanel } from './import-reading.ts'
import { TargetPanel } from './import-target.ts'

export const importPage: MakePage = async (context) => {
  const draft = context.draft()
  if (!draft) return withoutFile(context)
  if (!draft.preview) draft.ask()
  const screen = new ImportScreen(context, draft, await api.tables(context.signal))
  return screen.page
}

/** A deep link or a reload: files do not survive those. */
function withoutFile(context: PageContext): Page {
  const choose = el('button', { type: 'button', class: 'btn btn--primary', on: { click: () => context.chooseFile() } }, icon('file-up'), 'Choose file')
  const content = el('section', {},
    el('h1', {}, 'Import a CSV file'),
    el('p', { class: 'lead' }, 'This page shows a file before it is imported, and there is none: a browser forgets chosen files when a page is reloaded. Nothing was uploaded.'),
    el('p', {}, choose))
  return { title: 'Import', className: 'page page--error', content, hasOwnMainAction: true }
}

/** What became of the last file with the same columns, by its mode. */
const LAST_TIME: Record<string, string> = { create: 'became the table', append: 'was added to', upsert: 'updated', replace: 'replaced the rows of' }

class ImportScreen {
  readonly page: Page
  readonly #context: PageContext
  readonly #draft: ImportDraft
  #tables: readonly TableInfo[]
  readonly #grid: PreviewGrid
  readonly #target: TargetPanel
  readonly #reading: ReadingPanel
  readonly #sizes = el('p', { class: 'small muted num' })
  readonly #skeleton = el('div', { 'class': 'skeleton', 'aria-hidden': 'true' }, ...Array.from({ length: 12 }, () => el('i')))
  readonly #failure = el('div', { class: 'panel__body', hidden: true })
  readonly #banners = el('div', { class: 'banners' })
  readonly #plan = el('p')
  readonly #start = el('button', { type: 'submit', class: 'btn btn--primary' }, 'Start import')
  /** What the banners and the plan were last drawn from. */
  #drawn = { banners: '', plan: '' }

  constructor(context: PageContext, draft: ImportDraft, tables: readonly TableInfo[]) {
    this.#context = context
    this.#draft = draft
    this.#tables = tables
    const change = draft.change.bind(draft)
    this.#grid = new PreviewGrid((name, choice) => change({ columns: { ...draft.form.columns, [name]: choice } }))
    this.#target = new TargetPanel(change)
    this.#reading = new ReadingPanel(change)
    this.page = {
      title: `Import ${draft.file.name}`, className: '', content: this.#layout(), hasOwnMainAction: true,
      onDataChanged: rereading(context.signal, () => api.tables(context.signal), (tables) => {
        this.#tables = tables
        this.#paint()
      }),
    }
    draft.onChange = () => this.#paint()
    context.signal.addEventListener('abort', () => {
      draft.onChange = () => undefined
    })
    this.#paint()
  }

  #layout(): HTMLElement {
    const { file, from } = this.#draft
    const form = el('form', { 'class': 'sheet', 'novalidate': true, 'aria-label': 'Import', 'on': { submit: (event) => this.#submit(event) } },
      el('div', { class: 'page page--import' },
        el('a', { class: 'back', href: from }, icon('chevron-left'), from.startsWith('/imports') ? 'Imports' : from.startsWith('/tables/') ? 'Back to the table' : 'Tables'),
        el('div', { class: 'page__head' },
          el('div', {},
            el('h1', { title: file.name }, 'Import ', el('span', { class: 'data' }, file.name)),
            el('p', { class: 'num' }, `${bytes(file.size)}, changed ${dayTime(file.lastModified, Date.now())}`)),
          el('div', { class: 'page__actions' },
            el('button', { type: 'button', class: 'btn btn--quiet btn--flush', on: { click: () => this.#context.chooseFile() } }, icon('file-up'), 'Choose another file'))),
        this.#banners,
        el('div', { class: 'cols cols--import' },
          el('section', { 'class': 'panel', 'aria-labelledby': 'h-preview' },
            el('div', { class: 'panel__head' }, el('h2', { id: 'h-preview' }, 'Preview'), this.#sizes),
            this.#failure, this.#skeleton, this.#grid.element),
          el('div', { class: 'stack options' }, this.#target.element, this.#reading.element))),
      el('div', { class: 'sheet-foot' },
        el('div', { 'class': 'plan', 'aria-live': 'polite' }, this.#plan),
        el('div', { class: 'page__actions' },
          el('a', { class: 'btn', href: from, on: { click: (event) => this.#cancel(event) } }, 'Cancel'), this.#start)))
    // The heading has the focus after the file was chosen: Enter starts from there too.
    form.querySelector('h1')?.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') form.requestSubmit()
    })
    return form
  }

  #submit(event: Event): void {
    event.preventDefault()
    const plan = this.#planNow()
    if (plan.start !== 'no') this.#context.startDraft(this.#draft)
    else if (plan.tone === 'bad') this.#context.announce(plain(plan.lead))
  }

  #cancel(event: MouseEvent): void {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return
    event.preventDefault()
    this.#context.leaveDraft(this.#draft)
  }

  #planNow(): Plan {
    const { form, preview, error } = this.#draft
    return planOf({ form, preview, error, tables: this.#tables })
  }

  #paint(): void {
    const { form, preview, error, isAsking } = this.#draft
    const nameError = error?.code === 'BAD_TABLE_NAME' ? error.message : undefined
    this.#target.paint({ form, preview, tables: this.#tables, nameError })
    this.#reading.paint(form, preview)
    const failed = error !== undefined && nameError === undefined
    this.#skeleton.hidden = preview !== undefined || failed
    this.#grid.element.hidden = preview === undefined || failed
    this.#grid.element.setAttribute('aria-busy', String(isAsking))
    this.#failure.hidden = !failed
    if (failed) this.#failure.replaceChildren(el('p', { class: 'banner banner--bad' }, icon('circle-x'), el('span', {}, error.message)))
    if (preview && !failed) this.#grid.paint(preview, form)
    setText(this.#sizes, preview && !failed
      ? `First ${plural(preview.rows.length, 'row')}, ${plural(preview.columns.length, 'column')}. Every row is checked again during the import.`
      : failed ? '' : 'Working out delimiter, encoding and types')
    this.#paintBanners(failed ? undefined : preview)
    this.#paintPlan(this.#planNow())
  }

  #paintPlan(plan: Plan): void {
    const says = JSON.stringify(plan)
    if (this.#drawn.plan === says) return
    this.#drawn.plan = says
    const { lead, rest, tone, fix, start } = plan
    this.#plan.className = tone === 'bad' ? 'plan--bad' : tone === 'wait' ? 'soft' : ''
    const words = el(tone === 'wait' ? 'span' : 'strong', {}, ...rich(lead))
    const more = [rest && el('span', { class: 'soft' }, rest), fix && el('button', { type: 'button', class: 'link', on: { click: () => this.#apply(fix) } }, fix.label)]
    const hadFocus = this.#plan.contains(document.activeElement)
    this.#plan.replaceChildren(...tone === 'bad' ? [icon('triangle-alert'), el('span', {}, words, ' ', ...more)] : [el('span', {}, words, ' ', ...more)])
    setText(this.#start, start === 'anyway' ? 'Start anyway' : 'Start import')
    this.#start.classList.toggle('btn--primary', start !== 'anyway')
    this.#start.setAttribute('aria-disabled', String(start === 'no'))
    if (hadFocus) this.#start.focus()
  }

  #apply(fix: Fix): void {
    const { form } = this.#draft
    if (fix.kind === 'retry') this.#draft.ask()
    else if (fix.kind === 'add-columns') this.#draft.change({ addColumns: true })
    else if (fix.kind === 'reject') this.#draft.change({ onRowError: 'reject' })
    else if (fix.kind === 'append') this.#draft.change({ mode: 'append', table: fix.table })
    else this.#draft.change({ columns: { ...form.columns, [fix.column]: { ...form.columns[fix.column], type: 'TEXT' } } })
  }

  #paintBanners(preview: ImportPreview | undefined): void {
    const { form } = this.#draft
    const remembered = preview?.remembered && formOfRemembered(preview.remembered.options, this.#tables)
    const isOffered = remembered !== undefined && !sameOptions(remembered, detectedForm()) && !sameOptions(remembered, form)
    const says = JSON.stringify([preview?.notices, preview?.sameAs, preview?.target, isOffered])
    if (this.#drawn.banners === says) return
    this.#drawn.banners = says
    this.#banners.replaceChildren()
    if (!preview) return
    const banner = (kind: 'info' | 'warn' | 'plain', ...words: (Node | string)[]) =>
      el('p', { class: `banner banner--${kind}` }, icon(kind === 'warn' ? 'triangle-alert' : 'info'), el('span', {}, ...words))
    const press = (label: string, run: () => void) => el('button', { type: 'button', class: 'link', on: { click: run } }, label)
    const now = Date.now()
    const { sameAs, target, notices } = preview
    if (target) {
      this.#banners.append(banner('info', 'These are rejected rows of an earlier import, corrected. They go to ', el('code', { class: 'data' }, target.table), '.'))
    }
    if (sameAs) {
      this.#banners.append(banner('warn', el('b', {}, 'This seems to be the very same file'), ` as import #${sameAs.number} into `, el('code', { class: 'data' }, sameAs.table),
        `, ${ago(sameAs.finishedAt, now)}. `, press(`Show import #${sameAs.number}`, () => this.#context.showImport(sameAs.sessionId))))
    }
    if (isOffered && preview.remembered) {
      const { table, mode } = preview.remembered.options
      const became = typeof table === 'string' ? [LAST_TIME[String(mode)] ?? 'went into', ' ', el('code', { class: 'data' }, table)] : ['was imported']
      this.#banners.append(banner('info', 'A file with these columns ', ...became, `, ${ago(preview.remembered.usedAt, now)}. `, press('Use the settings of last time', () => {
        this.#draft.change(remembered)
        this.#context.announce('The settings of last time are set.')
        this.#start.focus()
      })))
    }
    this.#banners.append(...notices.slice(0, 5).map((text) => banner('plain', text)))
    if (notices.length > 5) this.#banners.append(banner('plain', `And ${count(notices.length - 5)} more. The receipt lists all of them.`))
  }
}

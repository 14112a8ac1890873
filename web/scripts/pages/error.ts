/** Pages for when there is no page: a wrong address, a silent server, a failure. */
import { api, ApiError, lastAnswerAt } from '../shared/api.ts'
import { copyText } from '../shared/clipboard.ts'
import { el, icon, setText } from '../shared/dom.ts'
import { age } from '../shared/format.ts'
import type { MakePage, Page } from '../shared/page.ts'

const page = (title: string, ...content: (Node | string)[]): Page => ({ title, className: 'page page--error', content: el('section', {}, ...content), hasOwnMainAction: true })

const ways = (): HTMLElement => el('p', { class: 'page__actions' },
  el('a', { class: 'btn btn--primary', href: '/' }, 'All tables'), el('a', { class: 'btn', href: '/imports' }, 'Imports'))

export const notFoundPage: MakePage = () => page('Not found',
  el('p', { class: 'ecode data' }, '404'),
  el('h1', {}, 'There is nothing at this address'),
  el('p', { class: 'lead' }, 'The address may be mistyped, or what was here has been removed.'),
  ways())

export const tableNotFoundPage = (table: string): MakePage => () => page('Not found',
  el('p', { class: 'ecode data' }, '404'),
  el('h1', {}, 'There is no table called ', el('span', { class: 'data' }, table)),
  el('p', { class: 'lead' }, 'It may have been deleted or renamed, its import did not complete, or the database was restored from a backup without it.'),
  ways())

/** Seconds between tries; the last one repeats. */
const TRIES = [2, 4, 8, 10]

const unreachablePage: MakePage = ({ signal, reload }) => {
  const stamp = el('p', { 'class': 'stamp', 'data-live': 'stale' })
  const button = el('button', { type: 'button', class: 'btn btn--primary', on: { click: () => void tryNow() } }, 'Try now')
  let tries = 0
  let nextAt = 0
  let trying = false
  const tryNow = async () => {
    if (trying) return
    trying = true
    setText(stamp, 'Asking the server')
    try {
      await api.health()
      if (!signal.aborted) reload()
    } catch {
      nextAt = Date.now() + (TRIES[tries] ?? 10) * 1000
      tries = Math.min(tries + 1, TRIES.length - 1)
    } finally {
      trying = false
    }
  }
  const tick = () => {
    if (trying) return
    const seconds = Math.ceil((nextAt - Date.now()) / 1000)
    if (seconds <= 0) return void tryNow()
    const answeredAt = lastAnswerAt()
    setText(stamp, `Next try in ${seconds} s${answeredAt === undefined ? '' : `, last answer ${age(Date.now() - answeredAt)} ago`}`)
  }
  nextAt = Date.now() + 2_000
  const timer = setInterval(tick, 500)
  signal.addEventListener('abort', () => clearInterval(timer))
  tick()
  return page('No answer',
    el('p', { class: 'ecode' }, 'No answer'),
    el('h1', {}, 'The server is not answering'),
    el('p', { class: 'lead' }, 'Imports that were running either finish or leave nothing behind; you will see which as soon as it is back. This page tries again by itself.'),
    el('p', { class: 'page__actions' }, button), stamp)
}

const crashPage = (error: unknown): MakePage => ({ reload }) => {
  const code = error instanceof ApiError ? error.code : 'PAGE'
  const detail = error instanceof Error ? error.message : 'Unknown'
  const request = error instanceof ApiError ? `request   ${error.request}\nstatus    ${error.status}\n` : ''
  const text = el('pre', { 'tabindex': 0, 'role': 'region', 'aria-label': 'Details of the failure' },
    `${request}code      ${code}\ndetail    ${detail}\ntime      ${new Date().toISOString()}`)
  const label = el('span', {}, 'Copy details')
  const copy = async () => setText(label, await copyText(text.textContent, text) ? 'Copied' : 'Select and copy them below')
  return page('Not shown',
    el('p', { class: 'ecode data' }, error instanceof ApiError && error.status > 0 ? String(error.status) : code),
    el('h1', {}, 'This page could not be shown'),
    el('p', { class: 'lead' }, 'Your data is not affected. Reload the page; if it happens again, send the details below to whoever runs this server.'),
    el('p', { class: 'page__actions' },
      el('button', { type: 'button', class: 'btn btn--primary', on: { click: reload } }, 'Reload'),
      el('button', { type: 'button', class: 'btn', on: { click: () => void copy() } }, icon('copy'), label)),
    el('details', { class: 'disclose', open: true }, el('summary', {}, icon('chevron-right'), 'Details ', el('code', {}, code)), text))
}

/** The page for whatever was thrown while another was made. */
export function failurePage(error: unknown): MakePage {
  if (error instanceof URIError) return notFoundPage
  if (error instanceof ApiError && error.code === 'UNREACHABLE') return unreachablePage
  return crashPage(error)
}

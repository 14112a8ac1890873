/** Access: until when one is signed in, and the tokens of scripts. */
import type { ApiTokenInfo, NewApiToken } from '../../../server/protocol.ts'
import { api, ApiError } from '../shared/api.ts'
import { copyText } from '../shared/clipboard.ts'
import { el, icon, refill, setText } from '../shared/dom.ts'
import { ago, date, dayTime } from '../shared/format.ts'
import type { MakePage } from '../shared/page.ts'
import { say } from '../shared/rich.ts'
import { notFoundPage } from './error.ts'

/** How long a token may last; the value is days, and nothing is for ever. */
const LIFETIMES: readonly [string, string][] = [['90', '90 days'], ['365', '1 year'], ['', 'Until it is revoked']]

export const accessPage: MakePage = async (context) => {
  const session = await api.session(context.signal)
  if (!session.passwordRequired) return notFoundPage(context)
  let tokens = await api.tokens(context.signal)
  const list = el('tbody')
  const none = el('p', { class: 'panel__none muted' }, 'There is no token. Scripts are refused.')
  const table = el('table', { 'class': 'list list--tokens', 'aria-labelledby': 'h-tokens' },
    el('thead', {}, el('tr', {},
      ...['Token', 'It may', 'Last used', 'Ends'].map((word) => el('th', { scope: 'col' }, word)),
      el('th', { scope: 'col' }, el('span', { class: 'vh' }, 'Actions')))),
    list)
  const paint = () => {
    table.hidden = tokens.length === 0
    none.hidden = tokens.length > 0
    refill(list, ...tokens.map((token) => tokenRow(token, Date.now(), () => void revoke(token))))
  }
  const revoke = async (token: ApiTokenInfo) => {
    if (!await context.confirm({ title: say`Revoke ${token.name}?`, text: 'Scripts that use it are refused at once. It cannot be brought back.', no: 'Keep the token', yes: 'Revoke token' })) return
    try {
      await api.revokeToken(token.id)
    } catch (error) {
      // Somebody else was faster.
      if (!(error instanceof ApiError) || error.status !== 404) {
        context.toast({ tone: 'bad', title: 'The token was not revoked.', text: messageOf(error) })
        return
      }
    }
    tokens = tokens.filter(({ id }) => id !== token.id)
    paint()
    context.announce(`Token ${token.name} revoked`)
  }
  paint()
  const fresh = el('div', { class: 'slot' })
  const added = (made: NewApiToken) => {
    const { token: _secret, ...info } = made
    tokens = [info, ...tokens]
    paint()
    fresh.replaceChildren(freshToken(made))
    fresh.querySelector('button')?.focus()
  }
  const content = el('div', {},
    el('div', { class: 'page__head' },
      el('div', {}, el('h1', {}, 'Access'), el('p', {}, session.expiresAt === undefined ? 'Signed in.' : `Signed in on this browser until ${dayTime(session.expiresAt, Date.now())}.`)),
      el('div', { class: 'page__actions' },
        el('button', { type: 'button', class: 'btn', on: { click: () => void context.signOut() } }, icon('log-out'), 'Sign out'))),
    el('div', { class: 'cols' },
      el('section', { 'class': 'panel', 'aria-labelledby': 'h-tokens' },
        el('div', { class: 'panel__head' }, el('h2', { id: 'h-tokens' }, 'Tokens for scripts')),
        fresh,
        table,
        none,
        el('p', { class: 'panel__foot' }, 'A script sends its token with each request: ', el('code', { class: 'data' }, 'Authorization: Bearer hxt_…'))),
      newTokenForm(added)))
  return { title: 'Access', className: 'page', content, hasOwnMainAction: true }
}

const messageOf = (error: unknown): string => error instanceof ApiError ? error.message : 'Something went wrong on this page.'

function tokenRow({ name, scope, createdAt, lastUsedAt, expiresAt }: ApiTokenInfo, now: number, revoke: () => void): HTMLElement {
  return el('tr', {},
    el('td', { 'data-m': 'full' }, el('span', { class: 'data' }, name), el('small', {}, `made ${ago(createdAt, now)}`)),
    el('td', { class: 'nowrap' }, scope === 'read' ? 'read' : 'read and change'),
    el('td', { 'class': 'soft nowrap', 'data-label': 'Last used' }, lastUsedAt === null ? 'never' : ago(lastUsedAt, now)),
    el('td', { 'class': 'soft nowrap', 'data-label': 'Ends' }, expiresAt === null ? 'when revoked' : el('time', { datetime: new Date(expiresAt).toISOString(), title: dayTime(expiresAt, now) }, date(expiresAt, now))),
    el('td', { class: 'end' }, el('button', { 'type': 'button', 'class': 'btn btn--sm', 'aria-label': `Revoke ${name}`, 'on': { click: revoke } }, 'Revoke')))
}

/** The one time that the secret is shown. */
function freshToken({ name, token }: NewApiToken): HTMLElement {
  const secret = el('code', { class: 'data secret__text' }, token)
  const label = el('span', {}, 'Copy token')
  const copy = async () => setText(label, await copyText(token, secret) ? 'Copied' : 'Select and copy it')
  return el('div', { class: 'secret' },
    el('p', { role: 'status' }, 'Token ', el('span', { class: 'data' }, name), ' is made. Copy it now: it is not shown again.'),
    secret,
    el('button', { type: 'button', class: 'btn btn--sm', on: { click: () => void copy() } }, icon('copy'), label))
}

function newTokenForm(added: (made: NewApiToken) => void): HTMLElement {
  const why = el('span', { class: 'field__hint', id: 'token-why', role: 'alert' })
  const name = el('input', { 'class': 'input', 'id': 'token-name', 'required': true, 'maxlength': 100, 'autocomplete': 'off', 'placeholder': 'nightly import', 'aria-describedby': 'token-why' })
  const scope = el('select', { id: 'token-scope' }, el('option', { value: 'full' }, 'Read and change'), el('option', { value: 'read' }, 'Read only'))
  const days = el('select', { id: 'token-days' }, ...LIFETIMES.map(([value, words]) => el('option', { value }, words)))
  const say = (text: string) => {
    setText(why, text)
    why.classList.toggle('bad', text !== '')
  }
  const submit = async () => {
    say('')
    try {
      const made = await api.addToken({ name: name.value, scope: scope.value as 'read' | 'full', ...(days.value !== '' && { expiresInDays: Number(days.value) }) })
      name.value = ''
      added(made)
    } catch (error) {
      say(messageOf(error))
      name.focus()
    }
  }
  const select = (control: HTMLSelectElement) => el('span', { class: 'select' }, control, icon('chevron-down'))
  return el('section', { 'class': 'panel', 'aria-labelledby': 'h-new-token' },
    el('div', { class: 'panel__head' }, el('h2', { id: 'h-new-token' }, 'Make a token')),
    el('form', {
      class: 'form panel__body', on: {
        submit: (event) => {
          event.preventDefault()
          void submit()
        },
      },
    },
    el('div', { class: 'field' }, el('label', { for: 'token-name' }, 'What it is for'), name, why),
    el('div', { class: 'field' }, el('label', { for: 'token-scope' }, 'It may'), select(scope)),
    el('div', { class: 'field' }, el('label', { for: 'token-days' }, 'It ends after'), select(days)),
    el('button', { class: 'btn btn--primary' }, 'Make token')))
}

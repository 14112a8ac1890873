/** The page for whoever has not signed in: one field, one button. */
import { api, ApiError } from '../shared/api.ts'
import { el, icon, setText } from '../shared/dom.ts'
import type { Page } from '../shared/page.ts'

/** @param signedIn called once the password was right */
export function signInPage(signedIn: () => void): Page {
  const why = el('span', { class: 'field__hint', id: 'password-why', role: 'alert' })
  const password = el('input', {
    'class': 'input', 'id': 'password', 'type': 'password', 'autocomplete': 'current-password', 'required': true, 'aria-describedby': 'password-why',
  })
  const say = (text: string) => {
    setText(why, text)
    why.classList.toggle('bad', text !== '')
    password.setAttribute('aria-invalid', String(text !== ''))
  }
  let working = false
  const submit = async () => {
    if (working) return
    working = true
    try {
      await api.signIn(password.value)
      signedIn()
    } catch (error) {
      say(error instanceof ApiError ? error.message : 'The password could not be checked.')
      password.select()
    } finally {
      working = false
    }
  }
  password.addEventListener('input', () => say(''))
  const form = el('form', {
    class: 'form signin', on: {
      submit: (event) => {
        event.preventDefault()
        void submit()
      },
    },
  },
  el('h1', {}, 'Sign in'),
  el('p', { class: 'soft' }, 'This server has a password. Whoever set it up knows it.'),
  // There is one account; password managers want a name for it.
  el('input', { type: 'text', name: 'username', autocomplete: 'username', value: 'HexTrackr', hidden: true }),
  el('div', { class: 'field' }, el('label', { for: 'password' }, 'Password'), password, why),
  el('button', { class: 'btn btn--primary' }, icon('lock'), 'Sign in'))
  return { title: 'Sign in', className: 'page page--signin', content: form, isSignIn: true, hasOwnMainAction: true, focus: password }
}

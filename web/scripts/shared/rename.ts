/** Asks for a table's new name; what the server has against it is said beside the field. */
import { api, ApiError } from './api.ts'
import { part, setText } from './dom.ts'
import { openModal } from './modals.ts'

/** @returns the name that the table has now, or undefined where it stayed */
export function renameWith(dialog: HTMLDialogElement, name: string): Promise<string | undefined> {
  const input = part(dialog, 'name', HTMLInputElement)
  const why = part(dialog, 'why')
  const no = part(dialog, 'no', HTMLButtonElement)
  const done = new AbortController()
  const { signal } = done
  const say = (text: string) => {
    setText(why, text)
    why.classList.toggle('bad', text !== '')
    input.setAttribute('aria-invalid', String(text !== ''))
  }
  let renamed: string | undefined
  let working = false
  const setWorking = (now: boolean) => {
    working = now
    no.disabled = now
  }
  const submit = async () => {
    if (working) return
    const wanted = input.value.trim()
    if (wanted === name) {
      dialog.close()
      return
    }
    setWorking(true)
    try {
      renamed = (await api.renameTable(name, wanted)).name
      dialog.close()
    } catch (error) {
      say(error instanceof ApiError ? error.message : 'The table was not renamed.')
      input.focus()
    } finally {
      setWorking(false)
    }
  }
  say('')
  input.value = name
  dialog.querySelector('form')!.addEventListener('submit', (event) => {
    event.preventDefault()
    void submit()
  }, { signal })
  input.addEventListener('input', () => say(''), { signal })
  no.addEventListener('click', () => dialog.close(), { signal })
  // What has been asked of the server cannot be taken back by closing.
  dialog.addEventListener('cancel', (event) => working && event.preventDefault(), { signal })
  openModal(dialog)
  input.select()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      done.abort()
      resolve(renamed)
    }, { once: true })
  })
}

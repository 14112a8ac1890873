/** System, light or dark; remembered in this browser. */
import { icon } from './dom.ts'
import type { IconName } from './icon-names.ts'
import { storageOf } from './storage.ts'

const THEMES = ['system', 'light', 'dark'] as const
type Theme = typeof THEMES[number]

const KEY = 'hextrackr.theme'
const ICONS: Record<Theme, IconName> = { system: 'monitor', light: 'sun', dark: 'moon' }

/** Puts the remembered theme on the page and lets the button step through them. */
export function themeSwitch(button: HTMLButtonElement): void {
  const show = (theme: Theme) => {
    if (theme === 'system') delete document.documentElement.dataset['theme']
    else document.documentElement.dataset['theme'] = theme
    button.setAttribute('aria-label', `Theme: ${theme}`)
    button.title = `Theme: ${theme}`
    button.replaceChildren(icon(ICONS[theme]))
  }
  const storage = storageOf('localStorage')
  const remembered = storage.getItem(KEY)
  let theme = THEMES.find((name) => name === remembered) ?? 'system'
  show(theme)
  button.addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system'
    show(theme)
    storage.setItem(KEY, theme)
  })
}

/** Why files were not taken, said on the page they were meant for. */
import { el, icon, rich } from '../shared/dom.ts'
import type { Rich } from '../shared/rich.ts'

/** Made with the page, so that a screen reader knows it before it is filled. */
export const refusedBox = (): HTMLElement => el('div', { class: 'refused', role: 'alert' })

export function showRefused(box: HTMLElement, messages: Rich[]): void {
  box.replaceChildren(...messages.map((message) => el('p', { class: 'banner banner--bad' }, icon('circle-x'), el('span', {}, ...rich(message)))))
}

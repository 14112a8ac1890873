import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright/test'

const AXE = await readFile(join(import.meta.dirname, '../../node_modules/axe-core/axe.min.js'), 'utf8')

/** What axe finds on the page as it stands, one line for each element. */
export async function violationsOf(page: Page): Promise<string[]> {
  // Not by a script element: the page's own policy forbids those.
  await page.evaluate(AXE)
  return page.evaluate<string[]>(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.flatMap(({ id, help, nodes }) => nodes.map(({ target, any }) => [id, help, target.join(' '), any[0]?.message ?? ''].join(' | '))))`)
}

/** By how many pixels the page, or what lies on it, is wider than the window. */
export const overflowOf = (page: Page): Promise<number> => page.evaluate<number>(`Math.max(
  ...[document.documentElement, document.body, ...document.querySelectorAll('dialog[open], dialog[open] .dialog__body, :popover-open')].map((box) => box.scrollWidth - box.clientWidth))`)

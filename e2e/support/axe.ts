import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright/test'

const AXE = await readFile(join(import.meta.dirname, '../../node_modules/axe-core/axe.min.js'), 'utf8')

/** Colours on their way from one scheme to the other are nobody's choice. What never ends is not waited for. */
const SETTLED = `(async () => {
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame)
  const ending = document.getAnimations().filter(({ effect }) => Number.isFinite(effect.getComputedTiming().endTime))
  await Promise.all(ending.map(({ finished }) => finished.catch(() => undefined)))
})()`

/** What axe finds on the page as it stands, one line for each element. */
export async function violationsOf(page: Page): Promise<string[]> {
  // Not by a script element: the page's own policy forbids those.
  await page.evaluate(AXE)
  await page.evaluate(SETTLED)
  return page.evaluate<string[]>(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.flatMap(({ id, help, nodes }) => nodes.map(({ target, any }) => [id, help, target.join(' '), any[0]?.message ?? ''].join(' | '))))`)
}

/** By how many pixels the page, or what lies on it, is wider than the window. */
export const overflowOf = (page: Page): Promise<number> => page.evaluate<number>(`Math.max(
  ...[document.documentElement, document.body, ...document.querySelectorAll('dialog[open], dialog[open] .dialog__body, :popover-open')].map((box) => box.scrollWidth - box.clientWidth))`)

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright/test'
import { chooseFiles, dialogOf } from './support/app.ts'
import { overflowOf } from './support/axe.ts'
import { backupOf, restoreButton } from './support/backups.ts'
import { expect, test } from './support/test.ts'

const SAMPLE = await readFile(join(import.meta.dirname, '../data/sample-findings.csv'))

// What a window of 1280 by 800 is at a zoom of 200 %.
test.use({ viewport: { width: 640, height: 400 }, deviceScaleFactor: 2, contextOptions: { reducedMotion: 'reduce' } })

/**
 * What people read or press and cannot: texts that are cut without saying all of it elsewhere, and what lies beside the
 * window where nothing scrolls to it.
 */
const lostOn = (page: Page): Promise<string[]> => page.evaluate<string[]>(`(() => {
  const top = document.querySelector('dialog[open]') ?? document.body
  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !element.closest('.vh') && element.getClientRects().length > 0
  const name = (element) => element.tagName + ' ' + (element.getAttribute('aria-label') ?? element.textContent).trim().slice(0, 60)
  const scrolls = (element) => /auto|scroll/.test(getComputedStyle(element).overflowX) && element.scrollWidth > element.clientWidth
  const lost = []
  for (const element of top.querySelectorAll('h1, h2, h3, p, a, button, label, summary, dt, dd, th, td, small, .status')) {
    if (!isSeen(element) || element.closest('.grid')) continue
    const { overflowX } = getComputedStyle(element)
    const says = element.title || element.querySelector('[title]') || element.closest('[title]')
    if (overflowX !== 'visible' && !scrolls(element) && element.scrollWidth > element.clientWidth + 1 && !says) lost.push('cut: ' + name(element))
    let box = element
    while (box && !scrolls(box)) box = box.parentElement
    const { left, right } = element.getBoundingClientRect()
    if (!box && (left < -1 || right > innerWidth + 1)) lost.push('beside the window: ' + name(element))
  }
  return lost
})()`)

async function expectWhole(page: Page, what: string): Promise<void> {
  expect(await overflowOf(page), what).toBe(0)
  expect(await lostOn(page), what).toEqual([])
}

test('at a zoom of 200 % no page scrolls sideways and nothing is cut', async ({ page, server }) => {
  await page.goto('/')
  await expect(page.getByRole('heading', { name: 'Bring in your first file' })).toBeVisible()
  await expectWhole(page, 'the empty home page')
  await chooseFiles(page, join(import.meta.dirname, '../data/sample-findings.csv'))
  await expect(page.getByRole('button', { name: 'Start import' })).toBeEnabled()
  await expectWhole(page, 'the preview')

  const { sessionId } = await server.import(SAMPLE, { filename: 'a-file-with-quite-a-long-name-that-has-no-room-in-a-narrow-window-2026.csv', options: { table: 'findings' } })
  await server.import('a,b\n1,2\n1,2,3\n', { filename: 'rejected.csv' })
  const failed = await server.upload('\n', { filename: 'blank.csv' })
  await server.outcome(failed.body.sessionId)
  const { name } = await backupOf(server)
  await server.import('host\na\n', { filename: 'hosts.csv' })
  for (const [path, ready] of [
    ['/', 'All tables'], ['/imports', 'Every file that came in'], ['/imports?q=nothing', 'No import matches'], ['/backups', name], ['/sql', 'Ask your tables'],
    ['/sql?sql=SELECT+*+FROM+findings', 'rows in'], ['/sql?sql=SELECT+*+FORM+findings', 'syntax error'], ['/tables/findings', 'Rows 1 to'], ['/tables/findings?q=zzz', 'No rows match'],
    ['/tables/findings?row=3', 'Copy as CSV'], ['/nowhere', 'There is nothing at this address'], [`/imports?import=${sessionId}`, 'adds up'],
    [`/?import=${failed.body.sessionId}`, 'What you can do'],
  ] as const) {
    await page.goto(path)
    await expect(page.getByText(ready).first()).toBeVisible()
    await expectWhole(page, path)
  }
  await page.goto('/backups')
  await restoreButton(page, name).click()
  await expect(dialogOf(page).getByRole('button', { name: 'Replace the database' })).toBeVisible()
  await expectWhole(page, 'the question before a restore')
})

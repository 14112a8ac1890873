import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright/test'
import { dialogOf } from './support/app.ts'
import { violationsOf } from './support/axe.ts'
import { expect, test } from './support/test.ts'

const SAMPLE = join(import.meta.dirname, '../data/sample-findings.csv')

/** Press Tab until the element has the focus, as somebody without a mouse does. */
async function tabTo(page: Page, element: Locator): Promise<void> {
  for (let presses = 0; presses < 500; presses++) {
    if (await element.and(page.locator(':focus')).count() > 0) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`${String(element)} cannot be reached by Tab`)
}

test('a file is imported, looked at and taken back by keyboard alone', async ({ page, server }) => {
  // A dialog that opens before the browser knows that it is waited for is lost.
  const chooser = page.waitForEvent('filechooser')
  await page.goto('/')
  await expect(page.getByRole('heading', { name: 'Bring in your first file' })).toBeVisible()
  await tabTo(page, page.getByLabel('Choose file'))
  await page.keyboard.press('Enter')
  await (await chooser).setFiles(SAMPLE)
  const start = page.getByRole('button', { name: 'Start import' })
  await expect(start).toBeEnabled()
  await tabTo(page, start)
  await page.keyboard.press('Enter')
  const dialog = dialogOf(page)
  await expect(dialog.getByRole('heading', { name: 'Created sample-findings' })).toBeFocused()
  await tabTo(page, dialog.getByRole('link', { name: 'Open table' }))
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { level: 1, name: 'sample-findings' })).toBeFocused()

  await tabTo(page, page.getByRole('link', { name: 'Imports', exact: true }))
  await page.keyboard.press('Enter')
  const undo = page.getByRole('button', { name: 'Undo import 1' })
  await expect(undo).toBeVisible()
  await tabTo(page, undo)
  await page.keyboard.press('Enter')
  await expect(dialog.getByRole('button', { name: 'Keep the import' })).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(dialog).toBeHidden()
  await expect(undo).toBeFocused()
  await page.keyboard.press('Enter')
  await tabTo(page, dialog.getByRole('button', { name: 'Undo import' }))
  await page.keyboard.press('Enter')
  await expect(page.getByRole('row', { name: /sample-findings/ })).toContainText('Undone')
  expect((await server.get('/api/tables')).body).toEqual([])
})

test('with forced colours and without motion every page is there, and axe finds nothing', async ({ page, server }) => {
  await server.import(await readFile(SAMPLE, 'utf8'), { filename: 'findings.csv' })
  await page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' })
  for (const [path, ready] of [['/', 'All tables'], ['/imports', 'Every file that came in'], ['/tables/findings', 'Rows 1 to'], ['/sql', 'Ask your tables']] as const) {
    await page.goto(path)
    await expect(page.getByText(ready).first()).toBeVisible()
    expect(await violationsOf(page), path).toEqual([])
    expect(await page.evaluate('document.getAnimations().length'), path).toBe(0)
  }
  // The bar of what became of the rows is not drawn over by the system's one colour.
  await page.goto('/imports')
  await expect(page.locator('.meter i').first()).toBeAttached()
  const [bar, track] = await page.evaluate<string[]>(`[document.querySelector('.meter i'), document.querySelector('.meter')].map((part) => getComputedStyle(part).backgroundColor)`)
  expect(bar).not.toBe(track)
})

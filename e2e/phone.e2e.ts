import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright/test'
import { chooseFiles, dialogOf, expectReceipt, importFile, standsStill, startImport } from './support/app.ts'
import { overflowOf } from './support/axe.ts'
import { expect, test } from './support/test.ts'
import { PATIENT } from '../server/test/write-lock.ts'

test.use({ settings: PATIENT, viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })

const SAMPLE = await readFile(join(import.meta.dirname, '../data/sample-findings.csv'))

/** In a dialog a finger needs 44 pixels. */
const FINGER = 44

/** Nothing is wider than the screen, and what is to be pressed lies on it. */
async function expectFits(page: Page, ...pressed: Locator[]): Promise<void> {
  expect(await overflowOf(page)).toBe(0)
  for (const control of pressed) {
    await control.scrollIntoViewIfNeeded()
    const box = (await control.boundingBox())!
    expect(box.x, String(control)).toBeGreaterThanOrEqual(0)
    expect(box.x + box.width, String(control)).toBeLessThanOrEqual(390)
  }
}

test('on a phone a file is chosen, imported, put aside, looked at and taken back by touch', async ({ page, server, makeFile, holdImport }) => {
  await server.import(SAMPLE, { filename: 'findings.csv' })
  const file = await makeFile(200_000)
  const lock = holdImport(60_000)
  await page.goto('/')
  await expect(page.getByRole('heading', { level: 1, name: 'Tables' })).toBeVisible()
  await expectFits(page, page.getByText('Choose file'), page.getByRole('link', { name: 'findings' }))
  await chooseFiles(page, file.path)
  const start = page.getByRole('button', { name: 'Start import' })
  await expect(start).toBeEnabled()
  await expectFits(page, start, page.getByRole('combobox', { name: 'Delimiter' }))
  await startImport(page)
  await standsStill(page, lock)

  const dialog = dialogOf(page)
  const aside = dialog.getByRole('button', { name: 'Continue in background' })
  for (const button of [aside, dialog.getByRole('button', { name: 'Cancel import' })]) {
    await expectFits(page, button)
    expect((await button.boundingBox())!.height).toBeGreaterThanOrEqual(FINGER)
  }
  await aside.tap()
  await expect(dialog).toBeHidden()
  const pill = page.getByRole('button', { name: /Show all$/ })
  await pill.tap()
  const panel = page.getByRole('region', { name: 'Imports of this tab' })
  await expectFits(page, pill, panel, panel.getByRole('button', { name: 'Show' }))
  await panel.getByRole('button', { name: 'Show' }).tap()
  await lock.release()
  await expectReceipt(page, file.table, file.rows)
  await expectFits(page, dialog.getByRole('button', { name: 'Undo import' }), dialog.getByRole('link', { name: 'Open table' }))

  await dialog.getByRole('link', { name: 'Open table' }).tap()
  await expect(page.getByRole('heading', { level: 1, name: file.table })).toBeVisible()
  await expectFits(page, page.getByRole('searchbox', { name: 'Search all columns' }), page.getByRole('button', { name: 'Columns' }), page.getByRole('button', { name: 'Next page' }))
  await page.getByRole('button', { name: /show row$/ }).first().tap()
  const row = page.getByRole('complementary', { name: 'Row detail' })
  await expectFits(page, row, row.getByRole('button', { name: 'Close row' }))
  await row.getByRole('button', { name: 'Close row' }).tap()
  await expect(row).toBeHidden()

  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Imports' }).tap()
  const undo = page.getByRole('button', { name: 'Undo import 2' })
  await expect(undo).toBeVisible()
  await expectFits(page, undo, page.getByRole('button', { name: 'Receipt of import 2' }))
  await undo.tap()
  const sure = dialog.getByRole('button', { name: 'Undo import' })
  await expectFits(page, sure, dialog.getByRole('button', { name: 'Keep the import' }))
  expect((await sure.boundingBox())!.height).toBeGreaterThanOrEqual(FINGER)
  await sure.tap()
  await expect(page.getByRole('row', { name: file.name })).toContainText('Undone')
  expect((await server.get<{ name: string }[]>('/api/tables')).body.map(({ name }) => name)).toEqual(['findings'])
})

test('on a small phone neither long names nor large numbers take the screen', async ({ page, server }) => {
  await page.setViewportSize({ width: 320, height: 640 })
  const filename = 'quarterly-vulnerability-export-of-all-sites-including-the-decommissioned-ones-2026-w47-final-corrected.csv'
  await page.goto('/')
  await chooseFiles(page, { name: filename, mimeType: 'text/csv', buffer: SAMPLE })
  await expect(page.getByRole('button', { name: 'Start import' })).toBeEnabled()
  await expect(page.locator('.plan')).toContainText('with 15 columns.')
  expect((await page.locator('.sheet-foot').boundingBox())!.height).toBeLessThan(640 / 4)

  await server.import(SAMPLE, { filename: 'findings.csv' })
  await page.goto('/tables/findings')
  const pager = page.locator('.pager')
  await expect(pager).toContainText('of 50')
  // As high as on a page whose numbers are short: one line of words.
  const { height } = (await pager.getByText('Rows 1 to 100').boundingBox())!
  expect(height).toBeLessThan(24)
  await expect(page.getByText('5,000 rows, 15 columns')).toBeVisible()
  // Nothing is left below it, and nothing has to be scrolled to.
  const box = (await pager.boundingBox())!
  expect(Math.round(box.y + box.height)).toBe(640)
})

test('on a small phone what a running import says is safe is whole, and the fields of menus are for fingers', async ({ page, server, makeFile, holdImport }) => {
  await page.setViewportSize({ width: 320, height: 640 })
  await server.import(SAMPLE, { filename: 'findings.csv' })
  const file = await makeFile(200_000)
  const lock = holdImport(60_000)
  await page.goto('/')
  await importFile(page, file.path)
  await standsStill(page, lock)
  const dialog = dialogOf(page)
  await expect(dialog).toContainText('You can cancel until then.')
  const bottomOf = async (part: Locator): Promise<number> => {
    const { y, height } = (await part.boundingBox())!
    return y + height
  }
  expect(await bottomOf(dialog.locator('[data-ref=notice]'))).toBeLessThanOrEqual(await bottomOf(dialog.locator('[data-ref=body]')))
  await lock.release()
  await expectReceipt(page, file.table, file.rows)

  await page.goto('/tables/findings')
  await page.getByRole('button', { name: 'Add filter' }).tap()
  const menu = page.locator('.menu:popover-open')
  for (const control of [menu.getByLabel('Column'), menu.getByLabel('Condition'), menu.getByLabel('Value'), menu.getByRole('button', { name: 'Apply filter' })]) {
    expect((await control.boundingBox())!.height, String(control)).toBeGreaterThanOrEqual(FINGER)
  }
})

test('on a small phone a menu names its column, a row that is opened is in sight, and a receipt has long names whole', async ({ page, server }) => {
  await page.setViewportSize({ width: 320, height: 640 })
  const table = 'quarterly-vulnerability-export-of-all-sites-including-the-decommissioned-ones-2026-w47'
  const { sessionId } = await server.import(SAMPLE, { filename: `${table}.csv` })
  await page.goto(`/tables/${table}`)
  await page.getByRole('columnheader', { name: 'finding_id' }).getByRole('button').tap()
  await expect(page.getByRole('dialog', { name: 'Column finding_id' }).getByText('finding_id', { exact: true })).toBeInViewport({ ratio: 1 })

  await page.goto(`/sql?${new URLSearchParams({ sql: `SELECT * FROM "${table}"` }).toString()}`)
  await page.getByRole('button', { name: /show row$/ }).first().tap()
  await expect(page.getByRole('complementary', { name: 'Row detail' })).toBeInViewport({ ratio: 1 })

  await page.goto(`/imports?import=${sessionId}`)
  for (const name of [`${table}.csv`, table]) {
    const whole = dialogOf(page).getByText(name, { exact: true })
    await whole.scrollIntoViewIfNeeded()
    await expect(whole).toBeInViewport({ ratio: 1 })
  }
})

test('on a small phone what fails while a dialog is open is said in front of it, can be dismissed there, and is not lost with it', async ({ page, server }) => {
  await server.import('a\n1\n', { filename: 'one.csv' })
  await page.goto('/imports')
  await page.getByRole('button', { name: 'Receipt of import 1' }).tap()
  await page.route('**/api/tables/one', (route) => route.abort())
  const undo = dialogOf(page).getByRole('button', { name: 'Undo import', exact: true })
  const note = page.getByRole('alert').filter({ hasText: 'The import cannot be undone now' })
  await undo.tap()
  await note.getByRole('button', { name: 'Dismiss' }).tap()
  await expect(note).toBeHidden()
  await undo.tap()
  await expect(note).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(dialogOf(page)).toBeHidden()
  await expect(note).toBeVisible()
  await note.getByRole('button', { name: 'Dismiss' }).tap()
  await expect(note).toBeHidden()
})

test('a name that is written from the right is cut at its end', async ({ page, server }) => {
  const name = 'تقرير المبيعات السنوي النهائي لكل الفروع والمخازن'
  await server.import('a\n1\n', { filename: `${name}.csv` })
  /** Whether of each of these, all too long for their place, the first letter is in it. */
  const begin = (selector: string) => page.evaluate<boolean[]>(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((element) => {
    const range = document.createRange()
    range.setStart(element.firstChild, 0)
    range.setEnd(element.firstChild, 1)
    const [letter, box] = [range.getBoundingClientRect(), element.getBoundingClientRect()]
    return element.scrollWidth > element.clientWidth && letter.left >= box.left && letter.right <= box.right + 1
  })`)
  await page.goto('/imports')
  await expect.poll(() => begin('.route .truncate')).toEqual([true, true])
  await page.goto(`/tables/${encodeURIComponent(name)}`)
  await expect.poll(() => begin('h1')).toEqual([true])
})

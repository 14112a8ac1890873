import { truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright/test'
import type { TestServer } from '../server/test/support.ts'
import { barOf, chooseFiles, dialogOf, expectReceipt, giveFiles, importFile, standsStill, textFile } from './support/app.ts'
import { overflowOf, violationsOf } from './support/axe.ts'
import { backupOf, backupsOf, closeReceipt, expectOutcome, restoreButton } from './support/backups.ts'
import { expect, test } from './support/test.ts'
import { PATIENT } from '../server/test/write-lock.ts'

test.use({ settings: PATIENT, contextOptions: { reducedMotion: 'reduce' } })

/** In both themes, wide and narrow; and at 320 pixels, which is 1280 at a zoom of 400%, nothing sticks out either. */
async function expectAccessible(page: Page): Promise<void> {
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      expect(await violationsOf(page), `${colorScheme}, ${width} px`).toEqual([])
    }
  }
  for (const width of [390, 320]) {
    await page.setViewportSize({ width, height: 800 })
    expect(await overflowOf(page), `${width} px`).toBe(0)
  }
  await page.setViewportSize({ width: 1280, height: 800 })
}

/** Names that are long, a table that is wide, rows that do not fit and an import that failed. @returns the wide table */
async function fill(server: TestServer): Promise<string> {
  await server.import('a_rather_long_column_name,other\n1,with "quotes"\n2,\n', { filename: 'a-file-with-quite-a-long-name-that-has-no-room-on-a-phone.csv' })
  const wide = Array.from({ length: 14 }, (_, index) => `column ${index}`)
  const { table } = await server.import(`${wide.join(',')}\n${`${wide.map(() => '1.5').join(',')}\n`.repeat(8)}too,few\n${'9,'.repeat(20)}9\n`, { filename: 'wide.csv' })
  const failed = await server.upload('\n', { filename: 'blank.csv' })
  await server.outcome(failed.body.sessionId)
  return table
}

test('the empty and the filled home page are accessible', async ({ page, server }) => {
  await page.goto('/')
  await expect(page.getByRole('heading', { name: 'Bring in your first file' })).toBeVisible()
  await expectAccessible(page)

  await fill(server)
  await page.reload()
  await expect(page.getByRole('heading', { level: 1, name: 'Tables' })).toBeVisible()
  await expectAccessible(page)
})

test('the history, the table and a row of it are accessible', async ({ page, server }) => {
  const table = await fill(server)
  await page.goto('/imports')
  await expect(page.getByRole('heading', { level: 1, name: 'Imports' })).toBeVisible()
  await expect(page.getByRole('row', { name: 'blank.csv' })).toContainText('Failed')
  await expectAccessible(page)

  await page.goto(`/tables/${table}?sort=-${encodeURIComponent('column 1')}`)
  await expect(page.getByRole('heading', { level: 1, name: table })).toBeVisible()
  await expectAccessible(page)
  await page.getByRole('button', { name: /show row$/ }).first().click()
  await expectAccessible(page)
  await page.goto('/tables/none')
  await expect(page.getByRole('heading', { level: 1 })).toContainText('There is no table called')
  await expectAccessible(page)
})

test('the menus of a table, what is asked before it changes, and the undo of an import are accessible', async ({ page, server }) => {
  const table = await fill(server)
  await page.goto(`/tables/${table}?${new URLSearchParams({ 'filter[column 1]': 'gt:1' }).toString()}`)
  await expect(page.getByText('Rows 1 to').first()).toBeVisible()
  for (const button of ['column 2', 'Add filter', 'Columns', 'Export']) {
    await page.getByRole('button', { name: button, exact: button !== 'column 2' }).first().click()
    await expect(page.locator('.menu:popover-open')).toBeVisible()
    await expectAccessible(page)
    await page.keyboard.press('Escape')
  }
  for (const button of ['Rename table', 'Delete table']) {
    await page.getByRole('button', { name: button }).click()
    await expect(dialogOf(page)).toBeVisible()
    await expectAccessible(page)
    await page.keyboard.press('Escape')
  }
  await page.goto('/imports?q=nothing+is+called+this')
  await expect(page.getByText('No import matches.')).toBeVisible()
  await expectAccessible(page)
  await page.goto('/imports')
  await page.getByRole('button', { name: /^Undo import/ }).first().click()
  await expect(dialogOf(page).getByRole('button', { name: 'Undo import' })).toBeVisible()
  await expectAccessible(page)
})

test('pages that could not be shown, toasts and files over the window are accessible', async ({ page }) => {
  await page.goto('/nowhere')
  await expect(page.getByRole('heading', { level: 1, name: 'There is nothing at this address' })).toBeVisible()
  await expectAccessible(page)
  await giveFiles(page, 'hold', [{ name: 'a.csv', text: 'a\n1\n' }])
  await expect(page.getByText('Let go to preview the file')).toBeVisible()
  await expectAccessible(page)
  await giveFiles(page, 'drop', [{ name: 'a.csv', text: 'a\n1\n' }, { name: 'b.csv', text: 'b\n1\n' }])
  await expect(page.getByRole('region', { name: 'Notifications' })).toContainText('Importing 2 files')
  await expect(page.getByRole('button', { name: 'Done. Imports: 2 done. Show all' })).toBeVisible()
  await expectAccessible(page)

  await page.route('**/api/tables', (route) => route.fulfill({ status: 500, contentType: 'application/problem+json', body: '{"code":"INTERNAL","detail":"Something broke on the server."}' }))
  await page.goto('/')
  await expect(page.getByRole('heading', { level: 1, name: 'This page could not be shown' })).toBeVisible()
  await expectAccessible(page)
  await page.route('**/api/**', (route) => route.abort())
  await page.goto('/')
  await expect(page.getByRole('heading', { level: 1, name: 'The server is not answering' })).toBeVisible()
  await expectAccessible(page)
})

test('the preview, the dialog while importing, its question and the receipt are accessible', async ({ page, makeFile, holdImport }) => {
  const file = await makeFile(200_000)
  const lock = holdImport(60_000)
  await page.goto('/')
  await chooseFiles(page, file.path)
  await expect(page.getByRole('button', { name: 'Start import' })).toBeEnabled()
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Start import' }).click()
  await standsStill(page, lock)
  await expectAccessible(page)
  await dialogOf(page).getByRole('button', { name: 'Cancel import' }).click()
  await expectAccessible(page)
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Imports: 1 running. Show all' }).click()
  await expect(page.getByRole('region', { name: 'Imports of this tab' })).toContainText(file.name)
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Show' }).filter({ hasText: file.name }).click()
  await lock.release()
  await expectReceipt(page, file.table, file.rows)
  await expectAccessible(page)
})

test('the failure and the refusal are accessible', async ({ page }) => {
  await page.goto('/')
  await chooseFiles(page, textFile('nothing.csv', ''))
  await expect(page.getByRole('main').getByRole('alert')).toContainText('nothing.csv is empty.')
  await expectAccessible(page)
  await importFile(page, textFile('a-file-with-quite-a-long-name-that-has-no-room-on-a-phone.csv', 'x'.repeat(20_000_000)))
  await expect(dialogOf(page).getByRole('heading', { name: 'A row is too large' })).toBeFocused()
  await expectAccessible(page)
  await dialogOf(page).getByText('Details', { exact: false }).first().click()
  await expectAccessible(page)
})

test('the backups, without any and with one that is damaged, and what is no backup are accessible', async ({ page, server }) => {
  await page.goto('/backups')
  await expect(page.getByRole('heading', { name: 'No backup yet' })).toBeVisible()
  await expectAccessible(page)

  await fill(server)
  const { name } = await backupOf(server)
  await truncate(join(server.dataDir, 'backups', name), 8192)
  const { name: good } = await backupOf(server)
  await page.reload()
  await expect(page.getByRole('row', { name: good })).toContainText('Verified')
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Upload a backup…' }).click()
  await (await chooser).setFiles(textFile('a-file-with-quite-a-long-name-that-has-no-room-on-a-phone.csv', 'a,b\n'))
  await expect(page.getByRole('main').getByRole('alert')).toContainText('is not a HexTrackr backup.')
  await expectAccessible(page)
  await page.getByRole('button', { name: `Delete ${good}` }).click()
  await expectAccessible(page)
})

test('the receipt of a backup, the question before a restore, the restore and its outcomes are accessible', async ({ page, server, holdImport }) => {
  await server.import('a,b\n1,2\n', { filename: 'a-table-with-quite-a-long-name-that-has-no-room-on-a-phone.csv' })
  await page.goto('/backups')
  await page.getByRole('button', { name: 'Back up now' }).click()
  await expectOutcome(page, 'Backup done')
  await dialogOf(page).getByText('SHA-256').click()
  await expectAccessible(page)
  await closeReceipt(page)

  const [{ name } = { name: '' }] = await backupsOf(server)
  await fill(server)
  const lock = holdImport(0)
  await lock.held
  await restoreButton(page, name).click()
  await expectAccessible(page)
  await dialogOf(page).getByRole('button', { name: 'Replace the database' }).click()
  await expect(barOf(page, 'Restore')).toHaveAttribute('aria-valuenow', '30')
  await expectAccessible(page)
  await dialogOf(page).getByRole('button', { name: 'Stop and keep the current database' }).click()
  await expectAccessible(page)
  await page.keyboard.press('Escape')
  await lock.release()
  await expectOutcome(page, 'Database restored')
  await expectAccessible(page)
})

import type { Page } from 'playwright/test'
import { dialogOf, giveFiles, importFile, ledgerOf, standsStill, startImport, textFile } from './support/app.ts'
import { expect, test, type GeneratedFile } from './support/test.ts'
import { PATIENT, type WriteLock } from '../server/test/write-lock.ts'

test.use({ settings: PATIENT })

const NAMES = ['one.csv', 'two.csv', 'three.csv']

test('three files dropped together all end in tables, and the history lists them', async ({ page, server }) => {
  await page.goto('/')
  await expect(page.getByRole('heading', { name: 'Bring in your first file' })).toBeVisible()
  await giveFiles(page, 'drop', NAMES.map((name, index) => ({ name, text: `id,text\n${Array.from({ length: index + 1 }, (_, row) => `${row},${name}\n`).join('')}` })))
  const panel = page.getByRole('region', { name: 'Imports of this tab' })
  await expect(panel.getByRole('listitem')).toHaveCount(3)
  await expect(page.getByRole('banner').getByRole('button', { name: 'Imports: 3 done. Show all' })).toContainText('Done')
  for (const [index, name] of NAMES.entries()) {
    await expect(panel.getByRole('listitem').filter({ hasText: name })).toContainText(index === 0 ? '1 row in, 0 rejected' : `${index + 1} rows in, 0 rejected`)
  }
  await expect(page.getByRole('heading', { level: 1, name: 'Tables' })).toBeVisible()
  await expect(page.getByText('3 tables, 6 rows')).toBeVisible()

  // Newest first is by the number each got as it arrived.
  const history = (await server.get<{ number: number, filename: string, status: string }[]>('/api/imports')).body
  expect(history.map(({ number }) => number)).toEqual([3, 2, 1])
  expect(history.map(({ filename }) => filename).toSorted()).toEqual(NAMES.toSorted())
  const recent = page.getByRole('region', { name: 'Recent imports' })
  await expect(recent.getByRole('listitem').getByRole('button')).toHaveText(history.map(({ filename }) => filename))
  await panel.getByRole('link', { name: 'All imports' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Imports' })).toBeFocused()
  const rows = page.getByRole('table', { name: 'All imports' }).locator('tbody tr')
  await expect(rows).toContainText(history.map(({ number, filename }) => new RegExp(`#${number}[\\s\\S]*${filename}[\\s\\S]*Completed`)))
  await page.getByRole('button', { name: 'Receipt of import 2' }).click()
  await expect(dialogOf(page)).toContainText(history[1]!.filename)
  await expect(dialogOf(page)).toContainText('adds up')
})

/** Import a file that then stands still, and put its dialog away. */
async function importBehind(page: Page, file: GeneratedFile, lock: WriteLock): Promise<void> {
  await page.goto('/')
  await importFile(page, file.path)
  await lock.held
  // It may be held before its dialog is there, which Escape would not put aside.
  await expect(dialogOf(page)).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(dialogOf(page)).toBeHidden()
}

test('the first file is followed on the page that has no table yet', async ({ page, makeFile, holdImport }) => {
  const file = await makeFile(100_000)
  await importBehind(page, file, holdImport(1))
  await expect(page.getByRole('heading', { name: 'Bring in your first file' })).toBeVisible()
  await expect(page.getByRole('region', { name: 'Recent imports' }).getByRole('listitem').filter({ hasText: file.name })).toContainText('Importing, ')
})

test.describe('where one import runs at a time', () => {
  test.use({ settings: { ...PATIENT, MAX_RUNNING_IMPORTS: '1' } })

  test('one that waits says so among the recent ones, and shows no progress', async ({ page, makeFile, holdImport }) => {
    await importBehind(page, await makeFile(100_000), holdImport(1))
    await importFile(page, textFile('late.csv', 'a,b\n1,2\n'))
    await expect(dialogOf(page)).toContainText('Waiting its turn')
    await page.keyboard.press('Escape')
    const late = page.getByRole('region', { name: 'Recent imports' }).getByRole('listitem').filter({ hasText: 'late.csv' })
    await expect(late).toContainText('Waiting its turn, 1 ahead')
    await expect(late).not.toContainText('%', { useInnerText: true })
    await expect(late.locator('.mini')).toBeHidden()
  })
})

test('ten files dropped at once end in ten receipts, each opened from the panel, while the page is worked with', async ({ page, server }) => {
  await page.goto('/imports')
  await expect(page.getByText('Nothing has been imported yet.')).toBeVisible()
  const files = Array.from({ length: 10 }, (_, index) => ({
    // Every third one has a row that does not fit.
    name: `site_${index}.csv`, text: `id,host\n${Array.from({ length: 500 + index }, (_row, row) => `${row},host-${index}-${row}\n`).join('')}${index % 3 === 0 ? '9,too,many\n' : ''}`,
  }))
  await giveFiles(page, 'drop', files)
  const panel = page.getByRole('region', { name: 'Imports of this tab' })
  await expect(panel.getByRole('listitem')).toHaveCount(10)
  const pill = page.getByRole('banner').getByRole('button', { name: /Imports: .*Show all$/ })
  // Meanwhile another page is looked at.
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'SQL' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'SQL' })).toBeFocused()
  await expect(pill).toHaveAccessibleName('Done. Imports: 10 done. Show all')

  const dialog = dialogOf(page)
  for (const [index, { name }] of files.entries()) {
    await pill.click()
    await panel.getByRole('button', { name: `Receipt of ${name}` }).click()
    await expect(dialog.getByRole('heading', { name: `Created site_${index}`, exact: true })).toBeFocused()
    const rejected = index % 3 === 0 ? 1 : 0
    expect(Object.values(await ledgerOf(page))).toEqual([`${500 + index}`, `${rejected}`, `${500 + index + rejected}`])
    await expect(dialog).toContainText('adds up')
    await page.keyboard.press('Escape')
    await expect(dialog).toBeHidden()
  }
  expect((await server.get<{ name: string, rows: number }[]>('/api/tables')).body.map(({ name, rows }) => [name, rows]))
    .toEqual(files.map(({ name }, index) => [name.replace('.csv', ''), 500 + index]))
})

test('the pill counts what runs, and its panel lists the newest first', async ({ page, holdImport, makeFile }) => {
  const file = await makeFile(200_000)
  const lock = holdImport(60_000)
  await page.goto('/')
  await page.getByLabel('Choose file').setInputFiles(file.path)
  await startImport(page)
  await standsStill(page, lock)
  await page.keyboard.press('Escape')
  await giveFiles(page, 'drop', NAMES.map((name) => ({ name, text: 'id\n1\n' })))
  const pill = page.getByRole('banner').getByRole('button', { name: /Imports: / })
  await expect(pill).toContainText('3 more')
  await expect(pill).toHaveAccessibleName(/Imports: \d running/)
  const items = page.getByRole('region', { name: 'Imports of this tab' }).getByRole('listitem')
  const newestFirst = ['three.csv', 'two.csv', 'one.csv', file.name]
  await expect(items).toContainText(newestFirst)
  await lock.release()
  await expect(pill).toHaveAccessibleName('Done. Imports: 4 done. Show all')
  await expect(items).toContainText(newestFirst)

  await page.reload()
  await pill.click()
  await expect(items).toContainText(newestFirst)
  await page.getByRole('button', { name: 'Clear finished' }).click()
  await expect(pill).toBeHidden()
  await expect(items).toHaveCount(0)
})

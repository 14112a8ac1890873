import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import type { Page } from 'playwright/test'
import { dialogOf, gridOf } from './support/app.ts'
import { expect, test } from './support/test.ts'

const SAMPLE = await readFile(join(import.meta.dirname, '../data/sample-findings.csv'), 'utf8')
const RECORDS: string[][] = parse(SAMPLE)
const [HEADER = [], ...ROWS] = RECORDS
const CVSS = HEADER.indexOf('cvss')
const OWNER = HEADER.indexOf('owner')

test.beforeEach(async ({ page, server }) => {
  await server.import(SAMPLE, { filename: 'findings.csv' })
  await page.goto('/')
  await page.getByRole('link', { name: 'findings', exact: true }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'findings' })).toBeFocused()
})

const column = async (page: Page, position: number): Promise<(string | undefined)[]> => (await gridOf(page)).map((cells) => cells[position])
const pager = (page: Page) => page.locator('.pager')
const firstCell = (page: Page) => page.getByRole('table').locator('tbody th').first()

test('a column is sorted up, down and not at all, and the address says how', async ({ page }) => {
  const cvss = page.getByRole('columnheader', { name: 'cvss' })
  const scores = ROWS.map((row) => row[CVSS]).filter((score) => score !== '')
  await cvss.getByRole('button').click()
  await expect(cvss).toHaveAttribute('aria-sort', 'ascending')
  await expect(page).toHaveURL('/tables/findings?sort=cvss')
  await cvss.getByRole('button').click()
  await expect(cvss).toHaveAttribute('aria-sort', 'descending')
  await expect(page).toHaveURL('/tables/findings?sort=-cvss')
  await expect(page.getByRole('status').filter({ hasText: 'Sorted by cvss, descending.' })).toHaveCount(1)
  const highest = scores.toSorted((a, b) => Number(b) - Number(a)).slice(0, 100)
  await expect.poll(() => column(page, CVSS)).toEqual(highest)
  await cvss.getByRole('button').click()
  await expect(cvss).not.toHaveAttribute('aria-sort')
  await expect(page).toHaveURL('/tables/findings')
  await expect(firstCell(page)).toHaveText(ROWS[0]![0]!)
})

test('a search shows what contains it, counts it and can be cleared', async ({ page }) => {
  const word = 'Payments'
  const matching = ROWS.filter((row) => row.some((cell) => cell.toLowerCase().includes(word.toLowerCase())))
  const search = page.getByRole('searchbox', { name: 'Search all columns' })
  await search.fill(word)
  await expect(page.getByText(`${matching.length.toLocaleString('en-US')} of 5,000 rows`)).toBeVisible()
  await expect(page).toHaveURL(`/tables/findings?q=${word}`)
  expect(await column(page, 0)).toEqual(matching.slice(0, 100).map((row) => row[0]))
  expect(matching.some((row) => row[OWNER] === word)).toBe(true)
  await search.fill('no such thing anywhere')
  await expect(page.getByRole('heading', { name: 'No rows match' })).toBeVisible()
  await page.getByRole('button', { name: 'Clear search' }).click()
  await expect(search).toBeFocused()
  await expect(pager(page)).toContainText('of 5,000')
})

test('pages are turned, the address keeps the place, and back goes back', async ({ page }) => {
  const go = (name: string) => page.getByRole('button', { name, exact: true }).click()
  await expect(pager(page)).toContainText('Rows 1 to 100 of 5,000')
  await go('Next page')
  await expect(pager(page)).toContainText('Rows 101 to 200')
  await expect(firstCell(page)).toHaveText(ROWS[100]![0]!)
  await go('Last page')
  await expect(pager(page)).toContainText('Rows 4,901 to 5,000')
  await expect(page).toHaveURL('/tables/findings?page=50')
  await expect(page.getByRole('button', { name: 'Next page' })).toHaveAttribute('aria-disabled', 'true')
  await page.getByRole('textbox', { name: 'Page' }).fill('7')
  await page.keyboard.press('Enter')
  await expect(firstCell(page)).toHaveText(ROWS[600]![0]!)

  await page.reload()
  await expect(pager(page)).toContainText('Rows 601 to 700')
  await page.goBack()
  await expect(pager(page)).toContainText('Rows 4,901 to 5,000')
  await page.goBack()
  await expect(pager(page)).toContainText('Rows 101 to 200')
  await page.goBack()
  await expect(pager(page)).toContainText('Rows 1 to 100')
  await page.goBack()
  await expect(page.getByRole('heading', { level: 1, name: 'Tables' })).toBeVisible()
  await page.goForward()
  await expect(pager(page)).toContainText('Rows 1 to 100 of 5,000')
  await page.goto('/tables/findings?page=999')
  await expect(pager(page)).toContainText('Rows 4,901 to 5,000')
  await expect(page).toHaveURL('/tables/findings?page=50')
})

test('the export holds every cell of the file as it was', async ({ page }) => {
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Export CSV' }).click()
  expect((await download).suggestedFilename()).toBe('findings.csv')
  const text = await readFile(await (await download).path(), 'utf8')
  expect(parse(text)).toEqual(RECORDS)
})

test('the export of a sorted search holds just that', async ({ page }) => {
  await page.getByRole('searchbox', { name: 'Search all columns' }).fill('Payments')
  await expect(page).toHaveURL('/tables/findings?q=Payments')
  await page.getByRole('columnheader', { name: 'finding_id' }).getByRole('button').click()
  await page.getByRole('columnheader', { name: 'finding_id' }).getByRole('button').click()
  await expect(page).toHaveURL(/sort=-finding_id/)
  await expect(page.getByRole('columnheader', { name: 'finding_id' })).toHaveAttribute('aria-sort', 'descending')
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Export CSV' }).click()
  const exported: string[][] = parse(await readFile(await (await download).path(), 'utf8'))
  expect(exported).toEqual([HEADER, ...ROWS.filter((row) => row.some((cell) => cell.toLowerCase().includes('payments'))).reverse()])
})

test('a table is deleted after being asked, and only then', async ({ page, server }) => {
  await page.getByRole('button', { name: 'Delete table' }).click()
  const dialog = dialogOf(page)
  await expect(dialog).toContainText('The table and its 5,000 rows go.')
  const keep = dialog.getByRole('button', { name: 'Keep the table' })
  await expect(keep).toBeFocused()
  await keep.click()
  await expect(dialog).toBeHidden()
  await page.getByRole('button', { name: 'Delete table' }).click()
  await page.keyboard.press('Escape')
  await expect(dialog).toBeHidden()
  expect((await server.table('findings')).rows).toBe(5000)

  await page.getByRole('button', { name: 'Delete table' }).click()
  await dialog.getByRole('button', { name: 'Delete table' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Bring in your first file' })).toBeVisible()
  await expect(page.getByRole('region', { name: 'Notifications' })).toContainText('Deleted findings')
  expect((await server.get('/api/tables')).body).toEqual([])
  await page.goto('/tables/findings')
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('There is no table called findings')
})

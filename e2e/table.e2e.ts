import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import type { Locator, Page } from 'playwright/test'
import { dialogOf, gridOf } from './support/app.ts'
import { holdAnswer } from './support/network.ts'
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

/** Opens what can be done with a column. */
async function openMenu(page: Page, name: string): Promise<Locator> {
  await page.getByRole('columnheader', { name }).getByRole('button').click()
  const menu = page.getByRole('dialog', { name: `Column ${name}` })
  await expect(menu).toBeVisible()
  return menu
}

test('a column is sorted up, down and not at all, and the address says how', async ({ page }) => {
  const cvss = page.getByRole('columnheader', { name: 'cvss' })
  const scores = ROWS.map((row) => row[CVSS]).filter((score) => score !== '')
  await (await openMenu(page, 'cvss')).getByRole('button', { name: 'Sort low to high' }).click()
  await expect(cvss).toHaveAttribute('aria-sort', 'ascending')
  await expect(page).toHaveURL('/tables/findings?sort=cvss')
  await (await openMenu(page, 'cvss')).getByRole('button', { name: 'Sort high to low' }).click()
  await expect(cvss).toHaveAttribute('aria-sort', 'descending')
  await expect(page).toHaveURL('/tables/findings?sort=-cvss')
  await expect(page.getByRole('status').filter({ hasText: 'Sorted by cvss, descending.' })).toHaveCount(1)
  const highest = scores.toSorted((a, b) => Number(b) - Number(a)).slice(0, 100)
  await expect.poll(() => column(page, CVSS)).toEqual(highest)
  await (await openMenu(page, 'cvss')).getByRole('button', { name: 'Do not sort' }).click()
  await expect(cvss).not.toHaveAttribute('aria-sort')
  await expect(page).toHaveURL('/tables/findings')
  await expect(firstCell(page)).toHaveText(ROWS[0]![0]!)
})

test('the menu of a column stays beside its header, and names the column where that is not in sight', async ({ page }) => {
  const menu = await openMenu(page, 'port')
  const name = menu.getByText('port', { exact: true })
  await expect(name).toBeHidden()
  const header = page.getByRole('columnheader', { name: 'port' }).getByRole('button')
  // Right of the menu, wherever that goes.
  await page.getByRole('cell').nth(5).hover()
  const { x } = (await header.boundingBox())!
  await page.mouse.wheel(100, 0)
  await expect.poll(async () => (await header.boundingBox())!.x).toBe(x - 100)
  await expect.poll(async () => (await menu.boundingBox())!.x - (await header.boundingBox())!.x).toBe(0)
  await expect(name).toBeHidden()
  await page.mouse.wheel(1_000, 0)
  await expect(name).toBeVisible()
  await expect(menu).toBeInViewport({ ratio: 1 })
  await page.mouse.wheel(-1_100, 0)
  await expect(name).toBeHidden()
})

test('an index is told in the header and removed in the menu', async ({ page, server }) => {
  await server.request('POST', '/api/tables/findings/indexes', { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ column: 'cvss' }) })
  await page.reload()
  const cvss = page.getByRole('columnheader', { name: 'cvss' })
  await expect(cvss).toContainText('decimal, indexed')
  await (await openMenu(page, 'cvss')).getByRole('button', { name: 'Remove the index' }).click()
  await expect(page.getByRole('region', { name: 'Notifications' })).toContainText('Index removed from cvss')
  await expect(cvss).not.toContainText('indexed')
  await expect(cvss.getByRole('button')).toBeFocused()
  expect((await server.table('findings')).indexed).toBeUndefined()
  await expect((await openMenu(page, 'cvss')).getByRole('button', { name: 'Remove the index' })).toHaveCount(0)
})

test('numbers stand at the end of their cells, and dates have figures of one width', async ({ page }) => {
  const cell = (name: string) => page.locator('tbody tr').first().locator('td, th').nth(HEADER.indexOf(name))
  await expect(cell('cvss')).toHaveCSS('text-align', 'end')
  for (const name of ['cvss', 'first_seen']) await expect(cell(name)).toHaveCSS('font-variant-numeric', 'tabular-nums')
  await expect(cell('title')).toHaveCSS('font-variant-numeric', 'normal')
})

test('a search shows and marks what contains it, counts it and can be cleared', async ({ page }) => {
  const word = 'Payments'
  const matching = ROWS.filter((row) => row.some((cell) => cell.toLowerCase().includes(word.toLowerCase())))
  const search = page.getByRole('searchbox', { name: 'Search all columns' })
  await search.fill(word)
  await expect(page.getByText(`${matching.length.toLocaleString('en-US')} of 5,000 rows`)).toBeVisible()
  await expect(page).toHaveURL(`/tables/findings?q=${word}`)
  expect(await column(page, 0)).toEqual(matching.slice(0, 100).map((row) => row[0]))
  expect(matching.some((row) => row[OWNER] === word)).toBe(true)
  await expect(page.locator('mark').first()).toHaveText(word)
  await search.fill('no such thing anywhere')
  await expect(page.getByRole('heading', { name: 'No rows match' })).toBeVisible()
  await page.getByRole('button', { name: 'Clear search' }).click()
  await expect(search).toBeFocused()
  await expect(pager(page)).toContainText('of 5,000')
})

test('filters are added, said, kept in the address, and removed', async ({ page }) => {
  const of = (test: (row: string[]) => boolean) => `${ROWS.filter(test).length.toLocaleString('en-US')} of 5,000 rows`
  await page.getByRole('button', { name: 'Add filter' }).click()
  const form = page.getByRole('dialog', { name: 'Add filter' })
  await form.getByLabel('Column').selectOption('cvss')
  await form.getByLabel('Condition').selectOption('is at least')
  await form.getByLabel('Value').fill('9')
  await page.keyboard.press('Enter')
  await expect(page.getByText(of((row) => Number(row[CVSS]) >= 9))).toBeVisible()
  await expect(page).toHaveURL('/tables/findings?filter%5Bcvss%5D=gte%3A9')

  const menu = await openMenu(page, 'owner')
  await menu.getByRole('checkbox', { name: 'Payments' }).check()
  await menu.getByRole('checkbox', { name: 'Infrastructure' }).check()
  await menu.getByRole('button', { name: 'Show only these' }).click()
  const both = of((row) => Number(row[CVSS]) >= 9 && ['Payments', 'Infrastructure'].includes(row[OWNER]!))
  await expect(page.getByText(both)).toBeVisible()
  await page.reload()
  await expect(page.getByText(both)).toBeVisible()
  await page.getByRole('button', { name: 'Remove filter cvss is at least 9' }).click()
  await expect(page.getByText(of((row) => ['Payments', 'Infrastructure'].includes(row[OWNER]!)))).toBeVisible()
  await expect(page.getByRole('button', { name: 'Add filter' })).toBeFocused()
  await page.goBack()
  await expect(page.getByText(both)).toBeVisible()
  await page.getByRole('button', { name: 'Clear', exact: true }).click()
  await expect(pager(page)).toContainText('of 5,000')
  await expect(page).toHaveURL('/tables/findings')
})

test('a column says what it holds', async ({ page }) => {
  const summary = (await openMenu(page, 'cvss')).getByRole('region', { name: 'Summary' })
  const scores = ROWS.map((row) => row[CVSS]!).filter(Boolean)
  await expect(summary).toContainText(`Different values${new Set(scores).size}`)
  await expect(summary).toContainText(`Greatest${scores.toSorted((a, b) => Number(b) - Number(a))[0]!}`)
  await expect(summary.getByRole('img', { name: /^How values are spread/ })).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('columnheader', { name: 'cvss' }).getByRole('button')).toBeFocused()
})

test('columns are hidden and shown again, in the order of the table', async ({ page }) => {
  const heads = () => page.getByRole('columnheader').locator('.data').allInnerTexts()
  await (await openMenu(page, HEADER[1]!)).getByRole('button', { name: 'Hide column' }).click()
  await expect.poll(heads).toEqual(HEADER.filter((_, index) => index !== 1))
  await page.getByRole('button', { name: 'Columns' }).click()
  const chooser = page.getByRole('dialog', { name: 'Columns' })
  await chooser.getByRole('searchbox', { name: 'Find a column' }).fill('seen')
  await chooser.getByRole('button', { name: 'Hide all' }).click()
  await expect.poll(heads).toEqual(HEADER.filter((name, index) => index !== 1 && !name.includes('seen')))
  await page.reload()
  await expect.poll(heads).toEqual(HEADER.filter((name, index) => index !== 1 && !name.includes('seen')))
  await page.getByRole('button', { name: 'Columns' }).click()
  await chooser.getByRole('button', { name: 'Show all' }).click()
  await expect.poll(heads).toEqual(HEADER)
  await expect(page).toHaveURL('/tables/findings')
})

test('the keyboard reaches every cell, opens its row, and copies', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  const focused = () => page.evaluate<string>('document.activeElement.innerText')
  const clipboard = () => page.evaluate<string>('navigator.clipboard.readText()')
  await firstCell(page).getByRole('button').focus()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowRight')
  expect(await focused()).toBe(ROWS[1]![1])
  await page.keyboard.press('Control+c')
  await expect.poll(clipboard).toBe(ROWS[1]![1])
  await page.keyboard.press('End')
  expect(await focused()).toBe(ROWS[1]!.at(-1))
  await page.keyboard.press('Control+End')
  expect(await focused()).toBe(ROWS[99]!.at(-1))
  await page.keyboard.press('Control+Home')
  expect(await focused()).toBe(ROWS[0]![0])
  await page.keyboard.press('PageDown')
  expect(ROWS.slice(5, 60).map(([id]) => id)).toContain(await focused())
  await page.keyboard.press('Control+ArrowUp')
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog', { name: `Column ${HEADER[0]!}` })).toBeVisible()
  await page.keyboard.press('Escape')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')

  const detail = page.getByRole('complementary', { name: 'Row detail' })
  await expect(detail.getByRole('heading', { name: ROWS[0]![0]! })).toBeFocused()
  await expect(page).toHaveURL('/tables/findings?row=1')
  await detail.getByRole('button', { name: 'Copy as CSV' }).click()
  await expect.poll(async () => parse(await clipboard())).toEqual([HEADER, ROWS[0]])
  await detail.getByRole('button', { name: 'Next row' }).click()
  await expect(detail.getByRole('heading', { name: ROWS[1]![0]! })).toBeVisible()
  await expect(detail.getByRole('button', { name: 'Next row' })).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(detail).toBeHidden()
  expect(await focused()).toBe(ROWS[1]![0])
})

test('a row has an address, and leads on to the next page', async ({ page }) => {
  await page.goto('/tables/findings?page=2&row=200')
  const detail = page.getByRole('complementary', { name: 'Row detail' })
  await expect(detail).toContainText('Row 200 of 5,000')
  await detail.getByRole('button', { name: 'Next row' }).click()
  await expect(detail).toContainText('Row 201 of 5,000')
  await expect(detail.getByRole('heading', { name: ROWS[200]![0]! })).toBeVisible()
  await expect(pager(page)).toContainText('Rows 201 to 300')
  await page.goBack()
  await expect(page.getByRole('heading', { level: 1, name: 'findings' })).toBeVisible()
})

test('a column is made wider by the keyboard and by hand, and stays so', async ({ page }) => {
  const head = page.getByRole('columnheader').nth(1)
  const width = async () => Math.round((await head.boundingBox())!.width)
  const before = await width()
  await head.getByRole('button').focus()
  await page.keyboard.press('Shift+ArrowRight')
  expect(await width()).toBe(before + 16)
  const box = (await head.boundingBox())!
  await page.mouse.move(box.x + box.width - 3, box.y + 10)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width + 57, box.y + 10)
  await page.mouse.up()
  expect(await width()).toBe(before + 76)
  await page.reload()
  await expect.poll(width).toBe(before + 76)
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

async function exportAs(page: Page, format: string): Promise<void> {
  await page.getByRole('button', { name: 'Export' }).click()
  await page.getByRole('menuitem', { name: format }).click()
}

test('the export holds every cell of the file as it was', async ({ page }) => {
  const download = page.waitForEvent('download')
  await exportAs(page, 'CSV, comma')
  expect((await download).suggestedFilename()).toBe('findings.csv')
  const text = await readFile(await (await download).path(), 'utf8')
  expect(parse(text)).toEqual(RECORDS)
})

test('an export for a spreadsheet can have its formulas as text, and its name says so', async ({ page, server }) => {
  await server.import('name,"=cmd|x"\n=1+1,-5\n', { filename: 'calls.csv' })
  await page.goto('/tables/calls')
  await page.getByRole('button', { name: 'Export' }).click()
  const choice = page.getByRole('checkbox', { name: 'Formulas as text in CSV' })
  await expect(choice).not.toBeChecked()
  await expect(choice).toHaveAccessibleDescription(/an apostrophe in front\. This changes them\.$/)
  await choice.check()
  const download = page.waitForEvent('download')
  await page.getByRole('menuitem', { name: 'CSV for Excel' }).click()
  expect((await download).suggestedFilename()).toBe('calls-formulas-as-text.csv')
  expect(await readFile(await (await download).path(), 'utf8')).toBe('\ufeffname,\'=cmd|x\r\n\'=1+1,-5\r\n')
})

test('the export of a sorted search holds just that', async ({ page }) => {
  await page.getByRole('searchbox', { name: 'Search all columns' }).fill('Payments')
  await expect(page).toHaveURL('/tables/findings?q=Payments')
  await (await openMenu(page, 'finding_id')).getByRole('button', { name: 'Sort Z to A' }).click()
  await expect(page).toHaveURL(/sort=-finding_id/)
  await expect(page.getByRole('columnheader', { name: 'finding_id' })).toHaveAttribute('aria-sort', 'descending')
  const download = page.waitForEvent('download')
  await exportAs(page, 'CSV, comma')
  const exported: string[][] = parse(await readFile(await (await download).path(), 'utf8'))
  expect(exported).toEqual([HEADER, ...ROWS.filter((row) => row.some((cell) => cell.toLowerCase().includes('payments'))).reverse()])
})

test('an export that breaks off says so', async ({ page }) => {
  // How the server finds that out is tested there; a table deleted meanwhile takes the page with it, as the page hears of it.
  await page.route('/api/exports/*', (route) => route.fulfill({ json: { state: 'stopped', detail: 'The connection ended.' } }))
  await exportAs(page, 'JSON lines')
  await expect(page.getByRole('region', { name: 'Notifications' })).toContainText('Export stopped findings')
  await expect(page.getByRole('region', { name: 'Notifications' })).toContainText('The connection ended. The file is not complete.')
})

test('an export that the browser holds back is not called broken', async ({ page }) => {
  await page.route('/api/exports/*', (route) => route.fulfill({ status: 404, contentType: 'application/problem+json', json: { code: 'EXPORT_NOT_FOUND' } }))
  await exportAs(page, 'CSV, comma')
  await expect(page.getByRole('region', { name: 'Notifications' })).toContainText('Export not begun yet findings')
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

test('the fields of a filter have the keys of fields', async ({ page }) => {
  await page.getByRole('button', { name: 'Add filter' }).click()
  const condition = page.getByRole('combobox', { name: 'Condition' })
  await condition.selectOption('contains')
  await condition.focus()
  await page.keyboard.press('End')
  await expect(condition).toHaveValue('notempty')
  await page.keyboard.press('Home')
  await page.keyboard.press('ArrowDown')
  await expect(condition).toHaveValue('eq')
  const value = page.getByRole('textbox', { name: 'Value' })
  await value.fill('bc')
  await page.keyboard.press('Home')
  await page.keyboard.type('a')
  await expect(value).toHaveValue('abc')
})

test('what is typed for a page stays while other tables change', async ({ page, server }) => {
  const wanted = page.getByRole('textbox', { name: 'Page' })
  await wanted.focus()
  await wanted.press('End')
  await page.keyboard.type('2')
  const read = page.waitForResponse((response) => new URL(response.url()).pathname === '/api/tables/findings/rows')
  await server.import('host\na\n', { filename: 'hosts.csv' })
  await (await read).finished()
  await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))')
  await expect(wanted).toHaveValue('12')
  await page.keyboard.press('Enter')
  await expect(pager(page)).toContainText('Rows 1,101 to 1,200')
})

test('a search that an address names is shown before it is counted', async ({ page }) => {
  const count = await holdAnswer(page, '/api/tables/findings/count')
  await page.goto('/tables/findings?q=example')
  await count.given
  await expect(page.getByText('Counting… of 5,000 rows')).toBeVisible()
  await expect(firstCell(page)).toHaveText(ROWS[0]![0]!)
  await count.release()
  await expect(page.getByText('5,000 of 5,000 rows')).toBeVisible()
})

test('rows that could not be read are told, can be exported, and once they are back nothing goes on trying', async ({ page }) => {
  await page.clock.install()
  await page.route('**/rows?*', (route) => route.abort(), { times: 1 })
  // Not before it has been looked at.
  await page.route('**/api/health', (route) => route.abort())
  await (await openMenu(page, 'cvss')).getByRole('button', { name: 'Sort low to high' }).click()
  await expect(page.getByRole('heading', { name: 'The server is not answering' })).toBeVisible()
  await page.getByRole('button', { name: 'Export' }).click()
  await expect(page.getByRole('menuitem', { name: 'CSV, comma' })).toBeVisible()
  await expect(page.getByRole('menuitem')).toHaveCount(4)
  await page.keyboard.press('Escape')
  await page.unroute('**/api/health')

  await page.getByRole('searchbox', { name: 'Search all columns' }).fill('web')
  await page.keyboard.press('Enter')
  await expect(page.getByText(/^[\d,]+ of 5,000 rows$/)).toBeVisible()
  await expect(page.getByRole('heading', { name: 'The server is not answering' })).toBeHidden()
  // Time goes on by itself, too, so the page may have asked just before: what it asks after this one is what counts.
  const asked: string[] = []
  page.on('request', (request) => asked.push(new URL(request.url()).pathname))
  await page.evaluate(`fetch('/api/session')`)
  await expect.poll(() => asked).toContain('/api/session')
  const before = asked.length
  await page.clock.runFor(20_000)
  expect(asked.slice(before)).not.toContain('/api/health')
})

test('rows that could not be read are tried again, whatever changes meanwhile and fails as well', async ({ page, server }) => {
  let failed = 0
  const isRows = (url: URL) => url.pathname === '/api/tables/findings/rows'
  await page.route(isRows, async (route) => {
    failed += 1
    await route.abort()
  })
  await (await openMenu(page, 'cvss')).getByRole('button', { name: 'Sort low to high' }).click()
  const failure = page.getByRole('heading', { name: 'The server is not answering' })
  await expect(failure).toBeVisible()
  await page.route('**/api/health', (route) => route.abort(), { times: 1 })
  await server.import('host\na\n', { filename: 'hosts.csv' })
  await expect.poll(() => failed).toBe(2)
  await page.unroute(isRows)
  await expect(failure).toBeHidden({ timeout: 15_000 })
  await expect(firstCell(page)).toBeVisible()
})

test('rows that are waited for are told when they cannot be read, although the table changed meanwhile', async ({ page, server }) => {
  const rows = '/api/tables/findings/rows'
  const slow = await holdAnswer(page, rows)
  await (await openMenu(page, 'cvss')).getByRole('button', { name: 'Sort low to high' }).click()
  await slow.given
  await page.route((url) => url.pathname === rows, (route) => route.abort(), { times: 1 })
  await server.import('host\na\n', { filename: 'hosts.csv' })
  await expect(page.getByRole('heading', { name: 'The server is not answering' })).toBeVisible()
})

test('rows that were waited for do not come after going back', async ({ page }) => {
  const slow = await holdAnswer(page, '/api/tables/findings/rows')
  await (await openMenu(page, 'cvss')).getByRole('button', { name: 'Sort low to high' }).click()
  await slow.given
  const givenUp = page.waitForEvent('requestfailed')
  await page.goBack()
  await givenUp
  await expect(page).toHaveURL('/tables/findings')
  expect(await column(page, CVSS)).toEqual(ROWS.slice(0, 100).map((row) => row[CVSS]))
})

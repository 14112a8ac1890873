import { chooseFiles, dialogOf, expectReceipt, giveFiles, gridOf, startImport, textFile } from './support/app.ts'
import { holdAnswer } from './support/network.ts'
import { expect, test } from './support/test.ts'

const PEOPLE = 'id,name,score\n007,"Ada, Countess",1.50\n008,Grace,22.75\n009,,3.00\n'
const PEOPLE_CELLS = [['007', 'Ada, Countess', '1.50'], ['008', 'Grace', '22.75'], ['009', 'empty', '3.00']]

test('the sample goes in with two presses and its rows are in the table', async ({ page }) => {
  await page.goto('/')
  await expect(page.getByRole('heading', { name: 'Bring in your first file' })).toBeVisible()
  await page.getByRole('button', { name: 'Try a sample of 5,000 rows' }).click()
  await startImport(page)
  await expectReceipt(page, 'sample-findings', 5000)
  await dialogOf(page).getByRole('link', { name: 'Open table' }).click()

  await expect(page.getByRole('heading', { level: 1, name: 'sample-findings' })).toBeFocused()
  await expect(page).toHaveURL('/tables/sample-findings')
  await expect(page.getByText('5,000 rows, 15 columns')).toBeVisible()
  await expect(page.locator('.pager')).toContainText('Rows 1 to 100 of 5,000')
  const cells = await gridOf(page)
  expect(cells).toHaveLength(100)
  expect(cells[0]?.slice(0, 5)).toEqual(['0000001', 'file-100.sgp1.example.com', '10.1.37.26', '443', 'CVE-2023-48661'])
})

test('a chosen file is previewed, imported and shown value for value', async ({ page }) => {
  await page.goto('/')
  await chooseFiles(page, textFile('people.csv', PEOPLE))
  await expect(page.getByRole('heading', { level: 1, name: 'Import people.csv' })).toBeFocused()
  await expect(page.getByRole('table')).toContainText('Ada, Countess')
  await startImport(page)
  await expectReceipt(page, 'people', 3)
  await dialogOf(page).getByRole('link', { name: 'Open table' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'people' })).toBeVisible()
  expect((await gridOf(page)).map((row) => row.map((cell) => cell.replace(/^EMPTY$/, 'empty')))).toEqual(PEOPLE_CELLS)
})

test('a file dropped anywhere on any page goes in', async ({ page }) => {
  await page.goto('/imports')
  await giveFiles(page, 'drop', [{ name: 'dropped.csv', text: PEOPLE }])
  await startImport(page)
  await expectReceipt(page, 'dropped', 3)
})

test('a pasted file goes in', async ({ page }) => {
  await page.goto('/')
  await giveFiles(page, 'paste', [{ name: 'pasted.csv', text: PEOPLE }])
  await startImport(page)
  await expectReceipt(page, 'pasted', 3)
})

test('the keyboard is enough from the first page to the table', async ({ page }) => {
  const chooser = page.waitForEvent('filechooser')
  await page.goto('/')
  await expect(page.getByRole('heading', { name: 'Bring in your first file' })).toBeVisible()
  await tabTo('Choose file')
  await expect(page.getByLabel('Choose file')).toBeFocused()
  await page.keyboard.press('Enter')
  await (await chooser).setFiles(textFile('keys.csv', PEOPLE))
  await expect(page.getByRole('heading', { level: 1, name: 'Import keys.csv' })).toBeFocused()
  await expect(page.getByRole('button', { name: 'Start import' })).toBeEnabled()
  await page.keyboard.press('Enter')
  await expectReceipt(page, 'keys', 3)
  await tabTo('Open table')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { level: 1, name: 'keys' })).toBeFocused()

  /** Tab until what has the focus is called that. */
  async function tabTo(name: string): Promise<void> {
    const focused: string[] = []
    while (focused.at(-1) !== name) {
      expect(focused.length, `${name} is not among what Tab reaches: ${focused.join(' | ')}`).toBeLessThan(20)
      await page.keyboard.press('Tab')
      focused.push(await page.evaluate<string>('(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()'))
    }
  }
})

test('Start import pressed twice is one import', async ({ page, server }) => {
  await page.goto('/')
  await chooseFiles(page, textFile('people.csv', PEOPLE))
  await expect(page.getByText('Creates people with 3 columns.')).toBeVisible()
  // The page of the preview stays until the one behind it has been read.
  const tables = await holdAnswer(page, '/api/tables')
  await page.getByRole('button', { name: 'Start import' }).dblclick()
  await tables.release()
  await expectReceipt(page, 'people', 3)
  expect((await server.get<unknown[]>('/api/imports')).body).toHaveLength(1)
})

import type { Page } from 'playwright/test'
import { dialogOf } from './support/app.ts'
import { backupOf } from './support/backups.ts'
import { holdAnswer } from './support/network.ts'
import { newSessionId, type TestServer } from '../server/test/support.ts'
import { expect, test } from './support/test.ts'

/** Every screen that has an address: the address, what it is called, and what only it shows. */
async function screensOf(server: TestServer): Promise<{ path: string, title: string, shows: (page: Page) => Promise<void> }[]> {
  const people = await server.import('id,name\n1,Ada\n2,Grace\n3,Edsger\n', { filename: 'people.csv' })
  await server.import('host\na\n', { filename: 'hosts.csv' })
  const failed = await server.upload('\n', { filename: 'blank.csv' })
  await server.outcome(failed.body.sessionId)
  const backup = await backupOf(server)
  const copied = newSessionId()
  await server.request('POST', '/api/backups', { body: JSON.stringify({ sessionId: copied }), headers: { 'content-type': 'application/json' } })
  await server.outcome(copied)
  const contains = (text: string) => (page: Page) => expect(page.getByRole('main')).toContainText(text)
  const says = (heading: string) => (page: Page) => expect(dialogOf(page).getByRole('heading', { name: heading })).toBeVisible()
  return [
    { path: '/', title: 'Tables', shows: contains('2 tables, 4 rows') },
    { path: '/tables/people?q=a&sort=-name&row=1', title: 'people', shows: (page) => expect(page.getByRole('complementary', { name: 'Row detail' })).toContainText('Grace') },
    { path: '/imports?q=blank&status=failed', title: 'Imports', shows: (page) => expect(page.getByRole('table', { name: 'All imports' }).locator('tbody tr')).toContainText(['blank.csv']) },
    { path: `/imports?import=${people.sessionId}`, title: 'Imports', shows: says('Created people') },
    { path: `/?import=${failed.body.sessionId}`, title: 'Tables', shows: says('The file is empty') },
    { path: '/backups', title: 'Backups', shows: contains(backup.name) },
    { path: `/backups?backup=${copied}`, title: 'Backups', shows: says('Backup done') },
    { path: `/sql?sql=${encodeURIComponent('SELECT max(name) AS last FROM people')}`, title: 'SQL', shows: (page) => expect(page.getByRole('table')).toContainText('Grace') },
    { path: '/tables/none', title: 'Not found', shows: contains('There is no table called none') },
    { path: '/nowhere', title: 'Not found', shows: contains('There is nothing at this address') },
  ]
}

test('every screen is reached by its address, and again by a reload', async ({ page, server }) => {
  for (const { path, shows } of await screensOf(server)) {
    await page.goto(path)
    await shows(page)
    await page.reload()
    await shows(page)
    expect(page.url(), path).toBe(server.url + path)
  }
})

test('back and forward lead through all of them, with the page left as it was', async ({ page, server }) => {
  const screens = await screensOf(server)
  await page.goto('/')
  await screens[0]!.shows(page)
  // Links of the app's own change the page without loading it anew.
  await page.evaluate('window.isSamePage = true')
  for (const { path, shows } of screens.slice(1)) {
    await page.evaluate(`(() => {
      const link = document.createElement('a')
      link.href = ${JSON.stringify(path)}
      document.body.append(link)
      link.click()
      link.remove()
    })()`)
    await shows(page)
  }
  for (const { shows } of screens.slice(0, -1).toReversed()) {
    await page.goBack()
    await shows(page)
  }
  for (const { shows } of screens.slice(1)) {
    await page.goForward()
    await shows(page)
  }
  expect(await page.evaluate('window.isSamePage')).toBe(true)
})

test('what the history is searched for is in the address', async ({ page, server }) => {
  await screensOf(server)
  await page.goto('/imports')
  const rows = page.getByRole('table', { name: 'All imports' }).locator('tbody tr')
  await expect(rows).toHaveCount(3)
  await page.getByRole('combobox', { name: 'Status' }).selectOption('Failed')
  await expect(rows).toContainText(['blank.csv'])
  await expect(page).toHaveURL(/\/imports\?status=failed$/)
  await page.getByRole('searchbox').fill('people')
  await expect(page.getByText('No import matches.')).toBeVisible()
  await expect(page).toHaveURL(/\/imports\?q=people&status=failed$/)
  await page.getByRole('link', { name: 'Tables', exact: true }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Tables' })).toBeFocused()
  await page.goBack()
  await expect(page.getByRole('searchbox')).toHaveValue('people')
  await expect(page.getByRole('combobox', { name: 'Status' })).toHaveValue('Failed')
  await page.getByRole('button', { name: 'Clear search and status' }).click()
  await expect(rows).toHaveCount(3)
  await expect(page.getByRole('searchbox')).toBeFocused()
  await expect(page).toHaveURL(/\/imports$/)
})

test('going back twice before the first page is there ends where the address says', async ({ page, server }) => {
  await server.import('host\na\n', { filename: 'hosts.csv' })
  await server.import(`id\n${Array.from({ length: 300 }, (_, index) => `n${index}`).join('\n')}\n`, { filename: 'many.csv' })
  await page.goto('/tables/many')
  await page.getByRole('button', { name: 'Next page' }).click()
  await expect(page.locator('.pager')).toContainText('Rows 101 to 200')
  await page.getByRole('link', { name: 'Tables', exact: true }).first().click()
  await page.getByRole('link', { name: 'hosts', exact: true }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'hosts' })).toBeFocused()
  const many = await holdAnswer(page, '/api/tables/many')
  await page.evaluate('history.go(-2)')
  await many.given
  await expect(page).toHaveURL('/tables/many?page=2')
  await page.evaluate('history.go(-1)')
  await expect(page).toHaveURL('/tables/many')
  await expect(page.getByRole('heading', { level: 1, name: 'many' })).toBeFocused()
  await expect(page.locator('.pager')).toContainText('Rows 1 to 100')
})

test('a question does not outlive the page it was asked on', async ({ page, server }) => {
  await server.import('host\na\n', { filename: 'hosts.csv' })
  await page.goto('/')
  for (const ask of ['Delete table', 'Rename table']) {
    await page.getByRole('link', { name: 'hosts', exact: true }).click()
    await page.getByRole('button', { name: ask }).click()
    await expect(dialogOf(page)).toBeVisible()
    await page.goBack()
    await expect(dialogOf(page)).toBeHidden()
    await expect(page.getByRole('heading', { level: 1, name: 'Tables' })).toBeFocused()
  }
  expect((await server.table('hosts')).rows).toBe(1)
})

test('of two receipts the one that was asked for last is shown, whichever is answered first', async ({ page, server }) => {
  const first = await server.import('host\na\n', { filename: 'hosts.csv' })
  await server.import('id\n1\n', { filename: 'people.csv' })
  await page.goto('/imports')
  const slow = await holdAnswer(page, `/api/imports/${first.sessionId}`)
  await page.getByRole('button', { name: 'Receipt of import 1' }).click()
  await slow.given
  await page.getByRole('button', { name: 'Receipt of import 2' }).click()
  await expect(dialogOf(page).getByRole('heading', { name: 'Created people' })).toBeFocused()
  await slow.release()
  await expect(dialogOf(page).getByRole('heading', { name: 'Created people' })).toBeFocused()
})

test('Back, Forward and a reload come back to where a page was scrolled to', async ({ page, server }) => {
  for (let number = 1; number <= 12; number++) await server.import('a\n1\n', { filename: `file-${number}.csv` })
  await page.setViewportSize({ width: 1000, height: 400 })
  const top = () => page.evaluate('Math.round(scrollY)')
  await page.goto('/imports')
  await expect(page.locator('tbody tr')).toHaveCount(12)
  const link = page.getByRole('link', { name: 'file-3', exact: true })
  await link.scrollIntoViewIfNeeded()
  const before = await top()
  expect(before).toBeGreaterThan(100)
  await link.click()
  await expect(page.getByRole('heading', { level: 1, name: 'file-3' })).toBeFocused()
  expect(await top()).toBe(0)
  await page.goBack()
  await expect(page.getByRole('heading', { level: 1, name: 'Imports' })).toBeFocused()
  expect(await top()).toBe(before)
  await page.getByRole('button', { name: 'Receipt of import 3' }).click()
  await expect(dialogOf(page)).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(dialogOf(page)).toBeHidden()
  await page.reload()
  await expect(page.locator('tbody tr')).toHaveCount(12)
  expect(await top()).toBe(before)
})

import { readFile } from 'node:fs/promises'
import { gridOf } from './support/app.ts'
import { backupOf } from './support/backups.ts'
import { holdAnswer, holdClock, Proxy, type Blocked } from './support/network.ts'
import { expect, test } from './support/test.ts'
import { PATIENT } from '../server/test/write-lock.ts'

for (const blocked of ['nothing', 'live updates'] satisfies Blocked[]) {
  test(`the SQL page notices tables that change elsewhere and leaves query and result, with ${blocked} blocked`, async ({ page, scope, server }) => {
    const { url } = await Proxy.start(scope, server, blocked)
    const passTime = await holdClock(page, blocked)
    await server.import('id,name\n1,Ada\n', { filename: 'people.csv' })
    await page.goto(`${url}/sql?sql=${encodeURIComponent('SELECT * FROM people')}`)
    await expect(page.getByText(/^1 row in/).first()).toBeVisible()
    const names = page.getByRole('complementary', { name: 'Tables and columns' })
    await expect(names).toContainText('people1')
    const editor = page.getByRole('textbox', { name: 'SQL' })
    await editor.fill('SELECT count(*) FROM people')
    const write = names.getByRole('button', { name: 'Write name' })
    await write.focus()

    await server.import('id,name\n2,Grace\n3,Edsger\n', { filename: 'people.csv', options: { table: 'people', mode: 'append' } })
    await server.import('host\na\n', { filename: 'hosts.csv' })
    await passTime()
    await expect(names).toContainText('people3')
    await expect(names).toContainText('hosts1')
    await expect(page.getByText('Tables have changed since.').first()).toBeVisible()
    // What is typed, open, focused and on show stays.
    await expect(editor).toHaveValue('SELECT count(*) FROM people')
    await expect(write).toBeFocused()
    expect(await gridOf(page)).toEqual([['1', 'Ada']])
    await page.getByRole('button', { name: 'Run' }).click()
    await expect(page.getByText(/^1 row in/).first()).toBeVisible()
    expect(await gridOf(page)).toEqual([['3']])
  })

  test(`the history notices what other tabs import and take back, with ${blocked} blocked`, async ({ page, context, scope, server }) => {
    const { url } = await Proxy.start(scope, server, blocked)
    const passTime = await holdClock(page, blocked)
    await server.import('id,name\n1,Ada\n', { filename: 'people.csv' })
    await page.goto(`${url}/imports?q=peo`)
    const rows = page.getByRole('table', { name: 'All imports' }).locator('tbody tr')
    await expect(rows).toHaveCount(1)
    const search = page.getByRole('searchbox')
    await search.focus()

    await server.import('id,name\n2,Grace\n', { filename: 'people-2.csv' })
    await passTime()
    await expect(rows).toHaveCount(2)
    await server.import('host\na\n', { filename: 'hosts.csv' })
    const other = await context.newPage()
    await other.goto(`${server.url}/imports`)
    await other.getByRole('button', { name: 'Undo import 2' }).click()
    await other.getByRole('dialog').getByRole('button', { name: 'Undo import' }).click()
    await expect(other.getByRole('row', { name: 'people-2.csv' })).toContainText('Undone')
    await passTime()
    await expect(page.getByRole('row', { name: 'people-2.csv' })).toContainText('Undone')
    await expect(rows).toHaveCount(2)
    await expect(search).toHaveValue('peo')
    await other.close()
  })
}

test('imports that fail and backups that come and go elsewhere are noticed where they are listed', async ({ page, server }) => {
  await page.goto('/imports')
  await expect(page.getByText('Nothing has been imported yet.')).toBeVisible()
  expect((await server.upload('', { filename: 'empty.csv' })).status).toBe(422)
  await expect(page.getByRole('row', { name: 'empty.csv' })).toContainText('Failed')

  await page.goto('/backups')
  await expect(page.getByText('No backup yet')).toBeVisible()
  const { name } = await backupOf(server)
  const row = page.getByRole('row', { name })
  await expect(row).toContainText('Verified')
  await server.request('DELETE', `/api/backups/${name}`)
  await expect(row).toBeHidden()
})

test('an answer that comes late does not take the place of a newer one', async ({ page, server }) => {
  await server.import('a\n1\n', { filename: 'one.csv' })
  await page.goto('/')
  const tables = page.getByRole('table', { name: 'All tables' })
  await expect(tables).toContainText('one')
  const late = await holdAnswer(page, '/api/tables')
  await server.import('a\n1\n', { filename: 'two.csv' })
  await late.given
  await server.import('a\n1\n', { filename: 'three.csv' })
  await expect(tables).toContainText('three')
  await late.release()
  await expect(tables).toContainText('three')
})

test.describe('with an import that is held', () => {
  test.use({ settings: PATIENT })

  test('the history follows what another tab imports, from its beginning', async ({ page, server, makeFile, holdImport }) => {
    await server.import('a\n1\n', { filename: 'one.csv' })
    const file = await makeFile(200_000)
    await page.goto('/imports')
    await expect(page.getByRole('row', { name: 'one.csv' })).toContainText('Completed')
    const lock = holdImport(60_000)
    await server.upload(await readFile(file.path, 'utf8'), { filename: file.name })
    await lock.held
    await expect(page.getByRole('row', { name: file.name })).toContainText(/Importing, [\d,]+ rows, \d+%/)
    await lock.release()
    await expect(page.getByRole('row', { name: file.name })).toContainText('Completed')
  })

  test('the history lists what this tab begins while it is on show, although it could not be read at first', async ({ page, makeFile, holdImport }) => {
    const file = await makeFile(200_000)
    await page.goto('/imports')
    await expect(page.getByText('Nothing has been imported yet.')).toBeVisible()
    let failures = 0
    await page.route('**/api/imports', async (route) => {
      if (route.request().method() !== 'GET' || failures === 2) return route.fallback()
      failures += 1
      await route.abort()
    })
    const lock = holdImport(60_000)
    await page.locator('#picker').setInputFiles([file.path, file.path])
    await lock.held
    await expect(page.getByRole('row', { name: file.name })).toHaveCount(2)
    await expect(page.getByRole('row', { name: file.name }).first()).toContainText(/%/)
    await lock.release()
    await expect(page.getByRole('row', { name: 'Completed' })).toHaveCount(2)
  })
})

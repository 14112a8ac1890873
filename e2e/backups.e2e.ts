import { readFile } from 'node:fs/promises'
import type { Page, Request } from 'playwright/test'
import type { TestServer } from '../server/test/support.ts'
import { barOf, dialogOf, giveFiles, gridOf, importFile, ledgerOf, limitUpload, recordBar } from './support/app.ts'
import { backUp, backupOf, backupsOf, closeReceipt, expectOutcome, makeLarge, restore, restoreButton, restoreOf } from './support/backups.ts'
import { holdClock, Proxy, type Blocked } from './support/network.ts'
import { expect, test, watchFailures } from './support/test.ts'
import { PATIENT } from '../server/test/write-lock.ts'

test.use({ settings: PATIENT })

const OLD = 'id,name\n1,Ada\n2,Grace\n'
const NEW = 'id,name\n1,Ada Lovelace\n'

const gotoBackups = async (page: Page, url: string): Promise<void> => {
  await page.goto(`${url}/backups`)
  await expect(page.getByRole('heading', { level: 1, name: 'Backups' })).toBeVisible()
}

const toasts = (page: Page) => page.getByRole('region', { name: 'Notifications' })

/** Rows are replaced, a table goes and another one comes. */
async function changeEverything(server: TestServer): Promise<void> {
  await server.import(NEW, { filename: 'people.csv', options: { table: 'people', mode: 'replace' } })
  await server.request('DELETE', '/api/tables/hosts')
  await server.import('n\n1\n2\n3\n', { filename: 'later.csv' })
}

const tableNames = async (server: TestServer): Promise<string[]> => (await server.get<{ name: string }[]>('/api/tables')).body.map(({ name }) => name).sort()

for (const blocked of ['nothing', 'live updates'] satisfies Blocked[]) {
  test(`back up, change, restore and go back to before, with ${blocked} blocked`, async ({ page, scope, server, holdImport }) => {
    const { url } = await Proxy.start(scope, server, blocked)
    await page.goto(url)
    await importFile(page, { name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(OLD) })
    await expectOutcome(page, 'Created people')
    await dialogOf(page).getByRole('link', { name: 'Open table' }).click()
    await server.import('host\na\n', { filename: 'hosts.csv' })
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Backups' }).click()
    await expect(page.getByRole('heading', { name: 'No backup yet' })).toBeVisible()

    await page.getByRole('button', { name: 'Back up now' }).click()
    await expectOutcome(page, 'Backup done')
    const [made] = await backupsOf(server)
    expect(await ledgerOf(page)).toMatchObject({ 'Tables': '2', 'Rows': '3', 'Integrity check': 'Passed' })
    await expect(dialogOf(page)).toContainText(`${made!.name}, verified`)
    await expect(dialogOf(page)).toContainText(`SHA-256 ${made!.sha256!.slice(0, 8)}`)
    await closeReceipt(page)
    const row = page.getByRole('row', { name: made!.name })
    await expect(row).toContainText('By hand, 2 tables, 3 rows')
    await expect(row).toContainText(`Verified${made!.sha256!.slice(0, 8)}`)

    await changeEverything(server)
    const lock = holdImport(0)
    await lock.held
    await restoreButton(page, made!.name).click()
    const dialog = dialogOf(page)
    await expect(dialog.getByRole('heading', { name: /^Go back to today/ })).toBeVisible()
    await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused()
    await expect(dialog.getByRole('row', { name: 'Rows' })).toContainText(/4\s*3\s*1 fewer/)
    await expect(dialog).toContainText('Table later and 2 imports are not in this backup.')
    await expect(dialog).toContainText('First, the database as it is now is saved as a safety copy and verified.')
    await expect(dialog.getByRole('row', { name: 'hosts' })).toContainText('comes back')
    await dialog.getByRole('button', { name: 'Replace the database' }).click()

    // Another program writes: the restore stands still before it has replaced anything.
    const bar = barOf(page, 'Restore')
    await expect(bar).toHaveAttribute('aria-valuenow', '30')
    await expect(dialog).toContainText(made!.name)
    await expect(page).toHaveTitle(`30% ${made!.name} — HexTrackr`)
    if (blocked === 'live updates') await expect(dialog).toContainText('Live updates unavailable. Checking every 2 seconds instead.', { timeout: 60_000 })
    await expectInFront(page)
    expect((await server.table('people')).rows).toBe(1)
    await lock.release()

    await expectOutcome(page, 'Database restored')
    await expect(dialog).toContainText('As it was today at')
    expect(await ledgerOf(page)).toEqual({ 'Tables': '2', 'Rows was 4': '3', 'Integrity check': 'Passed' })
    expect(await server.export('people')).toBe(OLD.replaceAll('\n', '\r\n'))
    expect(await tableNames(server)).toEqual(['hosts', 'people'])

    await dialog.getByRole('button', { name: 'Go back to before' }).click()
    await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused()
    await expect(dialog.getByRole('row', { name: 'Newest import' })).toContainText('none undone')
    await dialog.getByRole('button', { name: 'Replace the database' }).click()
    await expectOutcome(page, 'Database restored')
    expect(await tableNames(server)).toEqual(['later', 'people'])
    await dialog.getByRole('link', { name: 'Show tables' }).click()
    await expect(page.getByRole('heading', { level: 1, name: 'Tables' })).toBeFocused()
    await expect(page.getByRole('link', { name: 'later' })).toBeVisible()
    await expect(page.getByRole('region', { name: 'Backups' })).toContainText('verified')
  })
}

/** Neither Escape nor anything else puts a restore aside. */
async function expectInFront(page: Page): Promise<void> {
  const dialog = dialogOf(page)
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await expect(dialog).toBeVisible()
  await expect(dialog.getByRole('button', { name: 'Continue in background' })).toBeHidden()
  await expect(dialog.getByRole('button', { name: 'Minimise' })).toBeHidden()
  await expect(dialog.getByRole('button', { name: 'Stop and keep the current database' })).toBeEnabled()
  // What lies behind cannot be reached.
  const behind = page.getByRole('button', { name: 'Back up now' })
  await behind.focus()
  await expect(behind).not.toBeFocused()
}

test('a backup of a large database is seen live, and goes on in the background', async ({ page, server }) => {
  await server.import(OLD, { filename: 'people.csv' })
  makeLarge(server)
  await gotoBackups(page, server.url)
  const samples = await recordBar(page)
  const begun = page.waitForResponse((response) => response.request().method() === 'POST' && response.url().endsWith('/api/backups'))
  await page.getByRole('button', { name: 'Back up now' }).click()
  await begun
  // It stands still for as long as it is looked at, however fast the disk.
  server.process.kill('SIGSTOP')
  const dialog = dialogOf(page)
  await expect(barOf(page, 'Backup')).toBeVisible()
  await dialog.getByRole('button', { name: 'Continue in background' }).click()
  const pill = page.getByRole('banner').getByRole('button', { name: 'Imports and backups: 1 running. Show all' })
  await expect(pill).toBeFocused()
  await page.keyboard.press('Enter')
  await page.getByRole('region', { name: 'Imports and backups of this tab' }).getByRole('button', { name: 'Show' }).click()
  await expect(barOf(page, 'Backup')).toBeVisible()
  server.process.kill('SIGCONT')
  await expectOutcome(page, 'Backup done')
  const seen = (await samples()).filter(({ step }) => step >= 1)
  expect(seen.length).toBeGreaterThan(0)
  for (const { says } of seen) expect(says).toMatch(/^Step [123] of 3, (copying the database|opening the copy|keeping the copy)/)
  expect(seen.map(({ percent }) => percent)).toEqual(seen.map(({ percent }) => percent).toSorted((a, b) => a - b))
  expect((await ledgerOf(page)).Tables).toBe('2')
})

test('a backup is downloaded, deleted after being asked, uploaded again and restored', async ({ page, server, makeFile }) => {
  const file = await makeFile(20_000)
  await server.import(await readFile(file.path), { filename: file.name })
  await gotoBackups(page, server.url)
  const name = await backUp(page)
  const downloading = page.waitForEvent('download')
  await page.getByRole('link', { name: `Download ${name}` }).click()
  const download = await downloading
  expect(download.suggestedFilename()).toBe(name)
  const content = await readFile(await download.path())

  await page.getByRole('button', { name: `Delete ${name}` }).click()
  const dialog = dialogOf(page)
  await expect(dialog.getByRole('button', { name: 'Keep the backup' })).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(dialog).toBeHidden()
  expect(await backupsOf(server)).toHaveLength(1)
  await page.getByRole('button', { name: `Delete ${name}` }).click()
  await dialog.getByRole('button', { name: 'Delete backup' }).click()
  await expect(toasts(page)).toContainText(`Deleted ${name}`)
  await expect(page.getByRole('heading', { name: 'No backup yet' })).toBeVisible()
  await server.request('DELETE', `/api/tables/${file.table}`)

  await limitUpload(page, 300_000)
  await chooseBackup(page, { name: 'from-my-disk.db', mimeType: 'application/vnd.sqlite3', buffer: content })
  const bar = barOf(page, 'Upload of a backup')
  await expect(dialog).toContainText('Keep this tab open until the upload ends.')
  await expect(bar).not.toHaveAttribute('aria-valuenow', '0')
  await expect(bar).toHaveAttribute('aria-valuetext', /^Step 1 of 3, uploading: /)
  await limitUpload(page, -1)
  await expectOutcome(page, 'Backup uploaded')
  await expect(dialog).toContainText('Nothing has been restored yet.')
  expect(await tableNames(server)).toEqual([])
  expect((await backupsOf(server)).map(({ kind, verified }) => [kind, verified])).toEqual([['uploaded', true]])

  await dialog.getByRole('button', { name: 'Restore…' }).click()
  await dialog.getByRole('button', { name: 'Replace the database' }).click()
  await expectOutcome(page, 'Database restored')
  expect((await server.table(file.table)).rows).toBe(20_000)
})

test('a backup that is dropped is uploaded and can be restored, and files to import are still imported', async ({ page, server }) => {
  await server.import(OLD, { filename: 'people.csv' })
  const { name } = await backupOf(server)
  const content = Buffer.from(await (await fetch(`${server.url}/api/backups/${name}`)).arrayBuffer())
  await changeEverything(server)
  await gotoBackups(page, server.url)
  await giveFiles(page, 'hold', [{ name: 'from-my-disk.db', text: content }])
  await expect(page.getByText('Let go to upload the backup, or to preview a CSV')).toBeVisible()
  await giveFiles(page, 'drop', [{ name: 'from-my-disk.db', text: content }])
  await expectOutcome(page, 'Backup uploaded')
  const dialog = dialogOf(page)
  await dialog.getByRole('button', { name: 'Restore…' }).click()
  await expect(dialog.getByRole('row', { name: 'later' })).toContainText('goes')
  await dialog.getByRole('button', { name: 'Replace the database' }).click()
  await expectOutcome(page, 'Database restored')
  expect(await tableNames(server)).toEqual(['people'])
  await closeReceipt(page)

  // With others it may not be meant: each of them is told.
  await giveFiles(page, 'drop', [{ name: 'one.csv', text: OLD }, { name: 'other.db', text: content }, { name: 'two.csv', text: OLD }])
  await expect(page.getByRole('main').getByRole('alert')).toHaveText('other.db is an SQLite database. It was not taken with the others: alone, it is uploaded as a backup.')
  await expect(page.getByRole('region', { name: 'Imports and backups of this tab' })).toContainText('one.csv')
  await expect.poll(() => tableNames(server)).toEqual(['one', 'people', 'two'])
})

for (const blocked of ['nothing', 'live updates'] satisfies Blocked[]) {
  test(`the upload of a backup is seen from its first byte to its check, with ${blocked} blocked`, async ({ page, scope, server }) => {
    const { url } = await Proxy.start(scope, server, blocked)
    await server.import(`id,text\n${Array.from({ length: 40_000 }, (_, row) => `${row},text of row ${row}\n`).join('')}`, { filename: 'people.csv' })
    const { name } = await backupOf(server)
    const content = Buffer.from(await (await fetch(`${server.url}/api/backups/${name}`)).arrayBuffer())
    await gotoBackups(page, url)
    const samples = await recordBar(page)
    await limitUpload(page, 400_000)
    await chooseBackup(page, { name: 'from-my-disk.db', mimeType: '', buffer: content })
    const bar = barOf(page, 'Upload of a backup')
    await expect(bar).toHaveAttribute('aria-valuetext', /^Step 1 of 3, uploading: \d/)
    await expect(bar).toHaveAttribute('aria-valuenow', /^[1-9]/)
    await limitUpload(page, -1)
    await expectOutcome(page, 'Backup uploaded')
    const percents = (await samples()).map(({ percent }) => percent)
    expect(percents.length).toBeGreaterThan(1)
    expect(percents).toEqual(percents.toSorted((a, b) => a - b))
  })
}

test('a backup is seen live with the socket blocked', async ({ page, scope, server }) => {
  const proxy = await Proxy.start(scope, server, 'live updates')
  makeLarge(server)
  await page.clock.install()
  await gotoBackups(page, proxy.url)
  const begun = page.waitForResponse((response) => response.request().method() === 'POST' && response.url().endsWith('/api/backups'))
  const isAsking = (request: Request) => request.url().includes('/api/progress/')
  const asked: Request[] = []
  page.on('request', (request) => isAsking(request) && asked.push(request))
  await page.getByRole('button', { name: 'Back up now' }).click()
  await begun
  server.process.kill('SIGSTOP')
  const bar = barOf(page, 'Backup')
  await expect(bar).toBeVisible()
  // Each time the page asks, the server goes on for as long as it takes to answer.
  do {
    if (asked.length === 0) await Promise.all([page.waitForRequest(isAsking), page.clock.fastForward(5_000)])
    server.process.kill('SIGCONT')
    await Promise.all(asked.splice(0).map((request) => request.response()))
    server.process.kill('SIGSTOP')
  } while (await bar.getAttribute('aria-valuenow') === null || await bar.getAttribute('aria-valuenow') === '0')
  await expect(dialogOf(page)).toContainText('Live updates unavailable. Checking every 2 seconds instead.')
  await expect(bar).toHaveAttribute('aria-valuetext', /^Step [123] of 3, (copying the database: [\d.]+ of [\d.]+ MB|opening the copy|keeping the copy)/)
  server.process.kill('SIGCONT')
  await expectOutcome(page, 'Backup done')
  expect(proxy.seen).toEqual([])
})

async function chooseBackup(page: Page, file: { name: string, mimeType: string, buffer: Buffer }): Promise<void> {
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Upload a backup…' }).click()
  await (await chooser).setFiles(file)
}

test('what is no backup is told before it is sent, and what is damaged after its check', async ({ page, server }) => {
  await server.import(OLD, { filename: 'people.csv' })
  const backup = await backupOf(server)
  const content = Buffer.from(await (await fetch(`${server.url}/api/backups/${backup.name}`)).arrayBuffer())
  await gotoBackups(page, server.url)
  const banner = page.getByRole('main').getByRole('alert')
  const send = (name: string, buffer: Buffer) => chooseBackup(page, { name, mimeType: 'application/octet-stream', buffer })

  await send('export.sqlite.zip', Buffer.from([0x50, 0x4B, 3, 4, 0, 0]))
  await expect(banner).toHaveText('export.sqlite.zip is not a HexTrackr backup. It is a ZIP archive. Unpack it and upload the database inside. Nothing was changed.')
  await send('people.csv', Buffer.from(OLD))
  await expect(banner).toContainText('people.csv is not a HexTrackr backup. It is a text file.')

  await send('cut.db', content.subarray(0, content.length - 8192))
  const dialog = dialogOf(page)
  await expectOutcome(page, 'That backup is damaged')
  await expect(banner).toBeEmpty()
  await expect(dialog).toContainText('The file was not kept. Tables and earlier backups are as they were.')
  await expect(dialog).toContainText('DATABASE_DAMAGED')
  expect(await backupsOf(server)).toHaveLength(1)
  const chooser = page.waitForEvent('filechooser')
  await dialog.getByRole('button', { name: 'Choose another file' }).click()
  await (await chooser).setFiles({ name: 'whole.db', mimeType: 'application/octet-stream', buffer: content })
  await expectOutcome(page, 'Backup uploaded')
  expect(await tableNames(server)).toEqual(['people'])
})

test('a restore is stopped after being asked, a reload brings it back, and a second tab shows it too', async ({ page, context, server, holdImport }) => {
  await server.import(OLD, { filename: 'people.csv' })
  const { name } = await backupOf(server)
  await changeEverything(server)
  const lock = holdImport(0)
  await lock.held
  await gotoBackups(page, server.url)
  await restore(page, name)
  await expect(barOf(page, 'Restore')).toHaveAttribute('aria-valuenow', '30')
  await expect(page).toHaveURL(/\?restore=/)

  await page.reload()
  await expect(barOf(page, 'Restore')).toHaveAttribute('aria-valuenow', '30')
  await expectInFront(page)
  const second = await context.newPage()
  const failures = watchFailures(second)
  await second.goto(page.url())
  await expect(barOf(second, 'Restore')).toHaveAttribute('aria-valuenow', '30')

  const dialog = dialogOf(page)
  await dialog.getByRole('button', { name: 'Stop and keep the current database' }).click()
  const ask = page.getByRole('alertdialog', { name: 'Stop this restore?' })
  await expect(ask.getByRole('button', { name: 'Keep restoring' })).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(ask).toBeHidden()
  await dialog.getByRole('button', { name: 'Stop and keep the current database' }).click()
  await ask.getByRole('button', { name: 'Stop restore' }).click()
  await expectOutcome(page, 'Restore stopped')
  await expect(dialog).toContainText('The database is exactly as it was.')
  await expect(dialogOf(second).getByRole('heading', { name: 'Restore stopped' })).toBeVisible()
  expect(failures).toEqual([])
  await lock.release()
  expect(await tableNames(server)).toEqual(['later', 'people'])
  expect((await server.table('people')).rows).toBe(1)
})

test('while an import runs a restore is not offered, and which one it is is told', async ({ page, server, makeFile, holdImport }) => {
  const { name } = await backupOf(server)
  const file = await makeFile(200_000)
  const lock = holdImport(60_000)
  const { body } = await server.upload(await readFile(file.path), { filename: file.name })
  await lock.held
  await gotoBackups(page, server.url)
  await restoreButton(page, name).click()
  const dialog = dialogOf(page)
  await expect(dialog).toContainText(`An import is running. ${file.name} into ${file.table} has to end, or to be cancelled`)
  await expect(dialog.getByRole('button', { name: 'Replace the database' })).toBeHidden()
  await lock.release()
  await server.outcome(body.sessionId)
  // Its end changed the tables, of which every page is told.
  await expect(dialog.getByRole('button', { name: 'Replace the database' })).toBeVisible()
  await expect(dialog).not.toContainText('An import is running.')
  await expect(dialog).toContainText(`Table ${file.table} and 1 import are not in this backup.`)
})

for (const blocked of ['nothing', 'live updates'] satisfies Blocked[]) {
  test(`another tab notices what changed and keeps search, focus and place, with ${blocked} blocked`, async ({ page, scope, server }) => {
    const { url } = await Proxy.start(scope, server, blocked)
    const passTime = await holdClock(page, blocked)
    const rows = Array.from({ length: 300 }, (_, index) => `${index},row ${index}`)
    await server.import(`id,name\n${rows.join('\n')}\n`, { filename: 'people.csv' })
    const before = await backupOf(server)
    await server.import('id,name\n7,row seven\n8,other\n', { filename: 'people.csv', options: { table: 'people', mode: 'append' } })
    await server.import('host\na\n', { filename: 'hosts.csv' })
    await page.goto(`${url}/tables/people?q=row&page=3`)
    const search = page.getByRole('searchbox', { name: 'Search all columns' })
    await expect(page.getByText('301 of 302 rows')).toBeVisible()
    await search.focus()
    await search.press('End')

    await restoreOf(server, before.name)
    await passTime()
    await expect(page.getByText('300 of 300 rows')).toBeVisible()
    await expect(search).toBeFocused()
    await expect(search).toHaveValue('row')
    await expect(page).toHaveURL(/\?q=row&page=3$|\?page=3&q=row$/)
    await expect(page.locator('.pager')).toContainText('Rows 201 to 300 of 300')
    expect((await gridOf(page)).at(-1)).toContain('row 299')

    await page.goto(`${url}/tables/hosts`)
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('There is no table called hosts')
    await page.goto(`${url}/tables/people`)
    await expect(page.getByRole('heading', { level: 1, name: 'people' })).toBeVisible()
    await server.request('DELETE', '/api/tables/people')
    await passTime()
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('There is no table called people')
    await expect(page.getByRole('status').filter({ hasText: 'The table people is no longer there.' })).toHaveCount(1)
  })
}

test('the keyboard is enough to back up, restore and go back', async ({ page, server }) => {
  await server.import(OLD, { filename: 'people.csv' })
  await page.goto('/')
  await expect(page.getByRole('heading', { level: 1, name: 'Tables' })).toBeVisible()
  await press('Backups')
  await expect(page.getByRole('heading', { level: 1, name: 'Backups' })).toBeFocused()
  await press('Back up now')
  await expectOutcome(page, 'Backup done')
  await page.keyboard.press('Escape')
  await expect(dialogOf(page)).toBeHidden()
  await expect(page.getByRole('button', { name: 'Back up now' })).toBeFocused()
  const [{ name } = { name: '' }] = await backupsOf(server)
  await changeEverything(server)
  await press(`Restore ${name}…`)
  await expect(dialogOf(page).getByRole('button', { name: 'Cancel' })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(restoreButton(page, name)).toBeFocused()
  await page.keyboard.press('Enter')
  await press('Replace the database')
  await expectOutcome(page, 'Database restored')
  expect(await tableNames(server)).toEqual(['people'])
  await press('Go back to before')
  await press('Replace the database')
  await expectOutcome(page, 'Database restored')
  await press('Show tables')
  await expect(page.getByRole('heading', { level: 1, name: 'Tables' })).toBeFocused()
  expect(await tableNames(server)).toEqual(['later', 'people'])

  /** Once there is something of that name to press, Tab until it has the focus, then press Enter. */
  async function press(wanted: string): Promise<void> {
    const [button, link] = (['button', 'link'] as const).map((role) => page.getByRole(role, { name: wanted, exact: true }))
    await expect(button!.or(link!).first()).toBeEnabled()
    const focused: string[] = []
    while (focused.at(-1) !== wanted) {
      expect(focused.length, `${wanted} is not among what Tab reaches: ${focused.join(' | ')}`).toBeLessThan(30)
      await page.keyboard.press('Tab')
      focused.push(await page.evaluate<string>('(document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent).trim()'))
    }
    await page.keyboard.press('Enter')
  }
})

test.describe('a database that another program keeps locked', () => {
  test.use({ settings: { BUSY_TIMEOUT_MS: '500' } })

  test('fails the restore with what is safe and what to do', async ({ page, server, holdImport }) => {
    await server.import(OLD, { filename: 'people.csv' })
    const { name } = await backupOf(server)
    await changeEverything(server)
    const lock = holdImport(0)
    await lock.held
    await gotoBackups(page, server.url)
    await restore(page, name)
    const dialog = dialogOf(page)
    await expectOutcome(page, 'The database was busy')
    await expect(dialog).toContainText('The database is exactly as it was.')
    await expect(dialog).toContainText('Try again. If it repeats, close other programs that have the database open.')
    await expect(dialog).toContainText('SQLITE_BUSY')
    await expect(page).toHaveTitle(`Failed ${name} — HexTrackr`)
    expect(await tableNames(server)).toEqual(['later', 'people'])
    await lock.release()
    await dialog.getByRole('button', { name: 'Restore…' }).click()
    await dialog.getByRole('button', { name: 'Replace the database' }).click()
    await expectOutcome(page, 'Database restored')
    expect(await tableNames(server)).toEqual(['people'])
  })
})

test('Back up now pressed twice is one backup', async ({ page, server }) => {
  await server.import(OLD, { filename: 'people.csv' })
  await gotoBackups(page, server.url)
  await page.getByRole('button', { name: 'Back up now' }).dblclick()
  await expectOutcome(page, 'Backup done')
  expect(await backupsOf(server)).toHaveLength(1)
  await expect(toasts(page)).not.toContainText('failed')
})

test('a file that is dropped or pasted leaves a restore in front, and what is asked', async ({ page, server, holdImport }) => {
  await server.import(OLD, { filename: 'people.csv' })
  const { name } = await backupOf(server)
  const lock = holdImport(0)
  await lock.held
  await gotoBackups(page, server.url)
  await restoreButton(page, name).click()
  const question = page.getByRole('dialog', { name: /^Go back to/ })
  await expect(question).toBeVisible()
  await giveFiles(page, 'drop', [{ name: 'more.csv', text: NEW }])
  await question.getByRole('button', { name: 'Replace the database' }).click()
  await expect(page).toHaveURL(/\/backups\?restore=/)
  for (const how of ['drop', 'paste'] as const) await giveFiles(page, how, [{ name: 'more.csv', text: NEW }])
  await expectInFront(page)
  await expect(page).toHaveURL(/\/backups\?restore=/)
  await lock.release()
  await expectOutcome(page, 'Database restored')
})

/** Every screen and state there is to look at, each reached as a person would. */
import type { BrowserContext, Page } from 'playwright/test'
import type { ImportRecord, ProgressSnapshot } from '../../server/protocol.ts'
import type { OperationKind } from '../../web/scripts/shared/operation.ts'
import { EXPLANATIONS } from '../../web/scripts/shared/failures.ts'
import { generate } from '../../bench/generate.ts'
import { newSessionId, temporaryFolder, TestServer, type Scope } from '../../server/test/support.ts'
import { barOf, chooseFiles, dialogOf, giveFiles, importFile, limitUpload, startImport, standsStill, textFile } from '../support/app.ts'
import { backupOf, expectOutcome, makeLarge, restore, restoreButton, restoreOf } from '../support/backups.ts'
import { expect } from '../support/expect.ts'
import { Proxy } from '../support/network.ts'
import { PATIENT, WriteLock } from '../../server/test/write-lock.ts'
import { fillServer, LONG_FILE } from './data.ts'
import { join } from 'node:path'

export interface Stage {
  page: Page
  context: BrowserContext
  scope: Scope
  /** Full of data; states that change it come last. */
  server: TestServer
}

export interface Scene {
  name: string
  /** One of many that differ in words alone: two pictures of it are enough. */
  isOneOfMany?: boolean
  /** Reached anew in each size, as what a press brings into sight is another place in a small window. */
  isShownInEachSize?: boolean
  /** Leaves the page as it is to be seen. */
  show: (stage: Stage) => Promise<void>
}

const at = (path: string, ready: string | RegExp) => async ({ page, server }: Stage): Promise<void> => {
  await page.goto(server.url + path)
  await expect(page.getByText(ready).first()).toBeVisible()
}

const emptyServer = async ({ page, scope }: Stage): Promise<TestServer> => {
  const server = await TestServer.start(scope, { env: PATIENT })
  await page.goto(server.url)
  return server
}

/** Stops the next import once it is that far; what an earlier scene left running ends first. */
async function hold({ scope, server }: Pick<Stage, 'scope' | 'server'>, rows: number): Promise<WriteLock> {
  await server.settled()
  return new WriteLock(scope, server, rows)
}

/** An import that stands still in the midst of its rows. */
async function importing({ page, scope, server }: Stage, url = server.url): Promise<WriteLock> {
  const path = join(temporaryFolder(scope), 'orders_2026.csv')
  await generate(path, 'narrow', 200_000)
  const lock = await hold({ scope, server }, 90_000)
  await page.goto(url)
  await importFile(page, path)
  await standsStill(page, lock)
  return lock
}

/** The list of imports after the server was killed in the midst of one, whose file it kept. */
async function interrupted(stage: Stage): Promise<void> {
  const server = await TestServer.start(stage.scope, { env: PATIENT })
  const lock = await importing({ ...stage, server })
  await server.kill('SIGKILL')
  await lock.release()
  const again = await TestServer.start(stage.scope, { dataDir: server.dataDir, env: PATIENT })
  await stage.page.goto(`${again.url}/imports`)
  await expect(stage.page.getByRole('button', { name: 'Resume import 1' })).toBeVisible()
}

async function interruptedReceipt(stage: Stage): Promise<void> {
  await interrupted(stage)
  await stage.page.getByRole('button', { name: 'Details of import 1' }).click()
  await expect(stage.page.getByRole('button', { name: 'Resume import', exact: true })).toBeVisible()
}

const openReceipt = (file: string, action: string) => async (stage: Stage): Promise<void> => {
  await at('/imports', 'Every file that came in')(stage)
  await stage.page.getByRole('row').filter({ hasText: file }).getByRole('button', { name: new RegExp(`^${action}`) }).first().click()
  await expect(dialogOf(stage.page)).toBeVisible()
}

/** Backups of every kind, and a database that has moved on since the newest one. */
async function backedUp({ page, scope }: Stage, env: Record<string, string> = PATIENT): Promise<{ server: TestServer, name: string }> {
  const server = await TestServer.start(scope, { env })
  await fillServer(server)
  const { name } = await backupOf(server)
  await server.request('DELETE', '/api/tables/weekly')
  await server.import('host\na\n', { filename: 'hosts.csv' })
  await restoreOf(server, name)
  await server.import('host,site\na,Bern\nb,Basel\n', { filename: 'hosts.csv' })
  await server.request('DELETE', '/api/tables/corrections')
  await page.goto(`${server.url}/backups`)
  await expect(restoreButton(page, name)).toBeVisible()
  return { server, name }
}

/** A restore that stands still before it has replaced anything. */
async function restoring(stage: Stage, env?: Record<string, string>): Promise<WriteLock> {
  const { server, name } = await backedUp(stage, env)
  const lock = new WriteLock(stage.scope, server, 0)
  await lock.held
  await restore(stage.page, name)
  return lock
}

async function chooseBackup(page: Page, name: string, content: Buffer): Promise<void> {
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Upload a backup…' }).click()
  await (await chooser).setFiles({ name, mimeType: 'application/octet-stream', buffer: content })
}

/** The screen of an operation that failed for a reason that is hard to come by. */
const failure = (kind: OperationKind, code: string): Scene => ({
  name: `failure-${kind}-${code.toLowerCase().replaceAll('_', '-')}`, isOneOfMany: true,
  show: async ({ page, server }) => {
    const sessionId = newSessionId()
    const error = { code, detail: 'The server says here what it tried, where, what it saw, and what would be right: line 1,204, column "opened at".' }
    const startedAt = Date.now() - 92_000
    const record: ImportRecord = {
      sessionId, number: 42, filename: 'nessus_export_w47.csv', table: 'findings', mode: 'upsert', status: 'error', rowsRead: 812_400, rowsInserted: 0, rowsUpdated: 0,
      rowsUnchanged: 0, rowsRejected: 0, startedAt, finishedAt: startedAt + 82_000, durationMs: 82_000, rowsPerSecond: 0, undoable: false, error,
    }
    const snapshot: ProgressSnapshot = {
      sessionId, progress: 64, status: 'error', message: error.detail, timestamp: startedAt + 82_000, error,
      metadata: { operation: kind === 'restore' ? 'restore' : 'backup', name: 'hextrackr-2026-11-24-0300.db', ...kind === 'upload' && { kind: 'uploaded' }, phase: { import: 'import', backup: 'copy', upload: 'upload', restore: 'restore' }[kind] },
    }
    await page.route(`**/api/imports/${sessionId}`, (route) => route.fulfill({ json: record }))
    await page.route(`**/api/progress/${sessionId}`, (route) => route.fulfill({ json: snapshot }))
    await page.goto(`${server.url}/${kind === 'import' ? 'imports' : 'backups'}?${kind}=${sessionId}`)
    await expect(dialogOf(page).getByRole('heading', { name: EXPLANATIONS[kind][code]!.title })).toBeVisible()
  },
})

/** A menu of the table page. */
const menu = (button: string | RegExp) => async (stage: Stage): Promise<void> => {
  await at('/tables/findings', 'Rows 1 to')(stage)
  await stage.page.getByRole('button', { name: button }).first().click()
  await expect(stage.page.locator('.menu:popover-open')).toBeVisible()
}

const PASSWORD = 'open sesame'

/** A server that asks who one is. */
async function signInPage({ page, scope }: Stage, path = '/'): Promise<void> {
  const server = await TestServer.start(scope, { env: { HEXTRACKR_PASSWORD: PASSWORD } })
  await page.goto(server.url + path)
  await expect(page.getByRole('heading', { level: 1, name: 'Sign in' })).toBeVisible()
}

async function accessPage(stage: Stage): Promise<void> {
  await signInPage(stage, '/access')
  await stage.page.getByLabel('Password').fill(PASSWORD)
  await stage.page.keyboard.press('Enter')
  await expect(stage.page.getByRole('heading', { level: 1, name: 'Access' })).toBeVisible()
}

async function makeToken(page: Page, name: string): Promise<void> {
  await page.getByLabel('What it is for').fill(name)
  await page.getByRole('button', { name: 'Make token' }).click()
  await expect(page.getByRole('row', { name })).toBeVisible()
}

/** An import whose file is sent at that many bytes a second, as soon as its dialog says so. */
const sendSlowly = (bytesPerSecond: number, says: string) => async ({ page, scope, server }: Stage): Promise<void> => {
  const path = join(temporaryFolder(scope), 'assets_2026.csv')
  await generate(path, 'narrow', 400_000)
  await page.goto(server.url)
  await chooseFiles(page, path)
  await expect(page.getByRole('button', { name: 'Start import' })).toBeEnabled()
  await limitUpload(page, bytesPerSecond)
  await startImport(page)
  await expect(dialogOf(page)).toContainText(says, { timeout: 60_000 })
}

export const SCENES: Scene[] = [
  { name: 'home-empty', show: async (stage) => {
    await emptyServer(stage)
    await expect(stage.page.getByRole('heading', { name: 'Bring in your first file' })).toBeVisible()
  } },
  { name: 'home-empty-refused', show: async (stage) => {
    await emptyServer(stage)
    await chooseFiles(stage.page, [textFile('nothing.csv', ''), { name: 'picture.csv', mimeType: 'image/png', buffer: Buffer.from('89504e470d0a1a0a0000000d', 'hex') }])
    await expect(stage.page.getByText('picture.csv is not a text file')).toBeVisible()
  } },
  { name: 'home-tables', show: at('/', 'All tables') },
  { name: 'home-over', show: async (stage) => {
    await at('/', 'All tables')(stage)
    await giveFiles(stage.page, 'hold', [{ name: 'a.csv', text: 'a' }])
  } },
  { name: 'imports', show: at('/imports', 'Every file that came in') },
  { name: 'imports-none-match', show: async (stage) => {
    await at('/imports', 'Every file that came in')(stage)
    await stage.page.getByRole('searchbox').fill('nothing is called this')
  } },
  { name: 'table', show: at('/tables/findings', 'Rows 1 to') },
  { name: 'table-wide', show: at(`/tables/${encodeURIComponent(LONG_FILE.replace('.csv', ''))}`, 'Rows 1 to') },
  { name: 'table-scripts', show: at(`/tables/${encodeURIComponent('人々 and people 🙂')}`, 'Rows 1 to') },
  { name: 'table-row', show: async (stage) => {
    await at(`/tables/${encodeURIComponent('人々 and people 🙂')}`, 'Rows 1 to')(stage)
    await stage.page.getByRole('button', { name: /show row$/ }).nth(1).click()
  } },
  { name: 'table-wide-row', show: at(`/tables/${encodeURIComponent(LONG_FILE.replace('.csv', ''))}?row=2`, 'Copy as CSV') },
  { name: 'table-filtered', show: at(`/tables/findings?${new URLSearchParams([['q', 'overflow'], ['sort', '-cvss'], ['filter[severity]', 'in:["Critical","High"]'], ['filter[cvss]', 'gte:7.5'], ['filter[owner]', 'notempty']]).toString()}`, 'Rows 1 to') },
  { name: 'table-column-menu', show: menu(/^severity/) },
  { name: 'table-number-menu', show: menu(/^cvss/) },
  { name: 'table-add-filter', show: menu('Add filter') },
  { name: 'table-columns', show: menu('Columns') },
  { name: 'table-export', show: menu('Export') },
  { name: 'table-rename', show: async (stage) => {
    await at('/tables/findings', 'Rows 1 to')(stage)
    await stage.page.getByRole('button', { name: 'Rename table' }).click()
    await expect(dialogOf(stage.page)).toBeVisible()
  } },
  { name: 'table-no-rows', show: at('/tables/findings?q=nothing+holds+this', 'No rows match') },
  { name: 'sql', show: at('/sql', 'Ask your tables') },
  { name: 'sql-result', show: at(`/sql?sql=${encodeURIComponent('SELECT severity, count(*) AS findings, round(avg(cvss), 2) AS "average score"\nFROM findings\nGROUP BY 1\nORDER BY 3 DESC')}`, /rows in/) },
  { name: 'sql-row', isShownInEachSize: true, show: async (stage) => {
    await at(`/sql?sql=${encodeURIComponent('SELECT * FROM findings')}`, 'rows in')(stage)
    await stage.page.getByRole('button', { name: /show row$/ }).nth(2).click()
  } },
  { name: 'sql-failed', show: at(`/sql?sql=${encodeURIComponent('SELECT severity\nFORM findings')}`, 'syntax error') },
  { name: 'sql-running', show: at(`/sql?sql=${encodeURIComponent('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n')}`, /Running, \d/) },
  { name: 'not-found', show: at('/nowhere', 'There is nothing at this address') },
  { name: 'table-not-found', show: at('/tables/none', 'There is no table called') },
  { name: 'unreachable', show: async ({ page, server }) => {
    await page.route('**/api/**', (route) => route.abort())
    await page.goto(server.url)
    await expect(page.getByText('The server is not answering')).toBeVisible()
  } },
  { name: 'crash', show: async ({ page, server }) => {
    await page.route('**/api/tables', (route) => route.fulfill({ status: 500, contentType: 'application/problem+json', body: '{"code":"INTERNAL","detail":"Something broke on the server. Its log says more."}' }))
    await page.goto(server.url)
    await expect(page.getByText('This page could not be shown')).toBeVisible()
  } },
  { name: 'import-preview', show: async ({ page, server }) => {
    await page.goto(server.url)
    await chooseFiles(page, join(import.meta.dirname, '../../data/sample-findings.csv'))
    await expect(page.getByRole('button', { name: 'Start import' })).toBeEnabled()
  } },
  { name: 'import-preview-hard', show: async ({ page, server }) => {
    await page.goto(server.url)
    await chooseFiles(page, textFile(LONG_FILE, 'الاسم;a column whose name is rather long, and longer still;account number;mood;;x\n'.padEnd(80) + 'مريم القاسمي;"a note that goes on and on; and on";123456789012345678901234567890;👩🏽‍🚀;1,5;\n'.repeat(30) + 'one;two\n'))
    await expect(page.getByRole('button', { name: 'Start import' })).toBeEnabled()
  } },
  { name: 'receipt-long-name', show: openReceipt(LONG_FILE, 'Receipt') },
  { name: 'receipt', show: openReceipt('nessus_export_w47.csv', 'Receipt') },
  { name: 'receipt-rejects', show: openReceipt('corrections.csv', 'Receipt') },
  { name: 'failed', show: openReceipt('blank.csv', 'Details') },
  { name: 'undo', show: async (stage) => {
    await at('/imports', 'Every file that came in')(stage)
    await stage.page.getByRole('button', { name: /^Undo import/ }).first().click()
    await expect(dialogOf(stage.page)).toBeVisible()
  } },
  { name: 'delete', show: async (stage) => {
    await at('/tables/findings', 'Rows 1 to')(stage)
    await stage.page.getByRole('button', { name: 'Delete table' }).click()
    await expect(dialogOf(stage.page)).toBeVisible()
  } },
  { name: 'progress-uploading', show: sendSlowly(200_000, 'Keep this tab open until the upload ends.') },
  { name: 'progress-arriving', show: sendSlowly(1_000_000, 'importing rows as the file arrives') },
  { name: 'progress-importing', show: async (stage) => {
    await importing(stage)
  } },
  { name: 'progress-why', show: async (stage) => {
    const { page, server } = stage
    const lock = await hold(stage, 60_000)
    await page.goto(server.url)
    await importFile(page, textFile(LONG_FILE, `id,host\n${Array.from({ length: 200_000 }, (_, row) => row % 500 === 7 ? `${row},too,many\n` : row % 3000 === 11 ? `${row},far,too,many,cells\n` : `${row},host-${row}\n`).join('')}`))
    await lock.held
    await dialogOf(page).getByRole('button', { name: 'See why' }).click()
    await expect(dialogOf(page)).toContainText('it has 5 fields')
  } },
  { name: 'progress-queued', show: async ({ page, scope }) => {
    const server = await TestServer.start(scope, { env: { ...PATIENT, MAX_RUNNING_IMPORTS: '1' } })
    await importing({ page, scope, server, context: page.context() })
    await page.keyboard.press('Escape')
    await importFile(page, textFile('nessus_export_w47.csv', 'a,b\n1,2\n'))
    await expect(dialogOf(page)).toContainText('Waiting its turn')
  } },
  { name: 'progress-polling', show: async (stage) => {
    const proxy = await Proxy.start(stage.scope, stage.server, 'live updates')
    const path = join(temporaryFolder(stage.scope), 'orders_2026.csv')
    await generate(path, 'narrow', 200_000)
    const lock = await hold(stage, 90_000)
    await stage.page.goto(proxy.url)
    await importFile(stage.page, path)
    await lock.held
    // The page tries for a while before it gives live updates up.
    await expect(dialogOf(stage.page)).toContainText('Live updates unavailable', { timeout: 60_000 })
    await expect(dialogOf(stage.page)).toContainText('importing rows', { timeout: 60_000 })
  } },
  { name: 'progress-many', show: async (stage) => {
    await importing(stage)
    await stage.page.keyboard.press('Escape')
    await giveFiles(stage.page, 'drop', Array.from({ length: 9 }, (_, index) => ({ name: index === 4 ? LONG_FILE : `site_${index}.csv`, text: 'a,b\n1,2\n' })))
    await expect(stage.page.getByRole('region', { name: 'Imports of this tab' }).getByRole('listitem')).toHaveCount(10)
  } },
  { name: 'progress-ask', show: async (stage) => {
    await importing(stage)
    await dialogOf(stage.page).getByRole('button', { name: 'Cancel import' }).click()
  } },
  { name: 'progress-reconnecting', show: async (stage) => {
    const proxy = await Proxy.start(stage.scope, stage.server)
    await importing(stage, proxy.url)
    proxy.block('live updates')
    await expect(dialogOf(stage.page)).toContainText('Connection lost')
  } },
  { name: 'progress-background', show: async (stage) => {
    await importing(stage)
    await stage.page.keyboard.press('Escape')
    await stage.page.getByRole('banner').getByRole('button', { name: /Show all$/ }).click()
    await expect(stage.page.getByRole('region', { name: 'Imports of this tab' })).toBeVisible()
  } },
  { name: 'progress-cancelled', show: async (stage) => {
    const lock = await importing(stage)
    await dialogOf(stage.page).getByRole('button', { name: 'Cancel import' }).click()
    await dialogOf(stage.page).getByRole('button', { name: 'Stop import' }).click()
    await lock.release()
    await expect(dialogOf(stage.page)).toContainText('Import cancelled')
  } },
  { name: 'interrupted', show: interrupted },
  { name: 'interrupted-kept', show: interruptedReceipt },
  { name: 'interrupted-delete', show: async (stage) => {
    await interruptedReceipt(stage)
    await stage.page.getByRole('button', { name: 'Delete it…' }).click()
    await expect(stage.page.getByRole('button', { name: 'Delete file' })).toBeVisible()
  } },
  { name: 'backups-empty', show: async (stage) => {
    const { url } = await emptyServer(stage)
    await stage.page.goto(`${url}/backups`)
    await expect(stage.page.getByRole('heading', { name: 'No backup yet' })).toBeVisible()
  } },
  { name: 'backups', show: async (stage) => {
    await backedUp(stage)
  } },
  { name: 'backups-scheduled', show: async (stage) => {
    await backedUp(stage, { ...PATIENT, BACKUP_SCHEDULE: '0 2 * * *', KEEP_SCHEDULED_BACKUPS: '14' })
  } },
  { name: 'backups-confirm', show: async (stage) => {
    const { name } = await backedUp(stage)
    await restoreButton(stage.page, name).click()
    await expect(dialogOf(stage.page).getByRole('button', { name: 'Replace the database' })).toBeVisible()
  } },
  { name: 'backups-delete', show: async (stage) => {
    const { name } = await backedUp(stage)
    await stage.page.getByRole('button', { name: `Delete ${name}` }).click()
    await expect(dialogOf(stage.page)).toBeVisible()
  } },
  { name: 'backups-running', show: async (stage) => {
    const { server } = await backedUp(stage)
    makeLarge(server)
    await stage.page.getByRole('button', { name: 'Back up now' }).click()
    await expect(barOf(stage.page, 'Backup')).toBeVisible()
    // It stands still for as long as it is looked at.
    server.process.kill('SIGSTOP')
  } },
  { name: 'backups-done', show: async (stage) => {
    await backedUp(stage)
    await stage.page.getByRole('button', { name: 'Back up now' }).click()
    await expectOutcome(stage.page, 'Backup done')
  } },
  { name: 'backups-restoring', show: async (stage) => {
    await restoring(stage)
    await expect(barOf(stage.page, 'Restore')).toHaveAttribute('aria-valuenow', '30')
  } },
  { name: 'backups-restored', show: async (stage) => {
    const { name } = await backedUp(stage)
    await restore(stage.page, name)
    await expectOutcome(stage.page, 'Database restored')
  } },
  { name: 'backups-failed', show: async (stage) => {
    await restoring(stage, { BUSY_TIMEOUT_MS: '500' })
    await expectOutcome(stage.page, 'The database was busy')
  } },
  { name: 'backups-over', show: async (stage) => {
    await backedUp(stage)
    await giveFiles(stage.page, 'hold', [{ name: 'from-my-disk.db', text: '' }])
    await expect(stage.page.getByText('Let go to upload the backup')).toBeVisible()
  } },
  { name: 'backups-upload-refused', show: async (stage) => {
    await backedUp(stage)
    await chooseBackup(stage.page, 'export.sqlite.zip', Buffer.from([0x50, 0x4B, 3, 4, 0, 0]))
    await expect(stage.page.getByText('export.sqlite.zip is not a HexTrackr backup.')).toBeVisible()
  } },
  { name: 'backups-upload-damaged', show: async (stage) => {
    const { server, name } = await backedUp(stage)
    const content = Buffer.from(await (await fetch(`${server.url}/api/backups/${name}`)).arrayBuffer())
    await chooseBackup(stage.page, 'from-my-disk.db', content.subarray(0, content.length - 8192))
    await expectOutcome(stage.page, 'That backup is damaged')
  } },
  ...(Object.keys(EXPLANATIONS) as OperationKind[]).flatMap((kind) => Object.keys(EXPLANATIONS[kind]).map((code) => failure(kind, code))),
  { name: 'failure-gone', show: async ({ page, server }) => {
    await page.goto(`${server.url}/imports?import=${newSessionId()}`)
    await expect(dialogOf(page).getByRole('heading', { name: 'The server does not know this import' })).toBeVisible()
  } },
  { name: 'sign-in', show: (stage) => signInPage(stage) },
  { name: 'sign-in-wrong', show: async (stage) => {
    await signInPage(stage)
    await stage.page.getByLabel('Password').fill('a guess')
    await stage.page.keyboard.press('Enter')
    await expect(stage.page.getByText('That is not the password.')).toBeVisible()
  } },
  { name: 'access-empty', show: accessPage },
  { name: 'access-tokens', show: async (stage) => {
    await accessPage(stage)
    for (const name of ['nightly import', 'a script whose purpose takes rather many words to tell, and then some more']) await makeToken(stage.page, name)
  } },
  { name: 'access-revoke', show: async (stage) => {
    await accessPage(stage)
    await makeToken(stage.page, 'nightly import')
    await stage.page.getByRole('button', { name: 'Revoke nightly import' }).click()
    await expect(dialogOf(stage.page)).toBeVisible()
  } },
]

export async function fullServer(scope: Scope): Promise<TestServer> {
  const server = await TestServer.start(scope, { env: PATIENT })
  await fillServer(server)
  return server
}

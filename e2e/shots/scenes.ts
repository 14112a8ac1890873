/** Every screen and state there is to look at, each reached as a person would. */
import { expect, type BrowserContext, type Page } from 'playwright/test'
import { generate } from '../../bench/generate.ts'
import { temporaryFolder, TestServer, type Scope } from '../../server/test/support.ts'
import { chooseFiles, dialogOf, importFile, limitUpload, startImport, standsStill, textFile } from '../support/app.ts'
import { Proxy } from '../support/network.ts'
import { PATIENT, WriteLock } from '../support/write-lock.ts'
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

/** An import that stands still in the midst of its rows. */
async function importing({ page, scope, server }: Stage, url = server.url): Promise<WriteLock> {
  const path = join(temporaryFolder(scope), 'orders_2026.csv')
  await generate(path, 'narrow', 200_000)
  const lock = new WriteLock(scope, server, 90_000)
  await page.goto(url)
  await importFile(page, path)
  await standsStill(page, lock)
  return lock
}

const openReceipt = (file: string, action: string) => async (stage: Stage): Promise<void> => {
  await at('/imports', 'Every file that came in')(stage)
  await stage.page.getByRole('row').filter({ hasText: file }).getByRole('button', { name: new RegExp(`^${action}`) }).first().click()
  await expect(dialogOf(stage.page)).toBeVisible()
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
    await stage.page.evaluate(`(() => {
      const data = new DataTransfer()
      data.items.add(new File(['a'], 'a.csv', { type: 'text/csv' }))
      document.body.dispatchEvent(new DragEvent('dragenter', { bubbles: true, dataTransfer: data }))
    })()`)
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
  { name: 'table-no-rows', show: at('/tables/findings?q=nothing+holds+this', 'No rows match') },
  { name: 'sql', show: at('/sql', 'Ask your tables') },
  { name: 'sql-result', show: at(`/sql?sql=${encodeURIComponent('SELECT severity, count(*) AS findings, round(avg(cvss), 2) AS "average score"\nFROM findings\nGROUP BY 1\nORDER BY 3 DESC')}`, /rows in/) },
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
  { name: 'progress-uploading', show: async ({ page, scope, server }) => {
    const path = join(temporaryFolder(scope), 'assets_2026.csv')
    await generate(path, 'narrow', 400_000)
    await page.goto(server.url)
    await chooseFiles(page, path)
    await expect(page.getByRole('button', { name: 'Start import' })).toBeEnabled()
    await limitUpload(page, 200_000)
    await startImport(page)
    await expect(dialogOf(page)).toContainText('Keep this tab open until the upload ends.')
  } },
  { name: 'progress-importing', show: async (stage) => {
    await importing(stage)
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
    await stage.page.getByRole('button', { name: /^Imports: / }).click()
  } },
  { name: 'progress-cancelled', show: async (stage) => {
    const lock = await importing(stage)
    await dialogOf(stage.page).getByRole('button', { name: 'Cancel import' }).click()
    await dialogOf(stage.page).getByRole('button', { name: 'Stop import' }).click()
    await lock.release()
    await expect(dialogOf(stage.page)).toContainText('Import cancelled')
  } },
]

export async function fullServer(scope: Scope): Promise<TestServer> {
  const server = await TestServer.start(scope, { env: PATIENT })
  await fillServer(server)
  return server
}

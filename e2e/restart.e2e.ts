import type { Page } from 'playwright/test'
import type { ImportRecord } from '../server/protocol.ts'
import { TestServer, type Scope } from '../server/test/support.ts'
import { dialogOf, expectReceipt, importFile, standsStill } from './support/app.ts'
import { violationsOf } from './support/axe.ts'
import { expect, test, type GeneratedFile } from './support/test.ts'
import { PATIENT, type WriteLock } from '../server/test/write-lock.ts'

test.use({ settings: PATIENT })

/** Kill the server in the middle of an import that the page follows, and start it again on the same port. */
async function restart(page: Page, scope: Scope, server: TestServer, file: GeneratedFile, lock: WriteLock): Promise<TestServer> {
  await page.goto('/')
  await importFile(page, file.path)
  await standsStill(page, lock)
  await server.kill('SIGKILL')
  await expect(dialogOf(page)).toContainText('Connection lost, reconnecting.')
  await lock.release()
  const again = await TestServer.start(scope, { dataDir: server.dataDir, env: { PORT: new URL(server.url).port } })
  await expect(dialogOf(page).getByRole('heading', { name: 'The server restarted during this import' })).toBeFocused()
  return again
}

test('the server is killed in the middle of an import: none of its rows are kept, and one press resumes it', async ({ page, scope, server, makeFile, holdImport }) => {
  const file = await makeFile(200_000)
  const again = await restart(page, scope, server, file, holdImport(60_000))
  const dialog = dialogOf(page)
  await expect(dialog).toContainText('Nothing was written. No table was created or changed.')
  await expect(dialog).toContainText('the server still has the whole file, so nothing has to be sent again.')
  await expect(dialog).toContainText('INTERRUPTED')
  expect((await again.get('/api/tables')).body).toEqual([])
  expect(await violationsOf(page)).toEqual([])
  await dialog.getByRole('button', { name: 'Resume import' }).click()
  await expectReceipt(page, file.table, file.rows)
  expect((await again.table(file.table)).rows).toBe(file.rows)
})

test('what was interrupted is resumed from the history, which says by which import', async ({ page, scope, server, makeFile, holdImport }) => {
  const file = await makeFile(200_000)
  await restart(page, scope, server, file, holdImport(60_000))
  await page.keyboard.press('Escape')
  await expect(dialogOf(page)).toBeHidden()
  await page.getByRole('link', { name: 'Imports', exact: true }).click()
  const row = page.getByRole('row', { name: '#1' })
  await expect(row).toContainText('Failed')
  await expect(row).toContainText('INTERRUPTED')
  await row.getByRole('button', { name: 'Resume import 1' }).dblclick()
  await expectReceipt(page, file.table, file.rows)
  await expect(page.getByText('The import could not be resumed')).toHaveCount(0)
  await page.keyboard.press('Escape')
  await expect(page.getByRole('row', { name: 'Resumed as #2' })).toContainText('#1')
})

test('where the kept file is gone, resuming says so, and the file can be sent again', async ({ page, scope, server, makeFile, holdImport }) => {
  const file = await makeFile(200_000)
  const again = await restart(page, scope, server, file, holdImport(60_000))
  const dialog = dialogOf(page)
  await expect(dialog.getByRole('button', { name: 'Resume import' })).toBeVisible()
  const [{ sessionId }] = (await again.get<[{ sessionId: string }]>('/api/imports')).body
  expect((await again.request('DELETE', `/api/imports/${sessionId}/file`)).status).toBe(204)
  await dialog.getByRole('button', { name: 'Resume import' }).click()
  await dialog.getByRole('button', { name: 'Upload again' }).click()
  await expectReceipt(page, file.table, file.rows)
  await expect(page.getByText('The import could not be resumed')).toBeVisible()
})

test('the kept file of an interrupted import is deleted when somebody says so, and only then', async ({ page, scope, server, makeFile, holdImport }) => {
  const file = await makeFile(200_000)
  const again = await restart(page, scope, server, file, holdImport(60_000))
  const kept = async (): Promise<unknown> => (await again.get<ImportRecord[]>('/api/imports')).body[0]?.stagedFile
  const dialog = page.locator('#progress')
  await expect(dialog).toContainText(/The server keeps the file, [\d.]+\u00A0MB, until /)
  const remove = dialog.getByRole('button', { name: 'Delete it…' })
  await remove.click()
  const question = page.getByRole('dialog', { name: /^Delete .* from the server\?$/ })
  await expect(question.getByRole('button', { name: 'Keep the file' })).toBeFocused()
  expect(await violationsOf(page)).toEqual([])
  await page.keyboard.press('Escape')
  await expect(question).toBeHidden()
  await expect(remove).toBeFocused()
  expect(await kept()).toBeDefined()

  await remove.click()
  await question.getByRole('button', { name: 'Delete file' }).click()
  await expect(dialog.getByRole('button', { name: 'Upload again' })).toBeVisible()
  await expect(dialog.getByRole('heading', { name: 'The server restarted during this import' })).toBeFocused()
  await expect(remove).toBeHidden()
  expect(await kept()).toBeUndefined()
  expect(again.stagedFiles()).toEqual([])
  await page.keyboard.press('Escape')
  await page.getByRole('link', { name: 'Imports', exact: true }).click()
  await expect(page.getByRole('row', { name: '#1' })).toContainText('INTERRUPTED')
  await expect(page.getByRole('button', { name: 'Resume import 1' })).toBeHidden()
})

import { TestServer } from '../server/test/support.ts'
import { dialogOf, expectReceipt, importFile, standsStill } from './support/app.ts'
import { expect, test } from './support/test.ts'
import { PATIENT } from './support/write-lock.ts'

test.use({ settings: PATIENT })

test('the server is killed in the middle of an import: nothing is kept, and the page says so', async ({ page, scope, server, makeFile, holdImport }) => {
  const file = await makeFile(200_000)
  const lock = holdImport(60_000)
  await page.goto('/')
  await importFile(page, file.path)
  const dialog = dialogOf(page)
  await standsStill(page, lock)
  await server.kill('SIGKILL')
  await expect(dialog).toContainText('Connection lost, reconnecting.')
  await lock.release()
  const again = await TestServer.start(scope, { dataDir: server.dataDir, env: { PORT: new URL(server.url).port } })

  await expect(dialog.getByRole('heading', { name: 'The server restarted during this import' })).toBeFocused()
  await expect(dialog).toContainText('Nothing was written. No table was created or changed.')
  await expect(dialog).toContainText('INTERRUPTED')
  expect((await again.get('/api/tables')).body).toEqual([])
  expect(again.stagedFiles()).toHaveLength(1)
  await page.keyboard.press('Escape')
  await expect(dialog).toBeHidden()

  await page.getByRole('link', { name: 'Imports', exact: true }).click()
  const row = page.getByRole('row', { name: file.name })
  await expect(row).toContainText('Failed')
  await expect(row).toContainText('INTERRUPTED')
  await row.getByRole('button', { name: 'Details of import 1' }).click()
  await dialog.getByRole('button', { name: 'Retry import' }).click()
  await expectReceipt(page, file.table, file.rows)
})

import { dialogOf, expectReceipt, importFile } from './support/app.ts'
import { expect, test } from './support/test.ts'

test.use({ settings: { BUSY_TIMEOUT_MS: '500' } })

test('another program keeps the database locked: told in words, retried with one press', async ({ page, server, makeFile, holdImport }) => {
  const file = await makeFile(200_000)
  const lock = holdImport(60_000)
  await page.goto('/')
  await importFile(page, file.path)
  await lock.held
  const dialog = dialogOf(page)
  await expect(dialog.getByRole('heading', { name: 'The database was busy' })).toBeFocused()
  await expect(dialog).toContainText('Another program held a lock on the database for too long, so rows could not be written.')
  await expect(dialog).toContainText('Nothing was written. No table was created or changed.')
  await expect(dialog).toContainText('Retry. If it repeats, close other programs that have the database open.')
  await expect(dialog).toContainText('SQLITE_BUSY')
  await expect(page).toHaveTitle(`Failed ${file.name} — HexTrackr`)
  expect((await server.get('/api/tables')).body).toEqual([])

  await lock.release()
  await dialog.getByRole('button', { name: 'Retry import' }).click()
  await expectReceipt(page, file.table, file.rows)
  expect((await server.table(file.table)).rows).toBe(file.rows)
})

import { beginSlowUpload, dialogOf, expectReceipt, importFile, limitUpload, percentOf, standsStill } from './support/app.ts'
import { expect, test, watchFailures } from './support/test.ts'
import { PATIENT } from '../server/test/write-lock.ts'

test.use({ settings: PATIENT })

test('a reload in the middle of an import brings its dialog back where it was', async ({ page, makeFile, holdImport }) => {
  const file = await makeFile(200_000)
  const lock = holdImport(60_000)
  await page.goto('/')
  await importFile(page, file.path)
  const before = await standsStill(page, lock)

  await page.reload()
  await expect(dialogOf(page)).toContainText(file.name)
  expect(await standsStill(page, lock)).toBeGreaterThanOrEqual(before)
  await lock.release()
  await expectReceipt(page, file.table, file.rows)

  await page.reload()
  await expectReceipt(page, file.table, file.rows)
})

test('a second tab on the same address follows the import and may be the only one', async ({ page, context, makeFile, holdImport }) => {
  const file = await makeFile(200_000)
  const lock = holdImport(60_000)
  await page.goto('/')
  await importFile(page, file.path)
  await standsStill(page, lock)
  await expect(page).toHaveURL(/\?import=/)

  const second = await context.newPage()
  const failures = watchFailures(second)
  await second.goto(page.url())
  expect(await standsStill(second, lock)).toBe(await percentOf(page))
  await page.close()
  await lock.release()
  await expectReceipt(second, file.table, file.rows)
  expect(failures).toEqual([])
})

test('a reload during the upload ends it, and says so', async ({ page, server, makeFile }) => {
  const file = await makeFile(200_000)
  await beginSlowUpload(page, file.path)

  const asked: string[] = []
  page.on('dialog', (dialog) => {
    asked.push(dialog.type())
    void dialog.accept()
  })
  await page.reload()
  expect(asked).toEqual(['beforeunload'])
  const dialog = dialogOf(page)
  await expect(dialog.getByRole('heading', { name: 'The upload was interrupted' })).toBeFocused()
  await expect(dialog).toContainText('Nothing was written. No table was created or changed.')
  await expect(dialog).toContainText(`This tab no longer holds ${file.name}, so choose it again.`)
  expect((await server.get('/api/tables')).body).toEqual([])
  await server.settled()

  const chooser = page.waitForEvent('filechooser')
  await limitUpload(page, -1)
  await dialog.getByRole('button', { name: 'Choose the file again' }).click()
  await (await chooser).setFiles(file.path)
  await expectReceipt(page, file.table, file.rows)
})

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder, TestServer } from '../server/test/support.ts'
import { chooseFiles, dialogOf, expectReceipt, importFile, pressIfThere, startImport, textFile } from './support/app.ts'
import { expect, test } from './support/test.ts'

const PNG = { name: 'picture.csv', mimeType: 'text/csv', buffer: Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex') }

test('what is empty or no text is refused before it is sent, and the reason stays on the page', async ({ page, server }) => {
  const sent: string[] = []
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().includes('/api/')) sent.push(request.url())
  })
  await page.goto('/')
  await page.getByLabel('Choose file').setInputFiles([textFile('nothing.csv', ''), PNG])
  const alerts = page.getByRole('main').getByRole('alert')
  await expect(alerts).toContainText('nothing.csv is empty. Nothing was uploaded.')
  await expect(alerts).toContainText('picture.csv is not a text file. Nothing was uploaded.')
  await expect(dialogOf(page)).toBeHidden()
  expect(sent).toEqual([])
  expect((await server.get('/api/imports')).body).toEqual([])
})

test('a file refused among others does not keep them out', async ({ page, server }) => {
  await page.goto('/')
  await page.getByLabel('Choose file').setInputFiles([PNG, textFile('good.csv', 'id\n1\n')])
  await startImport(page)
  await expectReceipt(page, 'good', 1)
  expect((await server.get<unknown[]>('/api/imports')).body).toHaveLength(1)
})

test('a single line of 30 MB is refused with the reason, and nothing is kept', async ({ page, scope, server }) => {
  const path = join(temporaryFolder(scope), 'endless.csv')
  await writeFile(path, 'x'.repeat(30_000_000))
  await page.goto('/')
  await importFile(page, path)
  const dialog = dialogOf(page)
  await expect(dialog.getByRole('heading', { name: 'A row is too large' })).toBeFocused()
  await expect(dialog).toContainText('Nothing was written. No table was created or changed.')
  await expect(dialog).toContainText('A quote that never closes is the usual reason')
  await expect(dialog).toContainText('ROW_TOO_LARGE')
  expect((await server.get('/api/tables')).body).toEqual([])
  await server.settled()
  await dialog.getByRole('button', { name: 'Back to options' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Import endless.csv' })).toBeVisible()
})

test('text that is not in the encoding that was chosen names the line', async ({ page }) => {
  await page.goto('/')
  const lines = Array.from({ length: 60_000 }, (_, index) => `${index},some text`).join('\n')
  await chooseFiles(page, { name: 'cut.csv', mimeType: 'text/csv', buffer: Buffer.concat([Buffer.from(`id,text\n${lines}\n7,`), Buffer.from([0xff]), Buffer.from('\n')]) })
  await page.getByRole('combobox', { name: 'Encoding' }).selectOption({ label: 'UTF-8' })
  await startImport(page)
  await expect(dialogOf(page).getByRole('heading', { name: 'The file’s encoding cannot be read' })).toBeFocused()
  await expect(dialogOf(page)).toContainText('First bad byte at line 60002.')
})

test('a server that is gone is told on every page, which comes back by itself', async ({ page, scope, server }) => {
  await page.goto('/')
  await expect(page.getByRole('heading', { name: 'Bring in your first file' })).toBeVisible()
  await server.kill()
  await page.getByRole('link', { name: 'Imports', exact: true }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'The server is not answering' })).toBeFocused()
  await expect(page.getByText(/^Next try in \d+ s, last answer/)).toBeVisible()
  const again = page.getByRole('button', { name: 'Try now' })
  await expect(again).toBeVisible()
  await TestServer.start(scope, { dataDir: server.dataDir, env: { PORT: new URL(server.url).port } })
  await pressIfThere(again)
  await expect(page.getByRole('heading', { level: 1, name: 'Imports' })).toBeVisible()
})

test('a server that is gone when the file is sent: told, and sent again when it is back', async ({ page, scope, server }) => {
  await page.goto('/')
  await page.getByLabel('Choose file').setInputFiles(textFile('late.csv', 'id\n1\n2\n'))
  await expect(page.getByRole('button', { name: 'Start import' })).toBeEnabled()
  await server.kill()
  await startImport(page)
  const dialog = dialogOf(page)
  await expect(dialog.getByRole('heading', { name: 'The server could not be reached' })).toBeFocused()
  await expect(dialog).toContainText('Nothing was written. No table was created or changed.')
  await expect(dialog.getByRole('button', { name: 'Upload again' })).toBeVisible()
  await TestServer.start(scope, { dataDir: server.dataDir, env: { PORT: new URL(server.url).port } })
  await dialog.getByRole('button', { name: 'Upload again' }).click()
  await expectReceipt(page, 'late', 2)
})

test('where the browser keeps its storage from the page, all of it works without', async ({ page }) => {
  await page.addInitScript(`for (const name of ['localStorage', 'sessionStorage']) {
    Object.defineProperty(window, name, { get() { throw new DOMException('Access is denied for this document.', 'SecurityError') } })
  }`)
  await page.goto('/')
  await page.getByLabel('Choose file').setInputFiles(textFile('kept.csv', 'id\n1\n2\n'))
  await startImport(page)
  await expectReceipt(page, 'kept', 2)
  await page.goto('/sql?sql=SELECT+42+AS+answer')
  await expect(page.getByRole('table')).toContainText('42')
})

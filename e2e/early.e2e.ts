import { barOf, beginSlowUpload, dialogOf, expectReceipt, grouped, limitUpload, recordBar } from './support/app.ts'
import { expect, test } from './support/test.ts'

const ROWS = 300_000

test('rows of a file are brought in while it is still sent, and the dialog says both', async ({ page, makeFile }) => {
  const file = await makeFile(ROWS)
  await beginSlowUpload(page, file.path)
  const readBar = await recordBar(page)
  const dialog = dialogOf(page)
  await expect(dialog).toContainText('importing rows as the file arrives')
  await expect(dialog.getByRole('definition').first()).toContainText(/^[1-9][\d,]*/)
  await expect(dialog).toContainText('Keep this tab open until the upload ends.')
  const steps = dialog.getByRole('listitem')
  await expect(steps.filter({ hasText: 'Upload' })).toHaveAttribute('data-step', 'now')
  await expect(steps.filter({ hasText: 'Import' })).toHaveAttribute('data-step', 'now')
  await expect(barOf(page)).toHaveAttribute('aria-valuetext', /^Step 3 of 4, importing: [\d,]+ rows$/)
  await limitUpload(page, -1)
  await expectReceipt(page, file.table, ROWS)
  const samples = await readBar()
  expect(samples.filter(({ isArriving }) => isArriving).length).toBeGreaterThan(0)
  const percents = samples.map(({ percent }) => percent)
  expect(percents).toEqual(percents.toSorted((a, b) => a - b))
})

test('an import is stopped while its file is still sent', async ({ page, server, makeFile }) => {
  const file = await makeFile(ROWS)
  await beginSlowUpload(page, file.path)
  const dialog = dialogOf(page)
  await expect(dialog).toContainText('importing rows as the file arrives')
  await dialog.getByRole('button', { name: 'Cancel import' }).click()
  const ask = page.getByRole('alertdialog', { name: 'Stop this import?' })
  await expect(ask).toContainText('The upload ends and what has arrived is discarded.')
  await ask.getByRole('button', { name: 'Stop import' }).click()
  await expect(dialog.getByRole('heading', { name: 'Import cancelled' })).toBeFocused()
  expect((await server.get('/api/tables')).body).toEqual([])
  await server.settled()
})

test('who has left the sending tab sees in another one that the file still arrives', async ({ page, context, server, makeFile }) => {
  const file = await makeFile(ROWS)
  await beginSlowUpload(page, file.path)
  await expect(dialogOf(page)).toContainText('importing rows as the file arrives')
  const [running] = (await server.get<{ sessionId: string }[]>('/api/imports')).body
  const other = await context.newPage()
  await other.goto(`/?import=${running!.sessionId}`)
  await expect(dialogOf(other)).toContainText('Another tab is uploading this file. You may close this one.')
  await limitUpload(page, -1)
  await expect(dialogOf(other)).toContainText(grouped(ROWS))
  await expectReceipt(other, file.table, ROWS)
})

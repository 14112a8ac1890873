import { readFileSync } from 'node:fs'
import { chooseFiles, dialogOf, gridOf, startImport, textFile } from './support/app.ts'
import { holdAnswer } from './support/network.ts'
import { expect, test } from './support/test.ts'

const outcomeOf = (page: Parameters<typeof dialogOf>[0]) => page.locator('#outcome-title')

test('a preview shows how the file is read, and follows every change', async ({ page, server }) => {
  await page.goto('/')
  await chooseFiles(page, textFile('people.csv', 'id;name;code\n1;"Meier; Anna";007\n2;O\'Brien;12\n'))
  await expect(page.getByRole('combobox', { name: 'Delimiter' })).toContainText('Semicolon')
  await expect(page.getByRole('combobox', { name: 'Type of code' })).toContainText('Text, automatic')
  await expect.poll(async () => (await gridOf(page))[0]).toEqual(['1', '1', 'Meier; Anna', '007'])

  await page.getByRole('combobox', { name: 'Delimiter' }).selectOption({ label: 'Comma ( , )' })
  await expect(page.getByRole('combobox', { name: 'Type of id;name;code' })).toBeVisible()
  await page.getByRole('combobox', { name: 'Delimiter' }).selectOption({ label: 'Semicolon ( ; )' })

  await page.getByRole('textbox', { name: 'Name of name' }).fill('person')
  await page.getByRole('checkbox', { name: 'Import id' }).uncheck()
  await page.getByRole('combobox', { name: 'Type of code' }).selectOption({ label: 'Integer' })
  await page.getByRole('textbox', { name: 'Table name' }).fill('staff')
  await startImport(page)
  await expect(outcomeOf(page)).toHaveText('Created staff')
  expect((await server.table('staff')).columns).toEqual([{ name: 'person', type: 'TEXT' }, { name: 'code', type: 'INTEGER' }])
  expect((await server.rows('staff')).rows).toEqual([['Meier; Anna', 7], ['O\'Brien', 12]])
  expect((await server.get('/api/imports')).body).toHaveLength(1)
})

test('a file is appended, updates by key, replaces all, and each is undone', async ({ page, server }) => {
  await server.import('id,v\n1,a\n2,b\n', { options: { table: 'weekly' } })
  const original = await server.export('weekly')

  for (const { mode, csv, ledger, after } of [
    { mode: 'Append', csv: 'id,v\n3,c\n', ledger: 'Added1', after: [[1, 'a'], [2, 'b'], [3, 'c']] },
    { mode: 'Update and add', csv: 'id,v\n1,a\n2,x\n3,c\n', ledger: 'Updated1', after: [[1, 'a'], [2, 'x'], [3, 'c']] },
    { mode: 'Replace all', csv: 'id,v\n9,z\n', ledger: 'Added1', after: [[9, 'z']] },
  ]) {
    await page.goto('/')
    await chooseFiles(page, textFile('weekly.csv', csv))
    await page.getByRole('radio', { name: mode }).check()
    await page.getByRole('combobox', { name: 'Table', exact: true }).selectOption('weekly')
    if (mode === 'Update and add') await page.getByRole('combobox', { name: 'Key columns' }).selectOption('id')
    await startImport(page)
    await expect(outcomeOf(page)).toContainText('weekly')
    await expect(dialogOf(page).getByText('adds up')).toBeVisible()
    const lines = (await dialogOf(page).locator('dl > div').allInnerTexts()).map((line) => line.replace(/\s+/g, ''))
    expect(lines).toContain(ledger)
    expect((await server.rows('weekly')).rows).toEqual(after)

    await page.getByRole('button', { name: 'Undo import' }).click()
    await expect(page.getByRole('heading', { name: 'Undo this import?' })).toBeVisible()
    await expect(page.getByRole('button', { name: 'Keep the import' })).toBeFocused()
    await page.getByRole('button', { name: 'Undo import' }).last().click()
    await expect.poll(() => server.export('weekly')).toBe(original)
  }
})

test('an undo that a later import blocks says which one', async ({ page, server }) => {
  await server.import('a\n1\n', { options: { table: 't' } })
  await server.import('a\n2\n', { options: { table: 't', mode: 'append' } })
  const [, first] = (await server.get<{ sessionId: string, undoable: boolean }[]>('/api/imports')).body
  expect(first!.undoable).toBe(false)
  const { body } = await server.request<{ detail: string }>('POST', `/api/imports/${first!.sessionId}/undo`)
  expect(body.detail).toContain('Undo #2 first.')
  await page.goto('/imports')
  await expect(page.getByRole('main').getByText('Undo #2 first')).toBeVisible()
})

test('the undo that was asked for last is the one that is offered, whichever is answered first', async ({ page, server }) => {
  const first = await server.import('a\n1\n', { filename: 'one.csv' })
  await server.import('a\n2\n', { filename: 'two.csv' })
  await page.goto('/imports')
  const slow = await holdAnswer(page, `/api/imports/${first.sessionId}`)
  await page.getByRole('button', { name: 'Undo import 1' }).click()
  await slow.given
  await page.getByRole('button', { name: 'Undo import 2' }).click()
  await expect(dialogOf(page)).toContainText('Import #2 into two')
  await slow.release()
  await expect(dialogOf(page)).toContainText('Import #2 into two')
})

test('rejected rows are downloaded with the reasons, corrected, and dropped back in', async ({ page, server }) => {
  await page.goto('/')
  await chooseFiles(page, textFile('findings.csv', 'id,v\n1,a\n2,b,surplus\n3,c\n'))
  await startImport(page)
  await expect(outcomeOf(page)).toHaveText('Created findings')
  const downloading = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Download with reasons' }).click()
  const download = await downloading
  const rejects = readFileSync(await download.path(), 'utf8')
  expect(rejects).toBe('_line,_reason,id,v\n3,"it has 3 fields, the header has 2",2,b,surplus\n')

  await page.goto('/')
  await chooseFiles(page, textFile(download.suggestedFilename(), rejects.replace(',surplus', '')))
  await expect(page.getByRole('radio', { name: 'Append' })).toBeChecked()
  await startImport(page)
  await expect(outcomeOf(page)).toHaveText('Imported into findings')
  expect((await server.rows('findings')).rows).toEqual([[1, 'a'], [3, 'c'], [2, 'b']])
})

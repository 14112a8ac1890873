import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gridOf } from './support/app.ts'
import { overflowOf, violationsOf } from './support/axe.ts'
import { expect, test } from './support/test.ts'

const SAMPLE = await readFile(join(import.meta.dirname, '../data/sample-findings.csv'), 'utf8')
const FOREVER = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)\nSELECT count(*) FROM n'

test.beforeEach(async ({ page, server }) => {
  await server.import(SAMPLE, { filename: 'findings.csv' })
  await page.goto('/')
  await page.getByRole('link', { name: 'SQL', exact: true }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'SQL' })).toBeFocused()
})

test('a query is written by keyboard alone, run, looked at and exported', async ({ page }) => {
  const editor = page.getByRole('textbox', { name: 'SQL' })
  await editor.focus()
  await page.keyboard.type('SELECT severity, count(*) AS n, 9007199254740993 AS big, NULL AS missing')
  await page.keyboard.press('Enter')
  await page.keyboard.type('FROM findings GROUP BY 1 ORDER BY 2 DESC')
  await page.keyboard.press('Control+Enter')
  await expect(page.getByText(/^\d rows in \d+ ms$/).first()).toBeVisible()
  const [first] = await gridOf(page)
  expect(first?.slice(2)).toEqual(['9007199254740993', 'NULL'])
  await expect(page).toHaveURL(/\/sql\?sql=SELECT/)
  await page.keyboard.press('Tab')
  await expect(page.getByRole('button', { name: 'Run' })).toBeFocused()
  await page.getByRole('button', { name: /show row$/ }).first().press('Enter')
  await expect(page.getByRole('complementary', { name: 'Row detail' })).toContainText('9007199254740993')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('button', { name: /show row$/ }).first()).toBeFocused()

  await page.getByRole('combobox', { name: 'Export format' }).selectOption('NDJSON')
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Export all rows' }).press('Enter')
  expect((await download).suggestedFilename()).toBe('query.ndjson')
  const lines = (await readFile(await (await download).path(), 'utf8')).trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(lines[0]).toMatchObject({ big: '9007199254740993', missing: null })
})

test('the address holds the query: links, reloads, back and forward run it', async ({ page }) => {
  const rows = page.getByRole('table').locator('tbody tr')
  await page.goto(`/sql?sql=${encodeURIComponent('SELECT 1 AS one')}`)
  await expect(rows).toHaveCount(1)
  const editor = page.getByRole('textbox', { name: 'SQL' })
  await editor.fill('SELECT value AS v FROM json_each(\'[1,2,3]\')')
  await page.getByRole('button', { name: 'Run' }).click()
  await expect(rows).toHaveCount(3)
  await page.goBack()
  await expect(editor).toHaveValue('SELECT 1 AS one')
  await expect(rows).toHaveCount(1)
  await page.goForward()
  await expect(rows).toHaveCount(3)
  await page.reload()
  await expect(rows).toHaveCount(3)
  await page.getByRole('combobox', { name: 'Last queries' }).selectOption({ label: 'SELECT 1 AS one' })
  await expect(editor).toHaveValue('SELECT 1 AS one')
  await expect(editor).toBeFocused()
})

test('back to where nothing was asked shows nothing that was', async ({ page }) => {
  await page.goto('/sql')
  const editor = page.getByRole('textbox', { name: 'SQL' })
  await editor.fill('SELECT 42 AS answer')
  await page.getByRole('button', { name: 'Run' }).click()
  await expect(page.getByRole('table')).toContainText('42')
  await page.goBack()
  await expect(editor).toHaveValue('')
  await expect(page.getByRole('table')).toBeHidden()
  await expect(page.getByRole('heading', { name: 'Ask your tables' })).toBeVisible()
  await expect(page.getByRole('button', { name: 'Export all rows' })).toBeDisabled()
  await page.goForward()
  await expect(page.getByRole('table')).toContainText('42')
})

test('a query that is left by going back is not called cancelled', async ({ page }) => {
  await page.goto('/sql')
  await page.evaluate(`(() => {
    window.said = []
    const announcer = document.querySelector('#announcer')
    new MutationObserver(() => said.push(announcer.textContent)).observe(announcer, { childList: true, characterData: true, subtree: true })
  })()`)
  for (const leave of ['back', 'link'] as const) {
    await page.getByRole('textbox', { name: 'SQL' }).fill(FOREVER)
    await page.getByRole('button', { name: 'Run' }).click()
    await expect(page.getByText(/^Running, \d+ s$/)).toBeVisible()
    const ended = page.waitForEvent('requestfailed')
    if (leave === 'back') await page.goBack()
    else await page.getByRole('link', { name: 'Imports', exact: true }).click()
    await ended
    await expect(page.getByRole('heading', { name: leave === 'back' ? 'Ask your tables' : 'Imports' })).toBeVisible()
    await expect(page.getByRole('button', { name: 'Cancel' })).toBeHidden()
    await expect(page.locator('.sql__says')).toHaveText(leave === 'back' ? [''] : [])
  }
  expect(await page.evaluate('said')).not.toContain('Cancelled')
})

test('names are written by pressing them, and what SQLite does not take says where', async ({ page }) => {
  const editor = page.getByRole('textbox', { name: 'SQL' })
  await editor.fill('SELECT')
  const names = page.getByRole('complementary', { name: 'Tables and columns' })
  await names.getByRole('button', { name: 'Write cvss' }).click()
  await page.keyboard.type(' FROM')
  await names.getByRole('button', { name: 'Write findings' }).click()
  await expect(editor).toHaveValue('SELECT cvss FROM findings')
  await page.keyboard.type('\nWHER >> 9')
  await page.keyboard.press('Control+Enter')
  const problem = page.getByRole('main').getByRole('alert')
  await expect(problem).toHaveText('Line 2: near ">>": syntax error.')
  await expect(editor).toHaveAttribute('aria-invalid', 'true')
  await editor.fill('DELETE FROM findings')
  await page.keyboard.press('Control+Enter')
  await expect(problem).toContainText('This statement does more than read')
  await expect(editor).not.toHaveAttribute('aria-invalid')
})

test('a query without end is cancelled, and the page goes on', async ({ page }) => {
  const editor = page.getByRole('textbox', { name: 'SQL' })
  await editor.fill(FOREVER)
  await page.keyboard.press('Control+Enter')
  await expect(page.getByText(/^Running, \d+ s$/)).toBeVisible()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await expect(page.getByText('Cancelled').first()).toBeVisible()
  await expect(page.getByRole('button', { name: 'Cancel' })).toBeHidden()
  await expect(editor).toBeFocused()
  await editor.fill('SELECT 1')
  await page.keyboard.press('Control+Enter')
  await expect(page.getByText(/^1 row in/).first()).toBeVisible()
})

test('the page of SQL is accessible, wide and narrow, in both themes', async ({ page }) => {
  for (const sql of ['SELECT * FROM findings', 'SELECT * FORM findings']) {
    await page.goto(`/sql?sql=${encodeURIComponent(sql)}`)
    await expect(page.getByText(/syntax error|First 1,000 rows/).first()).toBeVisible()
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 800 })
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        expect(await violationsOf(page), `${sql}, ${colorScheme}, ${width} px`).toEqual([])
      }
    }
    for (const width of [390, 320]) {
      await page.setViewportSize({ width, height: 800 })
      expect(await overflowOf(page), `${width} px`).toBe(0)
    }
  }
})

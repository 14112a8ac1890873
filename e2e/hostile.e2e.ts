/** Texts that would run if anything made elements or addresses of them, on every screen. */
import type { Page } from 'playwright/test'
import type { TestServer } from '../server/test/support.ts'
import { chooseFiles, dialogOf, gridOf, startImport, textFile } from './support/app.ts'
import { backupOf, expectOutcome, restoreButton } from './support/backups.ts'
import { expect, test as base } from './support/test.ts'

const IMAGE = '<img src=x onerror="ran(1)">'
const SCRIPT = '"><script>ran(2)</script>'
const LINK = 'javascript:ran(3)'
const TEMPLATE = '${ran(4)}{{7*7}}'
const COLUMN = '<b onmouseover=ran(5) style=color:red>column</b>'
const FILE = '"><svg onload=ran(6)>.csv'
const MARKUP = '<iframe srcdoc="<script>parent.ran(7)</script>"></iframe>'

interface Fixtures {
  /** Expects that nothing of what was given has become more than text. */
  expectNothingMade: () => Promise<void>
}

const test = base.extend<Fixtures>({
  expectNothingMade: async ({ page }, use) => {
    // Whatever runs, by whichever way, calls this; whatever is kept from running is told of, and `page` fails at the console's word as well.
    await page.addInitScript(`
      window.heard = []
      window.ran = (what) => window.heard.push('ran ' + what)
      document.addEventListener('securitypolicyviolation', ({ violatedDirective, sample }) => window.heard.push(violatedDirective + ' ' + sample))
      for (const name of ['alert', 'confirm', 'prompt']) window[name] = () => window.heard.push(name)
    `)
    const all: string[] = []
    await use(async () => {
      all.push(...await page.evaluate<string[]>('window.heard'))
      expect(all).toEqual([])
      await expect(page.locator(`img, iframe, object, embed, base, [style*="color:red"], b[onmouseover], [onerror], [onload], [onmouseover], [srcdoc], :is(a, area)[href^="javascript:" i], form[action^="javascript:" i]`)).toHaveCount(0)
      await expect(page.locator('script')).toHaveCount(1)
    })
    expect(all).toEqual([])
  },
})

const csv = (rows: string[][]): string => rows.map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')).join('\n')
const ROWS = [[COLUMN, 'other'], [IMAGE, SCRIPT], [LINK, TEMPLATE], [MARKUP, FILE]]

/** A table as only another program can name it. */
async function importHostile(server: TestServer): Promise<void> {
  const db = server.openDatabase()
  db.exec(`CREATE TABLE "${IMAGE.replaceAll('"', '""')}" ("${SCRIPT.replaceAll('"', '""')}" TEXT, n INTEGER)`)
  db.prepare(`INSERT INTO "${IMAGE.replaceAll('"', '""')}" VALUES (?, 1)`).run(MARKUP)
  db.close()
  await server.import(csv(ROWS), { filename: FILE, options: { table: 'hostile' } })
}

test('nothing in a file or its name ever becomes an element or runs', async ({ page, server, expectNothingMade }) => {
  await page.goto('/')
  await chooseFiles(page, textFile(FILE, csv(ROWS)))
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(`Import ${FILE}`)
  await expect(page.getByRole('table')).toContainText(IMAGE)
  await expectNothingMade()
  await startImport(page)
  await expect(dialogOf(page).getByRole('heading', { name: /^Created/ })).toBeFocused()
  await expect(dialogOf(page)).toContainText(FILE)
  await expectNothingMade()
  await dialogOf(page).getByRole('link', { name: 'Open table' }).click()

  await expect(page.getByRole('columnheader').first()).toContainText(COLUMN)
  expect(await gridOf(page)).toEqual(ROWS.slice(1))
  await page.getByRole('button', { name: IMAGE }).click()
  await expect(page.getByRole('complementary', { name: 'Row detail' })).toContainText(SCRIPT)
  await expectNothingMade()
  await page.keyboard.press('Escape')
  await page.getByRole('columnheader', { name: COLUMN }).getByRole('button').click()
  await expect(page.getByRole('dialog', { name: `Column ${COLUMN}` })).toContainText(MARKUP)
  await expectNothingMade()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Columns' }).click()
  await expect(page.getByRole('checkbox', { name: COLUMN })).toBeChecked()
  await expectNothingMade()

  const [table] = (await server.get<{ name: string }[]>('/api/tables')).body
  const path = `/tables/${encodeURIComponent(table!.name)}`
  await page.goto(`${path}?q=${encodeURIComponent(SCRIPT)}`)
  await expect(page.getByRole('searchbox', { name: 'Search all columns' })).toHaveValue(SCRIPT)
  await expectNothingMade()
  await page.goto(`${path}?filter[${encodeURIComponent(COLUMN)}]=${encodeURIComponent(`contains:${IMAGE}`)}`)
  await expect(page.getByRole('table')).toContainText(SCRIPT)
  await expect(page.getByRole('main')).toContainText(COLUMN)
  await expectNothingMade()
  await page.goto(`${path}?filter[${encodeURIComponent(SCRIPT)}]=${encodeURIComponent(`eq:${MARKUP}`)}`)
  await expect(page.getByRole('main')).toContainText('ran(2)')
  await expectNothingMade()
})

test('nothing that an import says of a file becomes an element or runs', async ({ page, server, expectNothingMade }) => {
  await importHostile(server)
  const rejected = await server.import(csv(ROWS), { filename: FILE, options: { columns: { [COLUMN]: { type: 'INTEGER' } } } })
  const failed = await server.import(csv([[COLUMN, SCRIPT], [IMAGE, LINK]]), { filename: FILE, options: { table: 'hostile', mode: 'append', addColumns: false } })
  expect([rejected.rowsRejected, failed.error?.code]).toEqual([3, 'COLUMN_MISMATCH'])
  for (const { sessionId } of [rejected, failed]) {
    await page.goto(`/imports?import=${sessionId}`)
    await expect(dialogOf(page)).toContainText(FILE)
    await expect(dialogOf(page)).toContainText(sessionId === failed.sessionId ? 'ran(2)' : COLUMN)
    await expectNothingMade()
  }
  for (const path of ['/imports', '/']) {
    await page.goto(path)
    await expect(page.getByRole('main')).toContainText(FILE)
    await expectNothingMade()
  }
  await page.goto('/imports')
  await page.getByRole('button', { name: /^Undo/ }).first().click()
  await expect(dialogOf(page).getByRole('heading', { name: 'Undo this import?' })).toBeVisible()
  await expectNothingMade()
})

test('nothing in an address becomes an element or runs', async ({ page, expectNothingMade }) => {
  for (const text of [IMAGE, SCRIPT, LINK, MARKUP]) {
    const part = encodeURIComponent(text)
    await page.goto(`/tables/${part}`)
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(`There is no table called ${text}`)
    await expectNothingMade()
    for (const path of [`/${part}`, `/imports?import=${part}`, `/backups?restore=${part}`, `/tables/x?sort=${part}&page=${part}&columns=${part}`, `/sql#${part}`]) {
      await page.goto(path)
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
      await expectNothingMade()
    }
  }
})

test('nothing that a query or another program\'s table holds becomes an element or runs', async ({ page, server, expectNothingMade }) => {
  await importHostile(server)
  const query = async (sql: string) => {
    await page.goto(`/sql?sql=${encodeURIComponent(sql)}`)
    await expect(page.getByRole('button', { name: 'Run' })).toBeEnabled()
  }
  const text = (value: string) => `'${value.replaceAll('\'', '\'\'')}'`
  await query(`SELECT ${text(IMAGE)} AS "${COLUMN}", ${text(LINK)} AS "${SCRIPT.replaceAll('"', '""')}"`)
  await expect(page.getByRole('columnheader').first()).toContainText(COLUMN)
  await expect(page.getByRole('table')).toContainText(LINK)
  await expectNothingMade()
  await query(`SELECT * FROM "${COLUMN}"`)
  await expect(page.getByRole('main').getByRole('alert')).toContainText(COLUMN)
  await expectNothingMade()

  await page.goto('/')
  await page.getByRole('link', { name: IMAGE, exact: true }).click()
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(IMAGE)
  await expect(page.getByRole('table')).toContainText(MARKUP)
  await expectNothingMade()
  await page.getByRole('button', { name: 'Delete table' }).click()
  await expect(dialogOf(page)).toContainText(IMAGE)
  await expectNothingMade()
  await dialogOf(page).getByRole('button', { name: 'Delete table' }).click()
  await expect(page.getByRole('region', { name: 'Notifications' })).toContainText(IMAGE)
  await expectNothingMade()
})

test('nothing in a backup, its name or what is wrong with it becomes an element or runs', async ({ page, server, expectNothingMade }) => {
  await importHostile(server)
  const { name } = await backupOf(server)
  const content = Buffer.from(await (await fetch(`${server.url}/api/backups/${name}`)).arrayBuffer())
  await page.goto('/backups')
  const send = async (file: string, buffer: Buffer) => {
    const chooser = page.waitForEvent('filechooser')
    await page.getByRole('button', { name: 'Upload a backup…' }).click()
    await (await chooser).setFiles({ name: file, mimeType: 'application/octet-stream', buffer })
  }
  await send(`${IMAGE}.db`, Buffer.from(MARKUP))
  await expect(page.getByRole('main').getByRole('alert')).toContainText(IMAGE)
  await expectNothingMade()
  await send(`${IMAGE}.db`, content)
  await expectOutcome(page, 'Backup uploaded')
  await expectNothingMade()
  await page.goto('/backups')
  await restoreButton(page, name).click()
  await dialogOf(page).getByText('tables', { exact: false }).first().waitFor()
  await expectNothingMade()
})

test.describe('with a password', () => {
  test.use({ settings: { HEXTRACKR_PASSWORD: IMAGE } })

  test('nothing in the name of a token or a wrong password becomes an element or runs', async ({ page, expectNothingMade }) => {
    const enter = async (password: string) => {
      await page.getByLabel('Password').fill(password)
      await page.keyboard.press('Enter')
    }
    await page.goto('/access')
    await enter(SCRIPT)
    await expect(page.getByRole('alert').filter({ hasText: 'That is not the password.' })).toBeVisible()
    await expectNothingMade()
    await enter(IMAGE)
    await page.getByLabel('What it is for').fill(SCRIPT)
    await page.getByRole('button', { name: 'Make token' }).click()
    await expect(page.getByRole('row', { name: SCRIPT })).toBeVisible()
    await expectNothingMade()
    await page.getByRole('button', { name: `Revoke ${SCRIPT}` }).click()
    await expect(page.getByRole('button', { name: 'Revoke token' })).toBeVisible()
    await expectNothingMade()
  })
})

/** Whether the page's own policy holds where somebody puts elements into it all the same. */
async function inject(page: Page, html: string): Promise<void> {
  await page.evaluate(`document.body.insertAdjacentHTML('beforeend', ${JSON.stringify(html)})`)
}

test('what would run is kept from running by the policy of the page, and is noticed by these tests', async ({ browser, server }) => {
  const page = await browser.newPage()
  await page.addInitScript(`
    window.heard = []
    window.ran = () => window.heard.push('ran')
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => window.heard.push(effectiveDirective))
  `)
  await page.goto(server.url)
  await inject(page, IMAGE)
  await inject(page, '<a id="link" href="javascript:ran()">x</a><p style="color:red">x</p>')
  await page.evaluate('document.getElementById("link").click()')
  await expect.poll(() => page.evaluate('[...new Set(window.heard)].sort()')).toEqual(['script-src-attr', 'script-src-elem', 'style-src-attr'])
  await page.close()
})

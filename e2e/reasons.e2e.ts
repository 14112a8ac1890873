import { dialogOf, grouped, importFile, textFile } from './support/app.ts'
import { expect, test } from './support/test.ts'
import { PATIENT } from '../server/test/write-lock.ts'

test.use({ settings: PATIENT })

const ROWS = 300_000

/** Every thousandth row has a field too many, the last one two. */
const lines = Array.from({ length: ROWS }, (_, row) => row === ROWS - 1 ? `${row},b,c,d` : row % 1000 === 999 ? `${row},b,c` : `${row},b`)

test('why rows are rejected can be looked into while the import runs, and is still there when it has ended', async ({ page, holdImport }) => {
  const lock = holdImport(100_000)
  await page.goto('/')
  await importFile(page, textFile('reasons.csv', `id,v\n${lines.join('\n')}\n`))
  const dialog = dialogOf(page)
  await lock.held
  await expect(dialog).toContainText('importing rows')
  const see = dialog.getByRole('button', { name: 'See why' })
  await expect(see).toHaveAttribute('aria-expanded', 'false')
  const why = dialog.locator('[data-ref=reasons]')
  await expect(why).toBeHidden()

  await see.focus()
  await page.keyboard.press('Enter')
  await expect(see).toHaveAttribute('aria-expanded', 'true')
  await expect(why.getByRole('listitem')).toHaveText(/^[1-9]\d* rowsit has 3 fields, the header has 2, first on line 1,001$/)
  await expect(see).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(why).toBeHidden()
  await page.keyboard.press('Enter')
  await expect(why.getByRole('listitem')).toHaveCount(1)

  // Its own summary closes it as well, and gives the focus back.
  await dialog.getByText('See why rows were rejected').click()
  await expect(why).toBeHidden()
  await expect(see).toBeFocused()
  await expect(see).toHaveAttribute('aria-expanded', 'false')
  await page.keyboard.press('Enter')
  await expect(why).toBeVisible()

  await lock.release()
  await expect(dialog.getByRole('heading', { name: 'Created reasons' })).toBeFocused()
  await expect(why.getByRole('listitem')).toHaveText([
    `${ROWS / 1000 - 1} rowsit has 3 fields, the header has 2, first on line 1,001`, `1 rowit has 4 fields, the header has 2, line ${grouped(ROWS + 1)}`,
  ])
})

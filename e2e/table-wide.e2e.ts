import type { Page } from 'playwright/test'
import { gridOf } from './support/app.ts'
import { overflowOf, violationsOf } from './support/axe.ts'
import { expect, test } from './support/test.ts'

test.use({ contextOptions: { reducedMotion: 'reduce' } })

const NUMBER = '123456789012345678901234567890'
const ARABIC = 'مرحبا بالعالم'
const FAMILY = '👩‍👩‍👧 family'
const LONG = 'one line after the other '.repeat(40).trim()
const LINK = 'https://example.com/a?b=c'

/** Cells as people have them, in as many columns as wanted. */
const csvOf = (columns: number, rows: number): string => {
  const odd = [NUMBER, ARABIC, FAMILY, LONG, LINK, 'javascript:alert(1)']
  const head = Array.from({ length: columns }, (_, index) => index === 2 ? 'a name that goes on and on '.repeat(4).trim() : `c${index}`)
  return `${head.join(',')}\n${Array.from({ length: rows }, (_, row) => head.map((_, index) => index === 0 ? `r${row}` : odd[index - 1] ?? `${row}.${index}`).join(',')).join('\n')}\n`
}

test('odd cells are whole, links lead out and nowhere else, and long ones open in place', async ({ page, server }) => {
  await server.import(csvOf(60, 30), { filename: 'odd.csv' })
  await page.goto('/tables/odd')
  await expect(page.locator('.pager')).toContainText('Rows 1 to 30 of 30')
  const [first] = await gridOf(page)
  expect(first!.slice(0, 7)).toEqual(['r0', NUMBER, ARABIC, FAMILY, LONG, LINK, 'javascript:alert(1)'])
  expect(first).toHaveLength(60)
  const links = page.locator('tbody tr').first().getByRole('link')
  await expect(links).toHaveCount(1)
  await expect(links).toHaveAttribute('rel', 'noopener noreferrer')
  await expect(links).toHaveAttribute('target', '_blank')

  const cell = page.locator('tbody tr').first().locator('td').nth(3)
  const before = (await cell.boundingBox())!.height
  await cell.focus()
  await page.keyboard.press('Space')
  expect((await cell.boundingBox())!.height).toBeGreaterThan(3 * before)
  await page.keyboard.press('Space')
  expect((await cell.boundingBox())!.height).toBe(before)
})

test('five hundred columns are scrolled through by the keyboard, few of them made at a time', async ({ page, server }) => {
  await server.import(csvOf(500, 100), { filename: 'many.csv' })
  await page.goto('/tables/many')
  await expect(page.locator('.pager')).toContainText('Rows 1 to 100 of 100')
  const cells = () => page.locator('tbody tr').first().locator('[aria-colindex]').count()
  expect(await cells()).toBeLessThan(60)
  await page.locator('.rowopen').first().focus()
  await page.keyboard.press('End')
  await expect(page.locator(':focus')).toHaveText('0.499')
  await expect(page.locator(':focus')).toBeInViewport()
  await page.keyboard.press('ArrowLeft')
  await expect(page.locator(':focus')).toHaveText('0.498')
  await page.keyboard.press('Control+ArrowDown')
  await expect(page.locator(':focus')).toHaveText('99.498')
  expect(await cells()).toBeLessThan(60)
  await page.keyboard.press('Home')
  await expect(page.locator(':focus')).toHaveText('r99')
  await page.getByRole('button', { name: 'Columns' }).click()
  await page.getByRole('searchbox', { name: 'Find a column' }).fill('c321')
  await expect(page.getByRole('dialog', { name: 'Columns' })).toContainText('1 column found, 500 of 500 shown')
})

const PARTS: Record<string, (page: Page) => Promise<void> | void> = {
  'a filtered page': () => undefined,
  'an open row': (page) => page.locator('.rowopen').nth(1).click(),
  'the export menu': (page) => page.getByRole('button', { name: 'Export' }).click(),
  'the columns chooser': (page) => page.getByRole('button', { name: 'Columns' }).click(),
  'the filter form': (page) => page.getByRole('button', { name: 'Add filter' }).click(),
  'the column menu': async (page) => {
    await page.locator('.colhead').nth(1).click()
    await expect(page.locator('.summary')).toBeVisible()
  },
}

test('a cell that is scrolled out of sight keeps the keyboard', async ({ page, server }) => {
  await server.import(csvOf(500, 100), { filename: 'many.csv' })
  await page.goto('/tables/many')
  await page.locator('.rowopen').first().focus()
  for (let step = 0; step < 9; step++) await page.keyboard.press('ArrowRight')
  await expect(page.locator(':focus')).toHaveText('0.9')
  await page.evaluate(`document.querySelector('.grid-wrap').scrollLeft = 20000`)
  await expect(page.locator('thead [aria-colindex="10"]')).toHaveCount(0)
  await page.keyboard.press('ArrowRight')
  await expect(page.locator(':focus')).toHaveText('0.10')
  await expect(page.locator(':focus')).toBeInViewport()
  await page.evaluate(`document.querySelector('.grid-wrap').scrollLeft = 20000`)
  await expect(page.locator('thead [aria-colindex="11"]')).toHaveCount(0)
  await page.keyboard.press(' ')
  await expect(page.locator(':focus')).toHaveText('0.10')
  await expect(page.locator(':focus')).toBeInViewport()
  await expect(page.locator(':focus')).toContainClass('is-open')
})

for (const [name, open] of Object.entries(PARTS)) {
  test(`${name} is accessible, light and dark, and fits a phone`, async ({ page, server }) => {
    await server.import(csvOf(12, 5), { filename: 'odd.csv' })
    for (const [width, colorScheme] of [[1280, 'light'], [390, 'dark']] as const) {
      await page.setViewportSize({ width, height: 800 })
      await page.emulateMedia({ colorScheme })
      await page.goto('/tables/odd?sort=-c7&filter[c0]=notempty&q=family')
      await expect(page.locator('.pager')).toContainText('of 5')
      await open(page)
      expect(await violationsOf(page), `${colorScheme}, ${width} px`).toEqual([])
      expect(await overflowOf(page), `${width} px`).toBe(0)
    }
  })
}

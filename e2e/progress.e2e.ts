import { barOf, chooseFiles, dialogOf, expectReceipt, limitUpload, recordBar, startImport } from './support/app.ts'
import { expect, test } from './support/test.ts'

test('a large file rises step by step, never back and never to 100 before its receipt', async ({ page, makeFile }) => {
  const file = await makeFile(250_000, 'wide')
  await page.goto('/')
  await chooseFiles(page, file.path)
  await expect(page.getByRole('button', { name: 'Start import' })).toBeEnabled()
  await limitUpload(page, 80_000_000)
  const recorded = await recordBar(page)
  await startImport(page)
  await expect(barOf(page)).toBeVisible()
  await expect(dialogOf(page)).toContainText(file.name)
  await expectReceipt(page, file.table, file.rows)
  await expect(page).toHaveTitle(`Done ${file.name} — HexTrackr`)

  const samples = await recorded()
  const percents = samples.map(({ percent }) => percent)
  expect(percents).toEqual(percents.toSorted((a, b) => a - b))
  expect(new Set(percents).size).toBeGreaterThan(20)
  expect(Math.max(...percents)).toBeLessThan(100)
  const steps = samples.map(({ step }) => step)
  expect(steps).toEqual(steps.toSorted((a, b) => a - b))
  expect(steps).toEqual(expect.arrayContaining([1, 3]))
  for (const [step, from, to] of [[1, 0, 18], [2, 18, 33], [3, 33, 87], [4, 87, 99]] as const) {
    for (const sample of samples.filter((one) => one.step === step)) {
      expect(sample.percent, sample.says).toBeGreaterThanOrEqual(from)
      expect(sample.percent, sample.says).toBeLessThanOrEqual(to)
    }
  }
  // The title is drawn with the bar; a sample may fall between the two.
  const titles = samples.map(({ title }) => title)
  for (const title of titles) expect(title).toMatch(/^(\d+% wide_250000\.csv|Tables|Import wide_250000\.csv) — HexTrackr$/)
  const titlePercents = titles.flatMap((title) => /^(\d+)%/.exec(title)?.[1] ?? []).map(Number)
  expect(new Set(titlePercents).size).toBeGreaterThan(20)
  expect(titlePercents).toEqual(titlePercents.toSorted((a, b) => a - b))
})

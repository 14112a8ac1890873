import { expectOutcome } from './support/backups.ts'
import { barOf, chooseFiles, dialogOf, expectReceipt, limitUpload, recordBar, startImport } from './support/app.ts'
import { expect, test } from './support/test.ts'

test('a large file rises step by step, never back and never to 100 before its receipt', async ({ page, makeFile }) => {
  const file = await makeFile(150_000, 'wide')
  await page.goto('/')
  await chooseFiles(page, file.path)
  await expect(page.getByRole('button', { name: 'Start import' })).toBeEnabled()
  // For several seconds, however quick the server is.
  await limitUpload(page, 15_000_000)
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
  expect(steps).toContain(3)
  // Rows are read from the first bytes on, so that a quick server is at a later step before the dialog opens.
  expect(samples.some(({ step, isArriving }) => step === 1 || isArriving)).toBe(true)
  for (const [step, from, to] of [[1, 0, 18], [2, 18, 33], [3, 33, 87], [4, 87, 99]] as const) {
    for (const sample of samples.filter((one) => one.step === step)) {
      expect(sample.percent, sample.says).toBeGreaterThanOrEqual(sample.isArriving ? 0 : from)
      expect(sample.percent, sample.says).toBeLessThanOrEqual(to)
    }
  }
  // The title is drawn with the bar; a sample may fall between the two.
  const titles = samples.map(({ title }) => title)
  for (const title of titles) expect(title).toMatch(/^(\d+% wide_150000\.csv|Tables|Import wide_150000\.csv) — HexTrackr$/)
  const titlePercents = titles.flatMap((title) => /^(\d+)%/.exec(title)?.[1] ?? []).map(Number)
  expect(new Set(titlePercents).size).toBeGreaterThan(20)
  expect(titlePercents).toEqual(titlePercents.toSorted((a, b) => a - b))
})

test('whatever an import is at, its head, its bar and its figures stay where they are', async ({ page, makeFile }) => {
  // Without the dialog's own way in, every frame counts.
  await page.emulateMedia({ reducedMotion: 'reduce' })
  const file = await makeFile(250_000, 'wide')
  await page.goto('/')
  await chooseFiles(page, file.path)
  await expect(page.getByRole('button', { name: 'Start import' })).toBeEnabled()
  await limitUpload(page, 80_000_000)
  await page.evaluate(`(() => {
    const dialog = document.getElementById('progress')
    const placeOf = (selector) => {
      const element = [...dialog.querySelectorAll(selector)].find((one) => one.checkVisibility())
      return element && Math.round(element.getBoundingClientRect().top)
    }
    const seen = window.seenPlaces = { head: new Set(), bar: new Set(), figures: new Set(), notice: new Set(), says: new Set() }
    const look = () => {
      if (dialog.open) {
        for (const [name, selector] of [['head', '.dialog__head'], ['bar', '.track'], ['figures', '.facts'], ['notice', '.notice']]) {
          const place = placeOf(selector)
          if (place !== undefined) seen[name].add(place)
        }
        seen.says.add(dialog.querySelector('[data-ref="note-text"]').textContent)
      }
      requestAnimationFrame(look)
    }
    look()
  })()`)
  await startImport(page)
  await expectReceipt(page, file.table, file.rows)
  const seen = await page.evaluate<Record<string, (number | string)[]>>('Object.fromEntries(Object.entries(seenPlaces).map(([name, values]) => [name, [...values]]))')
  for (const name of ['head', 'bar', 'figures', 'notice']) expect(seen[name], name).toHaveLength(1)
  expect(seen['says']!.filter((text) => String(text).includes('Another tab'))).toEqual([])
})

test('a step without a measure shows a block, which is no part of the bar', async ({ page, server }) => {
  await page.goto('/backups')
  const start = page.getByRole('button', { name: 'Back up now' })
  await expect(start).toBeVisible()
  // The server has been asked and says nothing: no figure is known yet.
  server.process.kill('SIGSTOP')
  try {
    await start.click()
    await expect(barOf(page, 'Backup')).not.toHaveAttribute('aria-valuenow')
    const [block, bar] = await page.evaluate<[number, number]>(`(() => {
      const step = document.querySelector('#progress .track__seg[data-step="now"]')
      return [parseFloat(getComputedStyle(step, '::after').width) / step.clientWidth, step.firstElementChild.getBoundingClientRect().width]
    })()`)
    expect(block).toBeCloseTo(0.35, 2)
    expect(bar).toBe(0)
  } finally {
    server.process.kill('SIGCONT')
  }
  await expectOutcome(page, 'Backup done')
})

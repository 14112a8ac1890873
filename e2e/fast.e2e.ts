import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { dialogOf, giveFiles, grouped } from './support/app.ts'
import { expect, test } from './support/test.ts'
import { PATIENT } from '../server/test/write-lock.ts'

const ASSETS = join(import.meta.dirname, '../web/dist/assets')

/** What a first visit may fetch before it can be used, compressed, without fonts. */
const MOST_BYTES = 100_000

test('the script and the style together are under 100 kB, compressed', () => {
  const sizes = readdirSync(ASSETS).filter((name) => /\.(js|css)$/.test(name)).map((name) => gzipSync(readFileSync(join(ASSETS, name))).length)
  expect(sizes.length).toBeGreaterThan(1)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MOST_BYTES)
})

test('nothing on a page moves while it is loaded', async ({ page, server }) => {
  await server.import('a,b\n1,2\n'.padEnd(2_000, '3,4\n'), { filename: 'rows.csv' })
  await page.addInitScript(`
    window.layoutShifts = []
    new PerformanceObserver((list) => layoutShifts.push(...list.getEntries().filter((entry) => !entry.hadRecentInput).map((entry) => entry.value)))
      .observe({ type: 'layout-shift', buffered: true })`)
  for (const [path, ready] of [['/', 'All tables'], ['/imports', 'Every file that came in'], ['/tables/rows', 'Rows 1 to'], ['/sql?sql=SELECT+1', '1 row in']] as const) {
    await page.goto(path)
    await expect(page.getByText(ready).first()).toBeVisible()
    const shifts = await page.evaluate<number[]>('document.fonts.ready.then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(layoutShifts)))))')
    // 0.1 is what people call good (https://web.dev/articles/cls).
    expect(shifts.reduce((sum, shift) => sum + shift, 0), path).toBeLessThan(0.02)
  }
})

test.describe('ten imports side by side', () => {
  test.use({ settings: { MAX_RUNNING_IMPORTS: '10' } })

  test('however many events come, the page is drawn once a frame', async ({ page }) => {
    let events = 0
    page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => {
      if (String(payload).includes('"progress-update"')) events += 1
    }))
    await page.goto('/')
    await expect(page.getByRole('heading', { name: 'Bring in your first file' })).toBeVisible()
    // The title is set once in every drawing, so its setter counts them; a frame's own callback runs in the same frame.
    await page.evaluate(`(() => {
      const { set, get } = Object.getOwnPropertyDescriptor(Document.prototype, 'title')
      const seen = window.drawings = { frame: 0, perFrame: [] }
      const tick = () => { seen.frame++; requestAnimationFrame(tick) }
      requestAnimationFrame(tick)
      Object.defineProperty(document, 'title', { get, set(text) { seen.perFrame[seen.frame] = (seen.perFrame[seen.frame] ?? 0) + 1; set.call(this, text) } })
    })()`)
    const rows = 60_000
    await giveFiles(page, 'drop', Array.from({ length: 10 }, (_, index) => ({ name: `part_${index}.csv`, text: `a,b\n${`${index},text\n`.repeat(rows)}` })))
    for (let index = 0; index < 10; index++) {
      await expect(page.getByRole('region', { name: 'Imports of this tab' }).getByRole('listitem').filter({ hasText: `part_${index}.csv` })).toContainText(grouped(rows))
    }
    const perFrame = await page.evaluate<(number | undefined)[]>('drawings.perFrame')
    const drawn = perFrame.filter((count) => count !== undefined)
    expect(drawn.length).toBeGreaterThan(10)
    expect(Math.max(...drawn)).toBe(1)
    expect(events).toBeGreaterThan(60)
    await expect(dialogOf(page)).toBeHidden()
  })
})

test.use({ settings: PATIENT })

test('an import that ends in a background tab notifies, once somebody has asked for it', async ({ page, makeFile, holdImport }) => {
  const file = await makeFile(200_000)
  const lock = holdImport(60_000)
  await page.addInitScript(`
    window.notified = []
    let permission = 'default'
    window.Notification = class {
      static get permission() { return permission }
      static requestPermission() { window.notified.push('asked'); permission = 'granted'; return Promise.resolve(permission) }
      constructor(title, { body }) { window.notified.push(title + ' | ' + body) }
      close() {}
    }`)
  await page.goto('/')
  await page.getByLabel('Choose file').setInputFiles(file.path)
  await page.getByRole('button', { name: 'Start import' }).click()
  await lock.held
  await dialogOf(page).getByRole('button', { name: 'Notify me' }).click()
  await expect(dialogOf(page).getByRole('button', { name: 'Notify me' })).toBeHidden()
  await page.evaluate(`Object.defineProperty(document, 'hidden', { get: () => true }); document.dispatchEvent(new Event('visibilitychange'))`)
  await lock.release()
  await expect.poll(() => page.evaluate('window.notified')).toEqual(['asked', `Done: ${file.name} | Created ${file.table}. 200,000 rows in, 0 rejected.`])
})

import { dialogOf, expectReceipt, importFile, percentOf, pressIfThere, standsStill } from './support/app.ts'
import { Proxy } from './support/network.ts'
import { expect, test } from './support/test.ts'
import { PATIENT } from '../server/test/write-lock.ts'

test.use({ settings: PATIENT })

test('without WebSockets the updates come live over HTTP', async ({ page, scope, server, makeFile, holdImport }) => {
  const proxy = await Proxy.start(scope, server, 'websockets')
  const file = await makeFile(200_000)
  const lock = holdImport(60_000)
  await page.goto(proxy.url)
  await importFile(page, file.path)
  const dialog = dialogOf(page)
  await standsStill(page, lock)
  await expect(dialog).not.toContainText('Live updates unavailable')
  await lock.release()
  await expectReceipt(page, file.table, file.rows)
  expect(proxy.seen.length).toBeGreaterThan(2)
  for (const path of proxy.seen) expect(path).toContain('transport=polling')
})

test('with no live updates at all the page says so and asks instead, until they can be had', async ({ page, scope, server, makeFile, holdImport }) => {
  const proxy = await Proxy.start(scope, server, 'live updates')
  const file = await makeFile(200_000)
  const lock = holdImport(60_000)
  await page.goto(proxy.url)
  await importFile(page, file.path)
  const dialog = dialogOf(page)
  // Five tries with growing pauses come first.
  await expect(dialog).toContainText('Live updates unavailable. Checking every 2 seconds instead.', { timeout: 40_000 })
  await expect(dialog).toContainText(/Checked (just now|\d+ s ago)/)
  await standsStill(page, lock)
  await expect(dialog.getByRole('button', { name: 'Cancel import' })).toBeEnabled()
  await lock.release()
  await expectReceipt(page, file.table, file.rows)
  expect(proxy.seen).toEqual([])
})

test('Try live again brings live updates back', async ({ page, scope, server, makeFile, holdImport }) => {
  const proxy = await Proxy.start(scope, server, 'live updates')
  const file = await makeFile(200_000)
  const lock = holdImport(60_000)
  await page.goto(proxy.url)
  await importFile(page, file.path)
  await lock.held
  const dialog = dialogOf(page)
  await expect(dialog).toContainText('Live updates unavailable.', { timeout: 40_000 })
  const again = dialog.getByRole('button', { name: 'Try live again' })
  await expect(again).toBeVisible()
  proxy.block('nothing')
  await pressIfThere(again)
  await expect(dialog).not.toContainText('Live updates unavailable.')
  await expect(dialog).toContainText('Nothing changes in')
  await lock.release()
  await expectReceipt(page, file.table, file.rows)
  expect(proxy.seen.length).toBeGreaterThan(0)
})

test('a lost connection is told quietly, keeps the last state and comes back', async ({ page, scope, server, makeFile, holdImport }) => {
  const proxy = await Proxy.start(scope, server)
  const file = await makeFile(200_000)
  const lock = holdImport(60_000)
  // The dialog rises for a moment when it opens; what is measured here is whether it moves after that.
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.goto(proxy.url)
  await importFile(page, file.path)
  const dialog = dialogOf(page)
  const percent = await standsStill(page, lock)
  await expect(dialog).toContainText('Nothing changes in')
  const parts = ['[data-ref=progress]', '[data-ref=facts]', '[data-ref=notice]', '[data-foot=running]']
  const boxes = async () => [await dialog.boundingBox(), ...await Promise.all(parts.map((part) => dialog.locator(part).boundingBox()))]
  const before = await boxes()

  proxy.block('live updates')
  await expect(dialog).toContainText('Connection lost, reconnecting. The import runs on the server and is not affected.')
  await expect(dialog.getByRole('button', { name: 'Try now' })).toBeVisible()
  await expect(dialog.getByRole('button', { name: 'Cancel import' })).toBeDisabled()
  expect(await percentOf(page)).toBe(percent)
  expect(await boxes()).toEqual(before)

  proxy.block('nothing')
  await pressIfThere(dialog.getByRole('button', { name: 'Try now' }))
  await expect(dialog).not.toContainText('Connection lost')
  await expect(dialog).toContainText('Nothing changes in')
  await expect(dialog.getByRole('button', { name: 'Cancel import' })).toBeEnabled()
  expect(await percentOf(page)).toBe(percent)
  expect(await boxes()).toEqual(before)
  await lock.release()
  await expectReceipt(page, file.table, file.rows)
})

test('what ends while the connection is lost is known as soon as it is back', async ({ page, scope, server, makeFile, holdImport }) => {
  const proxy = await Proxy.start(scope, server)
  const file = await makeFile(200_000)
  const lock = holdImport(60_000)
  await page.goto(proxy.url)
  await importFile(page, file.path)
  await standsStill(page, lock)
  proxy.block('live updates')
  await expect(dialogOf(page)).toContainText('Connection lost, reconnecting.')
  await lock.release()
  const [{ sessionId } = { sessionId: '' }] = (await server.get<{ sessionId: string }[]>('/api/imports')).body
  await server.outcome(sessionId)
  proxy.block('nothing')
  await expectReceipt(page, file.table, file.rows)
})

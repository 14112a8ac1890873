import type { Page } from 'playwright/test'
import { PATIENT } from '../server/test/write-lock.ts'
import { dialogOf } from './support/app.ts'
import { backupOf, closeReceipt, restore, restoreButton } from './support/backups.ts'
import { holdAnswer } from './support/network.ts'
import { expect, test } from './support/test.ts'

test.use({ settings: PATIENT })

/** How long a note stays, ms, where nothing holds it. */
const STAY_MS = 8_000

const notes = (page: Page) => page.getByRole('region', { name: 'Notifications' })

test('a note that comes while something is asked leads away only once that is answered', async ({ page, server, makeFile, holdImport }) => {
  await server.import('host\na\n', { filename: 'hosts.csv' })
  const file = await makeFile(100_000)
  await page.clock.install()
  await page.goto('/tables/hosts')
  const lock = holdImport(30_000)
  await page.locator('#picker').setInputFiles([file.path, file.path])
  await lock.held
  await page.getByRole('button', { name: 'Delete table' }).click()
  await expect(dialogOf(page)).toBeVisible()
  await lock.release()
  const imported = notes(page).getByText(`Imported ${file.name}`)
  await expect(imported).toHaveCount(2)
  await page.clock.fastForward(STAY_MS)
  await expect(notes(page).getByRole('button', { name: 'Undo' })).toHaveCount(0)
  await expect(notes(page).getByRole('link', { name: 'Open table' })).toHaveCount(0)
  await page.keyboard.press('Escape')
  await expect(notes(page).getByRole('button', { name: 'Undo' }).first()).toBeVisible()
  await expect(notes(page).getByRole('link', { name: 'Open table' }).first()).toBeVisible()
  await page.clock.fastForward(STAY_MS)
  await expect(imported).toHaveCount(0)
})

test('a question ends when its page goes by itself', async ({ page, server }) => {
  await server.import('host\na\n', { filename: 'hosts.csv' })
  await page.goto('/tables/hosts')
  await page.getByRole('button', { name: 'Delete table' }).click()
  await expect(dialogOf(page)).toBeVisible()
  await server.request('DELETE', '/api/tables/hosts')
  await expect(page.getByText('There is no table called hosts')).toBeVisible()
  await expect(dialogOf(page)).toBeHidden()
})

test('a question stays while the page behind it is made anew', async ({ page, server }) => {
  const { sessionId } = await server.import('host\na\n', { filename: 'hosts.csv' })
  await page.goto(`/?import=${sessionId}`)
  await page.getByRole('button', { name: 'Undo import' }).click()
  const question = dialogOf(page).filter({ hasText: 'Import #1 into hosts' })
  await expect(question).toBeVisible()
  await server.request('DELETE', '/api/tables/hosts')
  await expect(page.locator('main')).toContainText('All of it or nothing')
  await expect(question).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(question).toBeHidden()
  await expect(dialogOf(page).filter({ hasText: 'Created hosts' })).toBeVisible()
})

test('what fails is said in the dialog that was opened last', async ({ page, server }) => {
  const { sessionId } = await server.import('a\n1\n', { filename: 'one.csv' })
  await server.import('a\n1\n', { filename: 'two.csv' })
  await page.goto('/imports')
  const slow = await holdAnswer(page, `/api/imports/${sessionId}`)
  await page.getByRole('button', { name: 'Receipt of import 1' }).click()
  await slow.given
  await page.getByRole('button', { name: 'Undo import 2' }).click()
  await expect(dialogOf(page)).toContainText('Import #2 into two')
  await slow.release()
  const receipt = dialogOf(page).filter({ hasText: 'Created one' })
  await expect(receipt).toBeVisible()
  await page.route('**/api/tables/one', (route) => route.abort())
  await receipt.getByRole('button', { name: 'Undo import' }).click()
  const note = receipt.getByRole('alert').filter({ hasText: 'The import cannot be undone now' })
  await note.getByRole('button', { name: 'Dismiss' }).click()
  await expect(note).toBeHidden()
})

test('a dialog that stays keeps what was said in it', async ({ page, server, holdImport }) => {
  await server.import('a\n1\n', { filename: 'one.csv' })
  const { name } = await backupOf(server)
  const lock = holdImport(0)
  await lock.held
  await page.goto('/backups')
  await restore(page, name)
  await page.route('**/cancel', (route) => route.abort())
  await dialogOf(page).getByRole('button', { name: 'Stop and keep the current database' }).click()
  await page.getByRole('button', { name: 'Stop restore' }).click()
  const note = page.getByRole('alert').filter({ hasText: 'The restore could not be stopped' })
  await expect(note).toBeVisible()
  // As browsers do on a second Escape.
  await page.evaluate(`new Promise((resolve) => {
    const dialog = document.querySelector('#progress')
    dialog.addEventListener('close', () => setTimeout(resolve), { once: true })
    dialog.close()
  })`)
  await expect(dialogOf(page)).toBeVisible()
  await expect(note).toBeVisible()
  await lock.release()
  await closeReceipt(page)
  await note.getByRole('button', { name: 'Dismiss' }).click()
  await expect(note).toBeHidden()
})

test('a backup that is begun on a page is told of on the next one, and does not open there', async ({ page, server }) => {
  await server.import('a\n1\n', { filename: 'one.csv' })
  await page.goto('/backups')
  await expect(page.getByRole('button', { name: 'Back up now' })).toBeVisible()
  await page.evaluate(`(() => {
    document.querySelector('main .btn--primary').click()
    document.querySelector('#nav a[href="/sql"]').click()
  })()`)
  await expect(notes(page).getByRole('link', { name: 'Show backups' })).toBeVisible()
  await expect(page.getByRole('heading', { level: 1, name: 'SQL' })).toBeFocused()
  await expect(dialogOf(page)).toBeHidden()
})

test('what was asked for on a page does not open on the next one', async ({ page, server }) => {
  const { sessionId } = await server.import('a\n1\n', { filename: 'one.csv' })
  const { name } = await backupOf(server)
  const cases = [
    { path: '/imports', asks: `/api/imports/${sessionId}`, button: page.getByRole('button', { name: 'Undo import 1' }) },
    { path: '/imports', asks: `/api/imports/${sessionId}`, button: page.getByRole('button', { name: 'Receipt of import 1' }) },
    { path: '/backups', asks: `/api/backups/${name}/preview`, button: restoreButton(page, name), isGivenUp: true },
  ]
  await page.goto('/sql')
  for (const { path, asks, button, isGivenUp } of cases) {
    await page.getByRole('navigation', { name: 'Main' }).locator(`a[href="${path}"]`).click()
    const slow = await holdAnswer(page, asks)
    await button.click()
    await slow.given
    const givenUp = isGivenUp ? page.waitForEvent('requestfailed') : undefined
    await page.goBack()
    await expect(page.getByRole('heading', { level: 1, name: 'SQL' })).toBeFocused()
    await (givenUp ?? slow.release())
    await expect(dialogOf(page)).toBeHidden()
    await expect(page).toHaveURL('/sql')
  }
})

test('the receipt that Back leads to stays, whatever comes of the one that was left', async ({ page, server }) => {
  const one = await server.import('a\n1\n', { filename: 'one.csv' })
  const two = await server.import('a\n1\n', { filename: 'two.csv' })
  await page.goto(`/imports?import=${one.sessionId}`)
  await expect(dialogOf(page)).toContainText('Created one')
  const slow = await holdAnswer(page, `/api/imports/${two.sessionId}`)
  await page.evaluate(`(() => {
    history.pushState(null, '', '/imports?import=${two.sessionId}')
    dispatchEvent(new PopStateEvent('popstate'))
  })()`)
  await slow.given
  await page.goBack()
  await slow.release()
  await expect(dialogOf(page)).toContainText('Created one')
  await expect(page).toHaveURL(`/imports?import=${one.sessionId}`)
})

test('a rename under way is not closed, and leads nowhere from a page that was left', async ({ page, server }) => {
  await server.import('host\na\n', { filename: 'hosts.csv' })
  await page.goto('/sql')
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Tables' }).click()
  await page.getByRole('link', { name: 'hosts', exact: true }).click()
  await page.getByRole('button', { name: 'Rename table' }).click()
  await page.getByRole('textbox', { name: 'New name' }).fill('machines')
  const slow = await holdAnswer(page, '/api/tables/hosts')
  await page.keyboard.press('Enter')
  await slow.given
  await page.keyboard.press('Escape')
  await expect(dialogOf(page).getByRole('button', { name: 'Cancel' })).toBeDisabled()
  await page.goBack()
  await expect(page.getByRole('heading', { level: 1, name: 'Tables', includeHidden: true })).toBeVisible()
  await expect(dialogOf(page)).toBeVisible()
  await slow.release()
  await expect(dialogOf(page)).toBeHidden()
  await expect(notes(page)).toContainText('Renamed to machines')
  await expect(page).toHaveURL('/')
})

test('a note dismissed by keyboard gives the focus back', async ({ page, server }) => {
  await server.import('a\n1\n', { filename: 'one.csv' })
  await page.goto('/imports')
  await page.route('**/api/tables/one', (route) => route.abort())
  const undo = page.getByRole('button', { name: 'Undo import 1' })
  for (let press = 1; press <= 2; press++) {
    await undo.focus()
    await page.keyboard.press('Enter')
    await expect(notes(page).getByRole('alert')).toHaveCount(press)
  }
  await notes(page).getByRole('button', { name: 'Dismiss' }).first().focus()
  await page.keyboard.press('Enter')
  await expect(notes(page).getByRole('button', { name: 'Dismiss' })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(notes(page).getByRole('alert')).toHaveCount(0)
  await expect(undo).toBeFocused()

  await page.keyboard.press('Enter')
  await notes(page).getByRole('button', { name: 'Dismiss' }).focus()
  await page.evaluate(`document.querySelector('[aria-label="Undo import 1"]').remove()`)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('main')).toBeFocused()
})

test('a restore that is asked for again as soon as it was put aside is asked about', async ({ page, server }) => {
  await server.import('a\n1\n', { filename: 'one.csv' })
  const { name } = await backupOf(server)
  await page.goto('/backups')
  await restoreButton(page, name).click()
  await expect(dialogOf(page).getByRole('button', { name: 'Cancel' })).toBeFocused()
  // Browsers tell of a dialog's end after the next press has come.
  await page.evaluate(`(() => {
    document.activeElement.click()
    document.querySelector('[aria-label="Restore ${name}…"]').click()
  })()`)
  await expect(dialogOf(page).getByRole('button', { name: 'Replace the database' })).toBeVisible()
})

test('figures that cannot be read again while a restore is asked for are no note each time', async ({ page, server }) => {
  await server.import('a\n1\n', { filename: 'one.csv' })
  const { name } = await backupOf(server)
  await page.goto('/backups')
  await restoreButton(page, name).click()
  await expect(dialogOf(page)).toBeVisible()
  await page.route(`**/api/backups/${name}/preview`, (route) => route.abort())
  const failed = page.waitForEvent('requestfailed')
  await server.import('a\n1\n', { filename: 'two.csv' })
  await failed
  await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))')
  await expect(page.getByRole('alert').filter({ hasText: 'cannot be restored' })).toHaveCount(0)
  await expect(dialogOf(page)).toBeVisible()
})

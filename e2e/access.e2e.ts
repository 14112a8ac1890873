import type { Page } from 'playwright/test'
import { chooseFiles, dialogOf, textFile } from './support/app.ts'
import { overflowOf, violationsOf } from './support/axe.ts'
import { expect, test } from './support/test.ts'

const PASSWORD = 'open sesame'

test.use({ settings: { HEXTRACKR_PASSWORD: PASSWORD } })

async function signIn(page: Page): Promise<void> {
  await page.getByLabel('Password').fill(PASSWORD)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('link', { name: 'Access' })).toBeVisible()
}

async function expectAccessible(page: Page): Promise<void> {
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      expect(await violationsOf(page), `${colorScheme}, ${width} px`).toEqual([])
    }
    expect(await overflowOf(page), `${width} px`).toBe(0)
  }
  await page.setViewportSize({ width: 1280, height: 800 })
}

test('whoever opens the page signs in with the keyboard alone and lands where they wanted to go', async ({ page }) => {
  await page.goto('/imports')
  await expect(page.getByRole('heading', { level: 1, name: 'Sign in' })).toBeVisible()
  await expect(page.getByLabel('Password')).toBeFocused()
  await expect(page.getByRole('navigation')).toBeHidden()
  await expect(page.getByRole('button', { name: 'Import CSV' })).toBeHidden()
  await expectAccessible(page)

  await page.keyboard.type('wrong')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('alert').filter({ hasText: 'That is not the password.' })).toBeVisible()
  await expect(page.getByLabel('Password')).toBeFocused()
  await expectAccessible(page)

  await page.keyboard.type(PASSWORD)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { level: 1, name: 'Imports' })).toBeFocused()
  await page.reload()
  await expect(page.getByRole('heading', { level: 1, name: 'Imports' })).toBeVisible()
  expect(await page.evaluate<string>('document.cookie')).toBe('')
})

test('signing out ends the session in every tab', async ({ page, context }) => {
  await page.goto('/')
  await signIn(page)
  await chooseFiles(page, textFile('a.csv', 'a\n1\n'))
  await page.getByRole('button', { name: 'Start import' }).click()
  await expect(page.getByRole('link', { name: 'Open table' })).toBeVisible()
  const other = await context.newPage()
  await other.goto('/tables/a')
  await expect(other.getByRole('heading', { level: 1, name: 'a' })).toBeVisible()

  await page.goto('/access')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Sign in' })).toBeVisible()
  await other.getByRole('link', { name: 'Imports' }).click()
  await expect(other.getByRole('heading', { level: 1, name: 'Sign in' })).toBeVisible()
  await signIn(other)
  await expect(other.getByRole('heading', { level: 1, name: 'Imports' })).toBeFocused()
})

test('a session that ended meanwhile is told of, and the file can be sent again', async ({ page, context }) => {
  await page.goto('/')
  await signIn(page)
  await chooseFiles(page, textFile('kept.csv', 'a\n1\n'))
  await expect(page.getByRole('button', { name: 'Start import' })).toBeEnabled()
  await context.clearCookies()
  await page.getByRole('button', { name: 'Start import' }).click()
  await expect(dialogOf(page).getByRole('heading', { name: 'You were signed out' })).toBeFocused()
  await page.keyboard.press('Escape')
  await signIn(page)
  await page.getByRole('button', { name: /Show all$/ }).click()
  await page.getByRole('button', { name: 'Details : kept.csv' }).click()
  await dialogOf(page).getByRole('button', { name: 'Upload again' }).click()
  await expect(dialogOf(page).getByRole('heading', { name: 'Created kept' })).toBeFocused()
})

test('tokens are made, copied once and revoked', async ({ page, server }) => {
  await page.goto('/access')
  await signIn(page)
  await expect(page.getByText('There is no token. Scripts are refused.')).toBeVisible()
  await expectAccessible(page)
  await page.getByLabel('What it is for').fill('<b>nightly</b> import')
  await page.getByRole('button', { name: 'Make token' }).click()
  await expect(page.getByRole('button', { name: 'Copy token' })).toBeFocused()
  const token = await page.getByText(/^hxt_[\w-]{43}$/).innerText()
  await expectAccessible(page)
  const authorization = `Bearer ${token}`
  expect((await server.request('GET', '/api/tables', { headers: { authorization } })).status).toBe(200)

  await page.reload()
  await expect(page.getByRole('row', { name: '<b>nightly</b> import' })).toBeVisible()
  await expect(page.getByText(token)).toHaveCount(0)
  await page.getByRole('button', { name: 'Revoke <b>nightly</b> import' }).click()
  await page.getByRole('button', { name: 'Revoke token' }).click()
  await expect(page.getByText('There is no token. Scripts are refused.')).toBeVisible()
  expect((await server.request('GET', '/api/tables', { headers: { authorization } })).status).toBe(401)
})

test.describe('without a password', () => {
  test.use({ settings: {} })

  test('nothing speaks of signing in', async ({ page }) => {
    await page.goto('/access')
    await expect(page.getByRole('heading', { level: 1, name: 'There is nothing at this address' })).toBeVisible()
    await expect(page.getByRole('link', { name: 'Access' })).toBeHidden()
  })
})

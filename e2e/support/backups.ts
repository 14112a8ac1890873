/** What people do with backups, in the words of the page. */
import type { Locator, Page } from 'playwright/test'
import type { BackupInfo } from '../../server/protocol.ts'
import { newSessionId, type TestServer } from '../../server/test/support.ts'
import { dialogOf } from './app.ts'
import { expect } from './expect.ts'

/** The heading of an outcome, which has the focus once it is there. */
export const expectOutcome = (page: Page, heading: string): Promise<void> => expect(dialogOf(page).getByRole('heading', { name: heading, exact: true })).toBeFocused()

/** Make a backup with the page's button and look at its receipt. @returns the backup's name */
export async function backUp(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Back up now' }).click()
  await expectOutcome(page, 'Backup done')
  const [name] = /^\S+\.db/.exec(await dialogOf(page).locator('[data-ref=summary]').innerText()) ?? []
  await closeReceipt(page)
  return name!
}

export async function closeReceipt(page: Page): Promise<void> {
  await dialogOf(page).getByRole('button', { name: 'Close' }).last().click()
  await expect(dialogOf(page)).toBeHidden()
}

export const restoreButton = (page: Page, name: string): Locator => page.getByRole('button', { name: `Restore ${name}…` })

/** Ask for a restore and confirm it. */
export async function restore(page: Page, name: string): Promise<void> {
  await restoreButton(page, name).click()
  await dialogOf(page).getByRole('button', { name: 'Replace the database' }).click()
}

/** Make a backup over the API. */
export async function backupOf(server: TestServer): Promise<BackupInfo> {
  const { body } = await server.request<{ sessionId: string, name: string }>('POST', '/api/backups', json({ sessionId: newSessionId() }))
  await server.outcome(body.sessionId)
  return (await backupsOf(server)).find(({ name }) => name === body.name)!
}

/** Restore a backup over the API. */
export async function restoreOf(server: TestServer, name: string): Promise<void> {
  const { body } = await server.request<{ sessionId: string }>('POST', `/api/backups/${name}/restore`, json({ sessionId: newSessionId() }))
  expect((await server.outcome(body.sessionId)).status).toBe('completed')
}

/** Have 600 MB in the database, so that a backup of it is still under way when it is looked at. */
export function makeLarge(server: TestServer): void {
  const db = server.openDatabase()
  // It need not outlive a crash, so nothing waits for the disk.
  db.pragma('synchronous = OFF')
  db.exec('CREATE TABLE large (content BLOB)')
  const insert = db.prepare('INSERT INTO large VALUES (zeroblob(50000000))')
  for (let blob = 0; blob < 12; blob++) insert.run()
}

export const backupsOf = async (server: TestServer): Promise<BackupInfo[]> => (await server.get<BackupInfo[]>('/api/backups')).body

const json = (body: object): RequestInit => ({ body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })

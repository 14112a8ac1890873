/** What people do with HexTrackr and what they see of it, in the words of the page. */
import type { CDPSession, Locator, Page } from 'playwright/test'
import { expect } from './expect.ts'
import type { WriteLock } from '../../server/test/write-lock.ts'

export type Files = Parameters<Locator['setInputFiles']>[0]

/** A small file made of text. */
export const textFile = (name: string, text: string): { name: string, mimeType: string, buffer: Buffer } => ({ name, mimeType: 'text/csv', buffer: Buffer.from(text) })

/** 1284003 → `1,284,003`. */
export const grouped = (value: number): string => value.toLocaleString('en-US')

/** Choose files by the file input of the home page. */
export const chooseFiles = (page: Page, files: Files): Promise<void> => page.getByLabel('Choose file').setInputFiles(files)

/** Start what the preview shows. */
export const startImport = (page: Page): Promise<void> => page.getByRole('button', { name: 'Start import' }).click()

/** Choose one file on the home page and start its import as detected. */
export async function importFile(page: Page, file: Files): Promise<void> {
  await chooseFiles(page, file)
  await startImport(page)
}

/** Press what spares a wait, at this moment: it is gone as soon as the wait is over, and a click would look for it for ever. */
export const pressIfThere = (button: Locator): Promise<void> => button.evaluateAll((found) => {
  for (const each of found) (each as { click: () => void }).click()
})

export const dialogOf = (page: Page): Locator => page.getByRole('dialog')

/** @param what the bar tells of: an import, a backup, a restore */
export const barOf = (page: Page, what = 'Import'): Locator => dialogOf(page).getByRole('progressbar', { name: `${what} progress` })

/** Whole percent that the bar shows. */
export const percentOf = async (page: Page): Promise<number> => Number(await barOf(page).getAttribute('aria-valuenow'))

/** Wait until the import is held and the dialog shows all that there is to know of it. @returns the percent it stands at */
export async function standsStill(page: Page, lock: WriteLock): Promise<number> {
  const rows = await lock.held
  const dialog = dialogOf(page)
  await expect(dialog.getByRole('definition').first()).toContainText(grouped(rows))
  await expect(dialog).toContainText('importing rows')
  const percent = await percentOf(page)
  await expect(dialog).toContainText(`${percent}%`)
  expect(percent).toBeGreaterThan(33)
  expect(percent).toBeLessThan(87)
  return percent
}

/** The lines of the ledger in the dialog: label and value. */
export async function ledgerOf(page: Page): Promise<Record<string, string>> {
  const labels = await dialogOf(page).getByRole('term').allInnerTexts()
  const values = await dialogOf(page).getByRole('definition').allInnerTexts()
  return Object.fromEntries(labels.map((label, index) => [label.replace(/\s+/g, ' ').trim(), values[index] ?? '']))
}

/** The receipt of an import of a new table in which every row fitted. */
export async function expectReceipt(page: Page, table: string, rows: number): Promise<void> {
  await expect(dialogOf(page).getByRole('heading', { name: `Created ${table}`, exact: true })).toBeFocused()
  expect(await ledgerOf(page)).toEqual({ 'Added': grouped(rows), 'Rejected': '0', 'Rows in the file adds up': grouped(rows) })
}

/** Drop or paste files, as from a file manager; hold them over the window without letting go. */
export async function giveFiles(page: Page, how: 'drop' | 'paste' | 'hold', files: { name: string, text: string | Buffer }[]): Promise<void> {
  const sent = files.map(({ name, text }) => ({ name, base64: Buffer.from(text).toString('base64') }))
  await page.evaluate(`(({ how, files }) => {
    const data = new DataTransfer()
    for (const { name, base64 } of files) data.items.add(new File([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], name, { type: name.endsWith('.csv') ? 'text/csv' : '' }))
    const init = { bubbles: true, cancelable: true }
    if (how === 'paste') return document.body.dispatchEvent(new ClipboardEvent('paste', { ...init, clipboardData: data }))
    for (const type of ['dragenter', 'dragover', ...how === 'drop' ? ['drop'] : []]) document.body.dispatchEvent(new DragEvent(type, { ...init, dataTransfer: data }))
  })(${JSON.stringify({ how, files: sent })})`)
}

const sessions = new WeakMap<Page, Promise<CDPSession>>()

/** Begin an import whose upload goes on for as long as a test needs. */
export async function beginSlowUpload(page: Page, file: Files): Promise<void> {
  await page.goto('/')
  await chooseFiles(page, file)
  await expect(page.getByRole('button', { name: 'Start import' })).toBeEnabled()
  await limitUpload(page, 1_000_000)
  await startImport(page)
  await expect(dialogOf(page)).toContainText('Keep this tab open until the upload ends.')
  await expect(barOf(page)).not.toHaveAttribute('aria-valuenow', '0')
}

/** Slow down what the page sends, as a line of that many bytes per second would; -1 is as fast as can be. */
export async function limitUpload(page: Page, bytesPerSecond: number): Promise<void> {
  // One session for all, since each would keep its own limit.
  const opened = sessions.get(page) ?? page.context().newCDPSession(page)
  sessions.set(page, opened)
  const session = await opened
  await session.send('Network.enable')
  await session.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: bytesPerSecond })
}

/** The cells of the rows on show. */
export async function gridOf(page: Page): Promise<string[][]> {
  const rows = await page.getByRole('table').locator('tbody tr').all()
  return Promise.all(rows.map((row) => row.locator('th, td').allInnerTexts()))
}

/** What the bar said each time it changed. */
export interface BarSample {
  percent: number
  /** From 1 to 4. */
  step: number
  /** Whether the file still arrives while a later step is under way with it. */
  isArriving: boolean
  says: string
  title: string
}

/** Write down, from now on, everything that the open dialog's bar says; the result reads it. */
export async function recordBar(page: Page): Promise<() => Promise<BarSample[]>> {
  await page.evaluate(`(() => {
    const samples = window.barSamples = []
    const dialog = document.querySelector('dialog#progress')
    const bar = dialog.querySelector('[role=progressbar]')
    const look = () => {
      const says = bar.getAttribute('aria-valuetext')
      if (!dialog.open || !bar.checkVisibility() || says === null || says === samples.at(-1)?.says) return
      // The title is set in the same frame, after the dialog.
      queueMicrotask(() => samples.push({
        percent: Number(dialog.innerText.match(/(\\d+)\\s*%/)?.[1]), step: Number(says.match(/tep (\\d)/)?.[1]),
        isArriving: dialog.querySelectorAll('li[data-step=now]').length > 1, says, title: document.title,
      }))
    }
    new MutationObserver(look).observe(dialog, { attributes: true, subtree: true, childList: true, characterData: true })
  })()`)
  return () => page.evaluate<BarSample[]>('window.barSamples')
}

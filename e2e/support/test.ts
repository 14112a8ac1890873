/** Playwright's `test` with a server of its own for every test, and a page that may not fail silently. */
import { join } from 'node:path'
import { test as base, type Page } from 'playwright/test'
import { generate } from '../../bench/generate.ts'
import { temporaryFolder, TestServer, type Scope } from '../../server/test/support.ts'
import { WriteLock } from '../../server/test/write-lock.ts'

export { expect } from './expect.ts'

/** A CSV file on the disk. */
export interface GeneratedFile {
  path: string
  name: string
  /** What its table will be called. */
  table: string
  rows: number
}

interface Fixtures {
  /** Environment of the server. */
  settings: Record<string, string>
  scope: Scope
  server: TestServer
  /** Makes a CSV file of that many rows, narrow ones of about 38 bytes or wide ones of about 465. */
  makeFile: (rows: number, shape?: 'narrow' | 'wide') => Promise<GeneratedFile>
  /** Stops the next import of the server once it has written that many rows. */
  holdImport: (rows: number) => WriteLock
}

export const test = base.extend<Fixtures>({
  settings: [{}, { option: true }],
  scope: async ({}, use) => {
    const cleanUps: (() => unknown)[] = []
    await use({ after: (cleanUp) => void cleanUps.unshift(cleanUp) })
    for (const cleanUp of cleanUps) await cleanUp()
  },
  server: async ({ scope, settings }, use) => {
    await use(await TestServer.start(scope, { env: settings }))
  },
  baseURL: async ({ server }, use) => {
    await use(server.url)
  },
  page: async ({ page }, use) => {
    const failures = watchFailures(page)
    await use(page)
    base.expect(failures).toEqual([])
  },
  makeFile: async ({ scope }, use) => {
    const folder = temporaryFolder(scope)
    await use(async (rows, shape = 'narrow') => {
      const table = `${shape}_${rows}`
      const path = join(folder, `${table}.csv`)
      await generate(path, shape, rows)
      return { path, name: `${table}.csv`, table, rows }
    })
  },
  holdImport: async ({ scope, server }, use) => {
    await use((rows) => new WriteLock(scope, server, rows))
  },
})

/** Whatever no page may ever do: throw, leave a rejection unhandled, or try what its own policy forbids. */
export function watchFailures(page: Page): string[] {
  const failures: string[] = []
  page.on('pageerror', (error) => failures.push(error.stack ?? error.message))
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text())) failures.push(message.text())
  })
  return failures
}

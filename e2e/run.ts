/** Runs the end-to-end tests in whatever browser this machine has, and installs one where it has none. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { BROWSER_VARIABLE, requireBrowser } from './support/browser.ts'

const { status } = spawnSync(
  process.execPath,
  [join(import.meta.dirname, '../node_modules/playwright/cli.js'), 'test', '--config', join(import.meta.dirname, 'playwright.config.ts'), ...process.argv.slice(2)],
  { stdio: 'inherit', env: { ...process.env, [BROWSER_VARIABLE]: requireBrowser() } },
)
process.exit(status ?? 1)

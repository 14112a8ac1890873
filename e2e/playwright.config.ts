import { defineConfig } from 'playwright/test'
import { BROWSER_VARIABLE } from './support/browser.ts'

export default defineConfig({
  testDir: '.',
  testMatch: '*.e2e.ts',
  outputDir: 'results',
  // A test that fails now and then is a bug.
  retries: 0,
  forbidOnly: true,
  workers: 2,
  fullyParallel: true,
  // Nothing here is about speed: the limit only ends what would never end, on however busy a machine.
  timeout: 240_000,
  reporter: [['list']],
  use: {
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'Europe/Zurich',
    // Recording every test doubles the time; where one fails: --trace retain-on-failure.
    trace: 'off',
    launchOptions: {
      executablePath: process.env[BROWSER_VARIABLE] ?? '',
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
    },
  },
})

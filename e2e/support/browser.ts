import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright'

/** Set this to test in a browser of your own. */
export const BROWSER_VARIABLE = 'HEXTRACKR_BROWSER'

/** First what has no windows, whose tool bars would be drawn for nobody: Playwright's own choice where there are none. */
const NAMES = ['chrome-headless-shell', 'chromium-headless-shell', 'google-chrome', 'google-chrome-stable', 'chromium', 'chromium-browser', 'chrome']

const PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

const DEBIAN_PACKAGES = ['chromium-headless-shell', 'chromium']

/** Path of a browser of the Chrome family that is on this machine, in order of preference; undefined where there is none. */
export function findBrowser(env: Readonly<Record<string, string | undefined>>, exists: (path: string) => boolean = existsSync): string | undefined {
  const chosen = env[BROWSER_VARIABLE]
  if (chosen) return chosen
  const folders = (env.PATH ?? '').split(delimiter)
  const onPath = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))
  return [...onPath, ...PLACES, chromium.executablePath()].find((path) => path !== '' && exists(path))
}

const run = (command: string, ...words: string[]): boolean => {
  console.log(`> ${command} ${words.join(' ')}`)
  return spawnSync(command, words, { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }).status === 0
}

/**
 * The browser to test in; where there is none, Playwright's own is installed, and where that cannot be had, Debian's.
 * @throws Error saying what to do
 */
export function requireBrowser(): string {
  const found = findBrowser(process.env)
  if (found) return found
  const isInstalled = run('npx', 'playwright', 'install', 'chromium')
    || (existsSync('/usr/bin/apt-get') && run('apt-get', 'update', '-qq') && DEBIAN_PACKAGES.some((name) => run('apt-get', 'install', '-y', '-qq', name)))
  const installed = isInstalled ? findBrowser(process.env) : undefined
  if (!installed) throw new Error(`No browser was found and none could be installed. Install Chrome or Chromium, or set ${BROWSER_VARIABLE} to the path of one.`)
  return installed
}

/**
 * Takes a picture of every screen and state, light and dark, in four widths, to be looked at.
 * Usage: npm run shots [-- part of a scene's name ...]
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright'
import { requireBrowser } from '../support/browser.ts'
import { fullServer, SCENES } from './scenes.ts'

const FOLDER = join(import.meta.dirname, 'pictures')
const SIZES = [{ width: 1440, height: 900 }, { width: 1280, height: 800 }, { width: 390, height: 844 }, { width: 320, height: 640 }]
const THEMES = ['light', 'dark'] as const

/** Whatever a scene needed is cleaned up after it, the last first. */
class Cleaning {
  readonly #steps: (() => unknown)[] = []

  after(step: () => unknown): void {
    this.#steps.unshift(step)
  }

  async run(): Promise<void> {
    for (const step of this.#steps.splice(0)) await step()
  }
}

const wanted = process.argv.slice(2)
const scenes = SCENES.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
if (wanted.length === 0) rmSync(FOLDER, { recursive: true, force: true })
mkdirSync(FOLDER, { recursive: true })

const whole = new Cleaning()
const failed: string[] = []
const browser = await chromium.launch({ executablePath: requireBrowser(), args: ['--no-sandbox', '--disable-gpu'] })
try {
  const server = await fullServer(whole)
  for (const { name, show, isOneOfMany, isShownInEachSize } of scenes) {
    const scope = new Cleaning()
    const context = await browser.newContext({ viewport: SIZES[0]!, locale: 'en-GB', timezoneId: 'Europe/Zurich', reducedMotion: 'reduce' })
    const page = await context.newPage()
    page.setDefaultTimeout(60_000)
    try {
      if (!isShownInEachSize) await show({ page, context, scope, server })
      for (const size of SIZES) {
        await page.setViewportSize(size)
        if (isShownInEachSize) await show({ page, context, scope, server })
        for (const colorScheme of THEMES) {
          if (isOneOfMany && !(size.width === 1280 && colorScheme === 'light') && !(size.width === 390 && colorScheme === 'dark')) continue
          await page.emulateMedia({ colorScheme })
          // Texts that were cut to the old width are drawn in the next frame.
          await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))')
          await page.screenshot({ path: join(FOLDER, `${name}-${size.width}-${colorScheme}.png`) })
        }
      }
      console.log(name)
    } catch (error) {
      failed.push(name)
      console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      await context.close()
      await scope.run()
    }
  }
} finally {
  await browser.close()
  await whole.run()
}
console.log(`Pictures are in ${FOLDER}`)
process.exitCode = failed.length > 0 ? 1 : 0

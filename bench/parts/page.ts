/** What somebody with a browser waits for. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium, type Page } from 'playwright'
import { findBrowser } from '../../e2e/support/browser.ts'
import type { ImportRecord } from '../../server/protocol.ts'
import { dataFile } from '../generate.ts'
import type { Part } from '../support/part.ts'
import { BenchServer } from '../support/server.ts'
import { median } from '../support/statistics.ts'

const ROWS = 200_000

const LAUNCH_ARGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run']

interface PageRun {
  loadMs: number
  paintMs: number
  kilobytes: number
  progressMs: number
  completedMs: number
}

export const page: Part = {
  name: 'page',
  title: 'In the browser',
  measure: async ({ folder, rounds, scale }) => {
    const browserPath = findBrowser(process.env)
    if (browserPath === undefined) return ['Not measured: no browser was found.']
    if (!existsSync(join(import.meta.dirname, '../../web/dist/index.html'))) return ['Not measured: the page is not built (`npm run build`).']
    const { path, rows, bytes } = await dataFile(folder, 'narrow', Math.round(ROWS * scale))
    const server = await BenchServer.start()
    const browser = await chromium.launch({ executablePath: browserPath, args: LAUNCH_ARGS })
    const runs: PageRun[] = []
    try {
      for (let round = 0; round < rounds; round++) {
        // A context of its own has nothing in its cache.
        const context = await browser.newContext()
        runs.push(await visit(await context.newPage(), server, await readFile(path, 'utf8'), `measured_${round}`))
        await context.close()
      }
    } finally {
      await browser.close()
      await server.stop()
    }
    const of = (read: (run: PageRun) => number): string => median(runs.map(read)).toFixed(0)
    return [
      `First visit in a fresh Chromium, then a file of ${rows.toLocaleString('en')} narrow rows (${(bytes / 1e6).toFixed(1)} MB) and a tiny one dropped together, which start at once. `
      + 'Progress: from the drop until the larger file is on show in the list of imports with a bar. Completed: from before the commit, as the receipt has it, until its row says so. '
      + `Targets: under 150 ms and 100 ms. Medians of ${rounds}.`,
      {
        columns: ['first paint, ms', 'loaded, ms', 'transferred, kB', 'first progress, ms', 'completed, ms'],
        rows: [[of((run) => run.paintMs), of((run) => run.loadMs), of((run) => run.kilobytes), of((run) => run.progressMs), of((run) => run.completedMs)]],
      },
    ]
  },
}

async function visit(tab: Page, server: BenchServer, text: string, name: string): Promise<PageRun> {
  await tab.goto(server.url, { waitUntil: 'load' })
  await tab.getByText('Choose file').first().waitFor()
  const { loadMs, paintMs, kilobytes } = await tab.evaluate<Pick<PageRun, 'loadMs' | 'paintMs' | 'kilobytes'>>(`(() => {
    const [navigation] = performance.getEntriesByType('navigation')
    const paint = performance.getEntriesByName('first-contentful-paint')[0]
    const all = [navigation, ...performance.getEntriesByType('resource')]
    return { loadMs: navigation.loadEventEnd, paintMs: paint?.startTime ?? NaN, kilobytes: all.reduce((sum, { transferSize }) => sum + transferSize, 0) / 1000 }
  })()`)
  // Times are taken in the frame that shows what is waited for.
  const seen = await tab.evaluate<{ progressMs: number, completedAt: number }>(`(({ text, name }) => new Promise((resolve) => {
    const data = new DataTransfer()
    data.items.add(new File([text], name + '.csv', { type: 'text/csv' }))
    data.items.add(new File(['a\\n1\\n'], name + '_small.csv', { type: 'text/csv' }))
    const rowOf = () => [...document.querySelectorAll('[popover] li')].find((item) => item.checkVisibility() && item.textContent.includes(name + '.csv'))
    const droppedAt = performance.now()
    let progressMs
    const look = () => {
      const row = rowOf()
      if (progressMs === undefined && row?.querySelector('.mini')) progressMs = performance.now() - droppedAt
      if (progressMs !== undefined && row && /rows in/.test(row.textContent)) return resolve({ progressMs, completedAt: performance.timeOrigin + performance.now() })
      requestAnimationFrame(look)
    }
    for (const type of ['dragenter', 'dragover', 'drop']) document.body.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: data }))
    requestAnimationFrame(look)
  }))(${JSON.stringify({ text, name })})`)
  const imports = await server.request<ImportRecord[]>('GET', '/api/imports')
  const { finishedAt } = imports.find(({ table }) => table === name)!
  return { loadMs, paintMs, kilobytes, progressMs: seen.progressMs, completedMs: seen.completedAt - finishedAt! }
}

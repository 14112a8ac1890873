import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { suiteScope } from './suite.ts'
import { temporaryFolder } from './support.ts'

const ROOT = join(import.meta.dirname, '../..')

/** What docs/embedding.md tells people to write. */
interface Guide {
  startServer: (port: number, resize: (picture: string) => Promise<unknown>) => Promise<{ url: string, close: () => Promise<void> }>
  resizePictures: (pictures: string[], onProgress: (progress: number, message: string) => unknown, url: string) => Promise<string>
}

/** Lay the blocks of code of the page down as another app would have them, and load them. */
async function loadGuide(folder: string): Promise<Guide> {
  const blocks = [...readFileSync(join(ROOT, 'docs/embedding.md'), 'utf8').matchAll(/^```ts (\S+)\n(.*?)^```$/gms)]
  assert.deepEqual(blocks.map((block) => block[1]), ['server.ts', 'client.ts'])
  for (const [, name, code] of blocks) writeFileSync(join(folder, name!), code!)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  // Only what the page says is needed.
  const files = [...readFileSync(join(ROOT, 'docs/embedding.md'), 'utf8').matchAll(/^\| `(\S+\.ts)` \|/gm)].map((match) => match[1]!)
  for (const file of files) {
    mkdirSync(join(folder, 'hextrackr', file, '..'), { recursive: true })
    writeFileSync(join(folder, 'hextrackr', file), readFileSync(join(ROOT, file)))
  }
  return { ...await import(join(folder, 'server.ts')), ...await import(join(folder, 'client.ts')) } as Guide
}

describe('the code of docs/embedding.md', () => {
  let guide: Guide
  const scope = suiteScope()
  before(async () => {
    guide = await loadGuide(temporaryFolder(scope))
  })

  test('carries the progress of any operation to its end', async (t) => {
    const heard: [number, string][] = []
    // Goes on once the page has heard of the picture, so that it hears of each.
    const hearing = Promise.withResolvers<undefined>()
    const { url, close } = await guide.startServer(0, (picture) => picture === 'b.png' ? hearing.promise : Promise.resolve(undefined))
    t.after(close)
    const message = await guide.resizePictures(['a.png', 'b.png', 'c.png', 'd.png'], (progress, text) => {
      heard.push([progress, text])
      if (text === 'Resizing b.png') hearing.resolve(undefined)
    }, url)
    assert.equal(message, 'All resized')
    assert.deepEqual(heard.find(([, text]) => text === 'Resizing b.png'), [25, 'Resizing b.png'])
  })

  test('tells an end that came before anybody had joined', async (t) => {
    const { url, close } = await guide.startServer(0, () => Promise.resolve())
    t.after(close)
    const heard: number[] = []
    assert.equal(await guide.resizePictures([], (progress) => heard.push(progress), url), 'All resized')
    assert.deepEqual(heard, [])
  })

  test('tells what went wrong', async (t) => {
    const { url, close } = await guide.startServer(0, (picture) => Promise.reject(new Error(`${picture} is no picture`)))
    t.after(close)
    await assert.rejects(guide.resizePictures(['a.txt'], () => undefined, url), { message: 'a.txt is no picture' })
  })
})

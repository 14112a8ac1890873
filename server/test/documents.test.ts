import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '../..')

test('docs/licences.md lists what package-lock.json does, and all of it may be used', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'tools/licences.ts'), '--check'], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  const licences = [...readFileSync(join(ROOT, 'docs/licences.md'), 'utf8').matchAll(/^\| [^|]+ \| \d[^|]* \| ([^|]+) \|$/gm)].map((match) => match[1]!)
  assert.ok(licences.length > 50)
  // Permissive ones, and MPL-2.0, which asks for nothing as long as its files stay as they are.
  for (const licence of licences) assert.match(licence, /^\(?(MIT|ISC|BSD-[23]-Clause|0BSD|Apache-2\.0|OFL-1\.1|MPL-2\.0|BlueOak-1\.0\.0|MIT-0|Unlicense)( (OR|AND) [\w. -]+)?\)?$/)
})

test('every test that docs/reliability.md names is there', () => {
  const promises = [...readFileSync(join(ROOT, 'docs/reliability.md'), 'utf8').matchAll(/^\| .+ \| `(\S+)` \| (.+) \|$/gm)]
  assert.ok(promises.length > 30, `only ${promises.length} promises were read`)
  const missing = promises.filter(([, file, name]) => {
    const source = readFileSync(join(ROOT, file!), 'utf8')
    // One that is skipped or still to be written is called otherwise.
    return !['test', 'base'].flatMap((call) => [`${call}('${name!.replaceAll('\'', '\\\'')}',`, `${call}(\`${name}\`,`]).some((call) => source.split('\n').some((line) => line.trimStart().startsWith(call)))
  }).map(([, file, name]) => `${file}: ${name}`)
  assert.deepEqual(missing, [])
})

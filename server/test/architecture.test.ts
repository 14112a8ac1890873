import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '../..')

/** What a file may know, by the folder it lies in. docs/architecture.md draws the same picture. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  'server/csv': ['server/csv', 'server/protocol.ts', 'server/faults.ts', 'server/unique-name.ts'],
  'server/db': ['server/db', 'server/csv/column-types.ts', 'server/protocol.ts', 'server/faults.ts', 'server/unique-name.ts'],
  'server/workers': ['server/workers', 'server/csv', 'server/db', 'server/protocol.ts', 'server/faults.ts', 'server/unique-name.ts'],
  'server/services': ['server/services', 'server/workers', 'server/csv', 'server/db', 'server/tracker.ts', 'server/throttle.ts', 'server/protocol.ts', 'server/faults.ts', 'server/unique-name.ts'],
  'server/routes': ['server/routes', 'server/services', 'server/workers/export-format.ts', 'server/db/table-query.ts', 'server/db/identifiers.ts', 'server/sockets.ts', 'server/protocol.ts', 'server/faults.ts'],
  'web': ['web', 'server/protocol.ts', 'server/faults.ts'],
}

const ALONE: Record<string, readonly string[]> = {
  'server/protocol.ts': [],
  'server/faults.ts': [],
  'server/unique-name.ts': [],
  'server/throttle.ts': [],
  'server/tracker.ts': ['server/protocol.ts', 'server/throttle.ts'],
  'server/sockets.ts': ['server/protocol.ts'],
}

const files = globSync(['server/**/*.ts', 'web/**/*.ts'], { cwd: ROOT, exclude: ['**/*.test.ts', 'server/test/**', 'web/dist/**'] })

function imports(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  return [...text.matchAll(/(?:from|import\() ?'(\.[^']+\.ts)'/g)].map((match) => relative(ROOT, join(ROOT, dirname(file), match[1]!)))
}

test('knowledge flows one way', () => {
  const trespasses = files.flatMap((file) => {
    const room = Object.keys(MAY_IMPORT).find((folder) => file.startsWith(`${folder}/`))
    const allowed = ALONE[file] ?? (room && MAY_IMPORT[room])
    if (!allowed) return []
    return imports(file).filter((target) => !allowed.some((place) => target === place || target.startsWith(`${place}/`))).map((target) => `${file} imports ${target}`)
  })
  assert.ok(files.length > 40, `only ${files.length} files were read`)
  assert.deepEqual(trespasses, [])
})

/** `npm run openapi` writes the schemas of docs/openapi.json from server/protocol.ts; with `--check` it only says whether that is needed. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createGenerator } from 'ts-json-schema-generator'
import { FAULTS } from '../server/faults.ts'

const ROOT = join(import.meta.dirname, '..')
const PAGE = join(ROOT, 'docs/openapi.json')

interface Document {
  info: { version: string }
  components: { schemas: Record<string, unknown> }
}

const IN_GENERATED = '#/definitions/'
const IN_DOCUMENT = '#/components/schemas/'

/** Names of the schemas that a part of the document refers to. */
const namesIn = (part: unknown): string[] => [...JSON.stringify(part).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1]!)

/** The types of the protocol that the rest of the document needs, and those that these need. */
function schemas(rest: unknown): Record<string, unknown> {
  const { definitions = {} } = createGenerator({
    path: join(ROOT, 'server/protocol.ts'), tsconfig: join(ROOT, 'tsconfig.json'), type: '*', encodeRefs: false,
    // A client lets pass what a later version adds. The types are checked by `npm run typecheck`.
    additionalProperties: true, skipTypeCheck: true,
  }).createSchema('*')
  const all = JSON.parse(JSON.stringify(definitions).replaceAll(IN_GENERATED, IN_DOCUMENT)) as Record<string, unknown>
  const problem = all.Problem as { properties: { code: object } }
  problem.properties.code = { ...problem.properties.code, enum: Object.keys(FAULTS) }
  const needed = new Set(namesIn(rest))
  for (const name of needed) {
    if (all[name] === undefined) throw new Error(`docs/openapi.json refers to ${name}, which server/protocol.ts does not have`)
    for (const more of namesIn(all[name])) needed.add(more)
  }
  return Object.fromEntries([...needed].sort().map((name) => [name, all[name]]))
}

function page(): string {
  const document = JSON.parse(readFileSync(PAGE, 'utf8')) as Document
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  const { components: { schemas: _, ...components }, ...rest } = document
  return `${JSON.stringify({ ...rest, info: { ...rest.info, version }, components: { ...components, schemas: schemas({ rest, components }) } }, null, 2)}\n`
}

if (process.argv.includes('--check')) {
  if (readFileSync(PAGE, 'utf8') !== page()) {
    console.error('docs/openapi.json is not what server/protocol.ts says. Run: npm run openapi')
    process.exitCode = 1
  }
} else {
  writeFileSync(PAGE, page())
}

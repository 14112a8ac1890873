/** `npm run licences` writes docs/licences.md from package-lock.json; with `--check` it only says whether that is needed. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const PAGE = join(ROOT, 'docs/licences.md')

interface LockedPackage {
  version: string
  license?: string
  dev?: boolean
}

/** These name their licence in a way that the lock file does not take over. Read from their LICENSE files. */
const UNNAMED: Record<string, string> = { 'busboy': 'MIT', 'streamsearch': 'MIT', 'xmlhttprequest-ssl': 'MIT' }

/** What is installed without development dependencies, those for other systems than this one included. */
function productionPackages(): { name: string, version: string, licence: string }[] {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: Record<string, LockedPackage> }
  const listed = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(([path, { version, license }]) => {
      const name = path.replace(/^.*node_modules\//, '')
      return { name, version, licence: license ?? UNNAMED[name] ?? 'not said' }
    })
  const byKey = new Map(listed.map((entry) => [`${entry.name}@${entry.version}`, entry]))
  return [...byKey.values()].sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1)
}

function page(): string {
  const packages = productionPackages()
  const counts = Map.groupBy(packages, ({ licence }) => licence)
  const summary = [...counts].sort(([, a], [, b]) => b.length - a.length).map(([licence, { length }]) => `${licence} (${length})`).join(', ')
  return `# Licences

HexTrackr is under the MIT licence. These are the licences of the ${packages.length} packages it runs with, as package-lock.json has them:
${summary}.
Written by \`npm run licences\`; a test keeps it true. What is built into the page is also listed in \`web/dist/.vite/license.md\`.

| package | version | licence |
|---|---|---|
${packages.map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`).join('\n')}
`
}

if (process.argv.includes('--check')) {
  if (readFileSync(PAGE, 'utf8') !== page()) {
    console.error('docs/licences.md is not what package-lock.json says. Run: npm run licences')
    process.exitCode = 1
  }
} else {
  writeFileSync(PAGE, page())
}

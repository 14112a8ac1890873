/** Writes what the parts found to bench/RESULTS.md, each part its own section, and their plots beside it. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Finding, Part, Plot, Table } from './part.ts'
import { drawPlot } from './plot.ts'

const FOLDER = join(import.meta.dirname, '..')
const RESULTS = join(FOLDER, 'RESULTS.md')

const HEAD = `# Results

Written by \`npm run bench\`; each section says when and on what machine its figures were taken. What is measured, and how: [README.md](README.md).
`

export interface Section {
  part: Part
  /** Of the machine, when the part ran. */
  machine: string
  command: string
  findings: readonly Finding[]
}

/** Put a section in place of the one that the same part left before, or in its place in the order of all parts. */
export function report({ part, machine, command, findings }: Section, order: readonly Part[]): void {
  const sections = new Map(readSections())
  const text = findings.map((finding) => typeof finding === 'string' ? finding : 'columns' in finding ? markdownTable(finding) : image(finding)).join('\n\n')
  sections.set(part.name, `## ${part.title}\n\n\`${command}\` · ${machine}\n\n${text}`)
  const inOrder = order.flatMap(({ name }) => {
    const section = sections.get(name)
    return section === undefined ? [] : [`<!-- ${name} -->\n${section}\n`]
  })
  writeFileSync(RESULTS, [HEAD, ...inOrder].join('\n'))
}

/** Sections by the names of their parts. */
function readSections(): [string, string][] {
  if (!existsSync(RESULTS)) return []
  const [, ...pieces] = readFileSync(RESULTS, 'utf8').split(/^<!-- (\w+) -->$/m)
  return pieces.flatMap((name, index) => index % 2 === 0 ? [[name, pieces[index + 1]!.trim()]] : [])
}

function markdownTable({ columns, rows }: Table): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  return [line(columns), `|${'---|'.repeat(columns.length)}`, ...rows.map(line)].join('\n')
}

function image(plot: Plot): string {
  mkdirSync(join(FOLDER, 'results'), { recursive: true })
  writeFileSync(join(FOLDER, 'results', `${plot.name}.svg`), drawPlot(plot))
  return `![${plot.title}](results/${plot.name}.svg)`
}

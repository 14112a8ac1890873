/**
 * Measures HexTrackr and writes bench/RESULTS.md.
 * usage: npm run bench -- [part ...] [--rounds 5] [--scale 1] [--shapes narrow,wide,veryWide] [--folder DIR]
 */
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { backup } from './parts/backup.ts'
import { engine } from './parts/engine.ts'
import { growth } from './parts/growth.ts'
import { http } from './parts/http.ts'
import { memory } from './parts/memory.ts'
import { page } from './parts/page.ts'
import { parallel } from './parts/parallel.ts'
import { reads } from './parts/reads.ts'
import { startup } from './parts/startup.ts'
import { tracker } from './parts/tracker.ts'
import { watchers } from './parts/watchers.ts'
import { describeMachine } from './support/machine.ts'
import type { Part, Settings } from './support/part.ts'
import { report } from './support/report.ts'

const PARTS: readonly Part[] = [engine, http, parallel, growth, watchers, tracker, startup, page, reads, backup, memory]

const SHAPES = ['narrow', 'wide', 'veryWide'] as const

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, scale: { type: 'string', default: '1' }, shapes: { type: 'string', default: SHAPES.join(',') }, folder: { type: 'string' } },
})

function positive(name: 'rounds' | 'scale'): number {
  const value = Number(values[name])
  if (!(value > 0)) throw new Error(`--${name} is ${values[name]}, but must be a number above 0`)
  return value
}

const unknown = positionals.find((name) => !PARTS.some((part) => part.name === name))
if (unknown !== undefined) throw new Error(`There is no part called ${unknown}. Choose from ${PARTS.map(({ name }) => name).join(', ')}.`)
const shapes = SHAPES.filter((shape) => values.shapes.split(',').includes(shape))
if (shapes.length === 0) throw new Error(`--shapes is ${values.shapes}, but must name some of ${SHAPES.join(', ')}`)

const settings: Settings = { rounds: positive('rounds'), scale: positive('scale'), shapes, folder: values.folder ?? join(tmpdir(), 'hextrackr-bench') }
await mkdir(settings.folder, { recursive: true })
const command = ['npm run bench', ...process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : []].join(' ')
for (const part of PARTS) {
  const isWanted = positionals.length > 0 ? positionals.includes(part.name) : part.onlyByName === undefined
  if (!isWanted) continue
  const machine = describeMachine()
  console.log(`\n${part.title}\n${machine}`)
  const findings = await part.measure(settings)
  for (const finding of findings) {
    if (typeof finding === 'string') console.log(finding)
    else if ('columns' in finding) console.table(finding.rows.map((row) => Object.fromEntries(row.map((cell, index) => [finding.columns[index]!, cell]))))
  }
  report({ part, machine, command, findings }, PARTS)
}

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A module that is loaded into the server before all else, in each of its threads. @returns what makes Node load it */
export function preload(folder: string, code: string): Record<string, string> {
  const path = join(folder, 'preload.mjs')
  writeFileSync(path, `
    import Database from ${JSON.stringify(import.meta.resolve('better-sqlite3'))}
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    ${code}
    syncBuiltinESMExports()
  `)
  return { NODE_OPTIONS: `--import=${path}` }
}

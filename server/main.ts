/**
 * Process entry. Node strips the types of each file at its first start and keeps the result, so that later starts,
 * and above all the threads of imports, need neither the time nor the 20 MB each that stripping takes.
 */
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

// Below the project, since a folder that other users can write to could feed us their code. Threads read the variable.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, '../node_modules/.cache/hextrackr')
enableCompileCache(process.env.NODE_COMPILE_CACHE)
await import('./serve.ts')

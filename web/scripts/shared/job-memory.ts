/** The operations this tab began, kept over a reload. Only what is needed to ask the server about them. */
import type { ImportOptions } from './import-options.ts'
import { isOperationKind, type OperationKind } from './operation.ts'

export interface RememberedJob {
  id: string
  kind: OperationKind
  filename: string
  bytes: number
  startedAt: number
  /** Its upload had not begun, so the server has never heard of it. */
  held: boolean
  /** Its outcome was known, and told, before the reload. */
  ended: boolean
  /** What was chosen for it, so that trying it again means the same. */
  options?: ImportOptions | undefined
}

export type JobStorage = Pick<Storage, 'getItem' | 'setItem'>

const KEY = 'hextrackr.jobs'
/** More would be a list nobody reads; the pages have them all. */
const MOST = 20

export function remember(storage: JobStorage, jobs: RememberedJob[]): void {
  storage.setItem(KEY, JSON.stringify(jobs.slice(-MOST)))
}

export function recall(storage: JobStorage): RememberedJob[] {
  try {
    const jobs: unknown = JSON.parse(storage.getItem(KEY) ?? '[]')
    return Array.isArray(jobs) ? jobs.filter(isRemembered) : []
  } catch {
    return []
  }
}

function isRemembered(job: unknown): job is RememberedJob {
  return typeof job === 'object' && job !== null && 'id' in job && typeof job.id === 'string' && 'filename' in job && typeof job.filename === 'string'
    && 'kind' in job && isOperationKind(job.kind) && 'startedAt' in job && typeof job.startedAt === 'number'
}

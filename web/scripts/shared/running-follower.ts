/** Hears of imports of a history that are running, whichever tab began them. */
import type { ImportRecord } from '../../../server/protocol.ts'
import { statusOf } from './import-status.ts'
import type { Jobs } from './jobs.ts'

/** Running imports followed at a time. The server allows 100 rooms for a tab. */
const MOST_FOLLOWED = 20

/**
 * @param page aborted when the page is left, which ends it
 * @returns takes the history of now: what has ended since is let go of
 */
export function runningFollower(jobs: Pick<Jobs, 'watch'>, page: AbortSignal): (imports: readonly Pick<ImportRecord, 'sessionId' | 'status' | 'error' | 'undoneAt'>[]) => void {
  const followed = new Map<string, AbortController>()
  const follow = async (id: string) => {
    const following = new AbortController()
    followed.set(id, following)
    const signal = AbortSignal.any([page, following.signal])
    try {
      const { release } = await jobs.watch({ kind: 'import', id })
      if (signal.aborted) release()
      else signal.addEventListener('abort', release)
    } catch {
      // The next history may have an answer.
      if (followed.get(id) === following) followed.delete(id)
    }
  }
  return (imports) => {
    const running = new Set(imports.filter((record) => statusOf(record).word === 'Running').slice(0, MOST_FOLLOWED).map(({ sessionId }) => sessionId))
    for (const [id, following] of followed) {
      if (running.has(id)) continue
      followed.delete(id)
      following.abort()
    }
    for (const id of running) if (!followed.has(id)) void follow(id)
  }
}

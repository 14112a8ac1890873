import { Router } from 'express'
import { Fault } from '../faults.ts'
import type { ProgressSnapshot } from '../protocol.ts'

/** The state of a session over plain HTTP, live or long after it ended, for pages that cannot hold a socket. */
export function progressRoutes(snapshot: (sessionId: string) => ProgressSnapshot | null): Router {
  const router = Router()
  router.get('/progress/:id', (req, res) => {
    const state = snapshot(req.params.id.toLowerCase())
    if (!state) throw new Fault('SESSION_NOT_FOUND', 'There is no session with that id.')
    res.set('Cache-Control', 'no-store').json(state)
  })
  return router
}

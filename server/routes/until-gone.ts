import type { Response } from 'express'

/** Aborted when the client has gone, or has all it asked for. */
export function untilGone(res: Response): AbortSignal {
  const gone = new AbortController()
  if (res.destroyed) gone.abort()
  else res.once('close', () => gone.abort())
  return gone.signal
}

import type { ErrorRequestHandler, RequestHandler } from 'express'
import type { Logger } from 'pino'
import { FAULTS, Fault } from '../faults.ts'
import type { Problem } from '../protocol.ts'

/** Problem details of a failure (RFC 9457). The type is the code as a URN: it names the problem but leads nowhere. */
export function toProblem(fault: Fault): Problem {
  const { status, title } = FAULTS[fault.code]
  return { type: `urn:hextrackr:problem:${fault.code.toLowerCase().replaceAll('_', '-')}`, title, status, detail: fault.message, code: fault.code }
}

/** Headers of the answer that carries it. A 401 says how to be let in (RFC 9110, section 11.6.1). */
export const problemHeaders = ({ status }: Problem): Record<string, string> => ({
  'Content-Type': 'application/problem+json; charset=utf-8',
  ...(status === 401 && { 'WWW-Authenticate': 'Bearer realm="HexTrackr"' }),
})

/** For addresses of the API that no route answers. */
export const apiNotFound: RequestHandler = (req) => {
  throw new Fault('NOT_FOUND', `There is nothing at ${req.method} ${req.originalUrl.split('?')[0]!.slice(0, 200)}.`)
}

/** The one place where a failure becomes an HTTP answer. */
export function problemHandler(logger: Logger): ErrorRequestHandler {
  return (error, req, res, next) => {
    const fault = refusalOfExpress(error) ?? Fault.from(error)
    if (fault.code === 'INTERNAL') logger.error({ err: fault.cause ?? fault, requestId: res.locals.requestId as unknown, method: req.method, path: req.path }, 'a request failed')
    const problem = toProblem(fault)
    if (res.headersSent) next(error)
    else res.status(problem.status).set(problemHeaders(problem)).send(JSON.stringify(problem))
  }
}

/** Express marks what a client did wrong (a bad percent-encoding, say) with a status of 4xx; what reads bodies gives its errors a type as well. */
function refusalOfExpress(error: unknown): Fault | null {
  const status = error instanceof Error && !(error instanceof Fault) && 'status' in error ? Number(error.status) : NaN
  if (status === 413) return new Fault('BODY_TOO_LARGE', 'The body of the request is larger than this takes.', { cause: error })
  if (!(status >= 400 && status < 500)) return null
  return 'type' in (error as Error)
    ? new Fault('BAD_BODY', 'The body of the request cannot be read as JSON.', { cause: error })
    : new Fault('BAD_QUERY', 'The address of the request is not well formed.', { cause: error })
}

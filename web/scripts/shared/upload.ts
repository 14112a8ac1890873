/** Sending a file with XMLHttpRequest: the only request whose upload progress a page can see. */
import { ApiError, failureOf } from './api.ts'
import type { ImportOptions } from './import-options.ts'
import type { NamedOperation } from './operation.ts'

export interface UploadHandlers {
  progress: (loaded: number, total: number) => void
}

/** What the server calls what it has received: a table, or a backup. */
export interface Received { sessionId: string, table?: string, name?: string }

export interface Upload {
  /** Resolves once the server has the whole file; rejects with an ApiError, or an AbortError after `abort()`. */
  readonly done: Promise<Received>
  abort: () => void
}

export type StartUpload = (operation: NamedOperation, file: File, handlers: UploadHandlers, options?: ImportOptions) => Upload

export const startUpload: StartUpload = ({ kind, id }, file, handlers, options) => {
  const request = new XMLHttpRequest()
  const form = new FormData()
  // The server needs the id and the options before the file's first byte: order matters.
  form.append('sessionId', id)
  if (options) form.append('options', JSON.stringify(options))
  form.append('file', file, file.name)
  const path = kind === 'upload' ? '/api/backups/upload' : '/api/imports'
  const done = new Promise<Received>((resolve, reject) => {
    const where = `POST ${path}`
    request.upload.addEventListener('progress', (event) => {
      // The form adds a few hundred bytes around the file; the file is what people know the size of.
      const sent = event.total > 0 ? event.loaded / event.total * file.size : 0
      handlers.progress(event.loaded >= event.total ? file.size : Math.min(sent, file.size), file.size)
    })
    request.addEventListener('load', () => {
      if (request.status === 202) {
        resolve(JSON.parse(request.responseText) as Received)
        return
      }
      reject(failureOf(request.status, request.responseText, where))
    })
    request.addEventListener('error', () => reject(new ApiError(0, 'UNREACHABLE', 'The connection to the server ended.', where)))
    request.addEventListener('abort', () => reject(new DOMException('The upload was stopped.', 'AbortError')))
  })
  request.open('POST', path)
  request.setRequestHeader('accept', 'application/json')
  request.send(form)
  return { done, abort: () => request.abort() }
}

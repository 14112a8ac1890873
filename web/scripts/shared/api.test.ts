import assert from 'node:assert/strict'
import { afterEach, mock, test } from 'node:test'
import { api, ApiError } from './api.ts'

const answer = (body: BodyInit, init?: ResponseInit): void => {
  mock.method(globalThis, 'fetch', () => Promise.resolve(new Response(body, init)))
}

afterEach(() => mock.restoreAll())

test('an answer that breaks off is no answer', async () => {
  answer(new ReadableStream({
    start: (stream) => {
      stream.enqueue(new TextEncoder().encode('[{"name":'))
      stream.error(new TypeError('network error'))
    },
  }))
  await assert.rejects(api.tables(), (error) => error instanceof ApiError && error.code === 'UNREACHABLE' && error.request === 'GET /api/tables')
})

test('a page of something in between is told as such, whatever its status', async () => {
  answer('<!doctype html><title>Sign in to this network</title>', { headers: { 'content-type': 'text/html' } })
  await assert.rejects(api.tables(), (error) => error instanceof ApiError && error.status === 200 && error.code === 'HTTP_200' && error.message.includes('not HexTrackr'))
  answer('<h1>Bad gateway</h1>', { status: 502 })
  await assert.rejects(api.tables(), (error) => error instanceof ApiError && error.code === 'UNREACHABLE')
})

test('a request that the page ends itself is no failure of the server', async () => {
  mock.method(globalThis, 'fetch', (_path: string, { signal }: RequestInit) => new Promise((_, reject) => {
    signal!.addEventListener('abort', () => reject(signal!.reason as Error))
  }))
  const leaving = new AbortController()
  const asked = api.tables(leaving.signal)
  leaving.abort()
  await assert.rejects(asked, { name: 'AbortError' })
})

import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { storageOf } from './storage.ts'

const pretend = (window: object) => Object.defineProperty(globalThis, 'window', { value: window, configurable: true })

afterEach(() => Reflect.deleteProperty(globalThis, 'window'))

test('what is kept is found again', () => {
  const kept = new Map<string, string>()
  const localStorage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, text: string) => kept.set(key, text),
    clear: () => kept.clear(),
  }
  pretend({ localStorage })
  const storage = storageOf('localStorage')
  storage.setItem('a', '1')
  assert.deepEqual([storage.getItem('a'), storage.getItem('b')], ['1', null])
  storage.clear()
  assert.equal(storage.getItem('a'), null)
})

test('a storage that is full, or that may not even be named, keeps nothing and does no harm', () => {
  const refuse = (): never => {
    throw new DOMException('No.', 'QuotaExceededError')
  }
  for (const window of [{ sessionStorage: { getItem: refuse, setItem: refuse, clear: refuse } }, Object.defineProperty({}, 'sessionStorage', { get: refuse })]) {
    pretend(window)
    const storage = storageOf('sessionStorage')
    storage.setItem('a', '1')
    storage.clear()
    assert.equal(storage.getItem('a'), null)
  }
})

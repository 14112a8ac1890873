import { after } from 'node:test'
import type { Scope } from './support.ts'

/** Where what a whole suite shares is cleaned up, the last first, once its tests have run. To be called as the suite is described. */
export function suiteScope(): Scope {
  const cleanUps: (() => unknown)[] = []
  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp()
  })
  return { after: (cleanUp) => void cleanUps.push(cleanUp) }
}

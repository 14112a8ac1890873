/** `npm run kills -- 60 [seed]`: as many kills as one likes. Ends with 1 where anything was lost. */
import { killAtRandom } from './kills.ts'

const kills = Number(process.argv[2] ?? 60)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
const cleanUps: (() => unknown)[] = []
const startedAt = performance.now()
console.log({ seed })
try {
  const report = await killAtRandom({ after: (cleanUp) => void cleanUps.unshift(cleanUp) }, { seed, kills })
  console.log({ ...report, seconds: Math.round((performance.now() - startedAt) / 1000) })
} finally {
  for (const cleanUp of cleanUps) await cleanUp()
}

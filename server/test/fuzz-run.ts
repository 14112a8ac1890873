/** `npm run fuzz -- 100000 [seed]`: hostile requests for as long as one likes. Ends with 1 where a server must not have answered so. */
import { fuzz } from './fuzz.ts'
import { TestServer } from './support.ts'

const cases = Number(process.argv[2] ?? 100_000)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
const cleanUps: (() => unknown)[] = []
const server = await TestServer.start({ after: (cleanUp) => void cleanUps.unshift(cleanUp) })
await server.import('a,b\n1,x\n2,y\n', { options: { table: 't' } })
const startedAt = performance.now()
const { statuses, imports, sentAgain, failures } = await fuzz(server, { cases, seed })
console.log({ cases, seed, seconds: Math.round((performance.now() - startedAt) / 1000), statuses, imports, sentAgain, failures: failures.length })
for (const failure of failures.slice(0, 20)) console.error(failure)
for (const cleanUp of cleanUps) await cleanUp()
process.exitCode = failures.length > 0 ? 1 : 0

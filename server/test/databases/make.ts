/**
 * Makes the database that `server/test/upgrade.test.ts` upgrades. Run it with the version that is about to become an earlier one, so
 * before a step is added to server/db/migrations.ts: `node server/test/databases/make.ts NAME.db [MAIN]`, where MAIN is another
 * checkout's server/main.ts. Whoever changes what is imported here changes what the test expects of every file in this folder.
 */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { TestServer } from '../support.ts'

const [name = '', main] = process.argv.slice(2)
if (!/^[\w-]+\.db$/.test(name)) throw new Error('usage: make.ts NAME.db [MAIN]')

const cleanUps: (() => unknown)[] = []
try {
  const server = await TestServer.start({ after: (cleanUp) => void cleanUps.unshift(cleanUp) }, main === undefined ? {} : { main })
  await server.import('id,name,score\n1,Ann,1.50\n2,"Bob ""B"", jr",2.25\n3,Cy,4.00,surplus\n', { filename: 'people.csv' })
  await server.import('', { filename: 'empty.csv' }).catch(() => undefined)
  await server.import('\n \n', { filename: 'blank.csv' })
  await server.import('id,price\n007,1\n', { filename: 'prices.csv', options: { encoding: 'utf-8' } })
  // The first versions could only make tables.
  const appended = await server.upload('id,name,score\n4,Di,0.75\n', { filename: 'people.csv', options: { table: 'people', mode: 'append' } })
  if (appended.status === 202) {
    await server.outcome(appended.body.sessionId)
    await server.import('id,name,score\n2,Bo,2.25\n5,Ed,9.00\n', { filename: 'people.csv', options: { table: 'people', mode: 'upsert', key: ['id'] } })
    await server.import('id,price,unit\n8,2,kg\n', { filename: 'prices.csv', options: { table: 'prices', mode: 'replace' } })
  }
  await server.settled()
  await server.kill('SIGTERM')
  // One file, as small as can be.
  const db = new Database(server.databasePath)
  db.exec(`VACUUM INTO '${join(import.meta.dirname, name)}'`)
  db.close()
} finally {
  for (const cleanUp of cleanUps) await cleanUp()
}

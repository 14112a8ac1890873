/** A server that kills itself, as `kill -9` would, at a point that is chosen from outside. */
import { once } from 'node:events'
import { preload } from './preload.ts'
import { TestServer, type Scope } from './support.ts'

/** When to die. */
export interface Death {
  /** The how-manieth point that is passed, in whatever thread: before or after something is done with the database or a file. */
  points: number
  /** Not at the point itself but a moment later, in the middle of whatever the threads are doing then. */
  isLate: boolean
}

/**
 * Points are passed by every thread and counted in memory that all of them share. Rows that go into a staging table are
 * none: there would be few others.
 */
const KILLER = `
  import { isMainThread, getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
  const isServer = process.argv[1]?.endsWith('main.ts') ?? false
  const words = new Int32Array(isMainThread ? new SharedArrayBuffer(12) : getEnvironmentData('killer'))
  const die = () => process.kill(process.pid, 'SIGKILL')
  const arm = ({ points, isLate }) => {
    Atomics.store(words, 1, isLate ? 1 : 0)
    Atomics.store(words, 0, points)
  }
  if (isServer && isMainThread) {
    setEnvironmentData('killer', words.buffer)
    void Atomics.waitAsync(words, 2, 0).value.then(die)
    process.on('message', (death) => {
      const left = Atomics.load(words, 0)
      arm(death)
      process.send(left)
    })
    process.channel.unref()
    if (process.env.DEATH) arm(JSON.parse(process.env.DEATH))
  }
  const point = () => {
    if (Atomics.load(words, 0) <= 0 || Atomics.sub(words, 0, 1) !== 1) return
    if (Atomics.load(words, 1) === 0) die()
    Atomics.store(words, 2, 1)
    Atomics.notify(words, 2)
  }
  const around = (work) => {
    point()
    const result = work()
    point()
    return result
  }
  if (isServer) {
    const { exec, pragma, prepare, transaction, backup } = Database.prototype
    Database.prototype.exec = function (sql) { return around(() => exec.call(this, sql)) }
    Database.prototype.pragma = function (...more) { return around(() => pragma.call(this, ...more)) }
    Database.prototype.prepare = function (sql) {
      const statement = prepare.call(this, sql)
      if (/^INSERT INTO "_hextrackr_staging/.test(sql)) return statement
      const { run } = statement
      statement.run = (...given) => around(() => run.apply(statement, given))
      return statement
    }
    Database.prototype.transaction = function (work) {
      const made = transaction.call(this, (...given) => around(() => work(...given)))
      const counted = (run) => (...given) => around(() => run(...given))
      return Object.assign(counted(made), { immediate: counted(made.immediate), deferred: counted(made.deferred), exclusive: counted(made.exclusive) })
    }
    Database.prototype.backup = function (path, options) {
      return backup.call(this, path, { ...options, progress: (state) => around(() => options.progress(state)) })
    }
    for (const name of ['rename', 'rm', 'open', 'readdir', 'stat']) {
      const original = fs.promises[name]
      fs.promises[name] = async (...given) => {
        point()
        const result = await original(...given)
        point()
        return result
      }
    }
  }
`

export interface MortalOptions {
  dataDir: string
  env?: Record<string, string>
  /** As it starts, if it is to die then. */
  death?: Death
}

/** Start one. @param folder for what it needs besides its data; @throws where it died before it listened */
export function startMortal(scope: Scope, folder: string, { dataDir, env = {}, death }: MortalOptions): Promise<TestServer> {
  return TestServer.start(scope, { dataDir, env: { ...env, ...preload(folder, KILLER), ...(death && { DEATH: JSON.stringify(death) }) }, ipc: true })
}

/** Have it die so many points from now; none is never. @returns how many were left until it would have died */
export async function setDeath({ process }: TestServer, death: Death): Promise<number> {
  const told = once(process, 'message') as Promise<[number]>
  process.send(death)
  return (await told)[0]
}

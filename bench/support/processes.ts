import { fork, spawn, type ChildProcess } from 'node:child_process'
import { on, once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'

const PROCESSES = join(import.meta.dirname, '../processes')

/** How often a process is asked for its memory, ms: the system remembers the most, but only as long as it lives. */
export const MEMORY_INTERVAL_MS = 20

/** Highest resident memory that a process has had, bytes; NaN where the system does not tell. */
export function peakMemory(pid: number): number {
  try {
    const kib = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? NaN : Number(kib) * 1024
  } catch {
    return NaN
  }
}

/** Resident memory of a process and of all that it has started, now, bytes; what they share is counted for each. NaN where the system does not tell. */
export function treeMemory(pid: number): number {
  try {
    const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter((id) => id !== ''))
    // One that has ended meanwhile has none.
    return Number(kib ?? 0) * 1024 + children.reduce((sum, child) => sum + (treeMemory(Number(child)) || 0), 0)
  } catch {
    return NaN
  }
}

/** Ticks in which Linux tells processor time, per second (USER_HZ, which is 100 on every usual architecture). */
const TICKS_PER_SECOND = 100

/** Processor time that a process has used with all its threads, seconds; NaN where the system does not tell. */
export function processorSeconds(pid: number): number {
  try {
    // The name, in parentheses, may hold spaces; user and system time are the 12th and 13th field after it (proc(5)).
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  } catch {
    return NaN
  }
}

/** A process that has ended. */
export interface Ended {
  /** From its start to its end. */
  seconds: number
  peakBytes: number
  stdout: string
}

/** Run a command to its end. @throws Error where it fails */
export async function runCommand(command: string, args: readonly string[], input = ''): Promise<Ended> {
  const startedAt = performance.now()
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  let peakBytes = NaN
  const look = setInterval(() => {
    const now = peakMemory(child.pid!)
    if (!Number.isNaN(now)) peakBytes = now
  }, MEMORY_INTERVAL_MS)
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  // A command that is done before it has read what it does not need is no fault.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const [code] = await once(child, 'close') as [number | null]
  clearInterval(look)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`)
  return { seconds: (performance.now() - startedAt) / 1000, peakBytes, stdout }
}

/** A module of `processes/` that has ended, and what it answered. */
export interface ModuleRun<Answer> extends Omit<Ended, 'stdout'> {
  answer: Answer
}

/** Run one of the modules in `processes/`, which answers with JSON on its standard output. */
export async function runModule<Answer>(name: string, ...args: readonly string[]): Promise<ModuleRun<Answer>> {
  const { stdout, ...ended } = await runCommand(process.execPath, [join(PROCESSES, `${name}.ts`), ...args])
  return { ...ended, answer: JSON.parse(stdout) as Answer }
}

/** What stands for people on machines of their own gives way to the server's main thread, which would not share its cores with them. */
export const giveWay = (): void => setPriority(constants.priority.PRIORITY_BELOW_NORMAL)

/** What nothing waits for gives way to the server's other threads too, which themselves give way to its main thread. */
export const giveWayToAll = (): void => setPriority(constants.priority.PRIORITY_LOW)

/** A module of `processes/` that gets ready, waits for a word, and then says what it has found: so several begin at once. */
export class Companion<Answer> {
  readonly #child: ChildProcess
  readonly #messages: AsyncIterator<unknown[]>
  #greeting = ''

  private constructor(child: ChildProcess) {
    this.#child = child
    const ending = new AbortController()
    child.once('exit', () => ending.abort(new Error(`${child.spawnargs.join(' ')} ended without an answer`)))
    this.#messages = on(child, 'message', { signal: ending.signal })
  }

  /** @returns once it is ready */
  static async start<Answer>(name: string, ...args: readonly string[]): Promise<Companion<Answer>> {
    const companion = new Companion<Answer>(fork(join(PROCESSES, `${name}.ts`), args))
    companion.#greeting = await companion.#next() as string
    return companion
  }

  /** What it said when it was ready. */
  get greeting(): string {
    return this.#greeting
  }

  /** Have it begin. @returns what it has found when it is done */
  async run(): Promise<Answer> {
    this.#child.send('go')
    return await this.#next() as Answer
  }

  /** @throws Error where it ends without another word */
  async #next(): Promise<unknown> {
    const { value } = await this.#messages.next() as IteratorYieldResult<unknown[]>
    return value[0]
  }
}

/** The other side of a Companion: say that it is ready, wait for the word, do the work, say what was found. */
export async function answerWhenAsked(work: () => Promise<unknown>, greeting = ''): Promise<void> {
  process.send!(greeting)
  await once(process, 'message')
  const answer = await work()
  await new Promise((resolve) => process.send!(answer, resolve))
  process.disconnect()
}

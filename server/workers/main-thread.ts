import type { MessagePort } from 'node:worker_threads'
import { Fault } from '../faults.ts'
import type { FromThread, ToThread } from './messages.ts'

/** A turn to write that has not been used for this long is given back, ms. */
const UNUSED_TURN_MS = 100

/** The main thread as a thread that works for it sees it. See messages.ts for what they say to each other. */
export class MainThread<Progress, Result, Question = never> {
  readonly #port: MessagePort
  readonly #answers = new Map<number, { resolve: (value: unknown) => void, reject: (fault: Fault) => void }>()
  #onTurn: () => void = () => undefined
  /** Whether somebody else waits for the turn, while this thread has it. */
  #wanted: Int32Array | undefined
  #isWriting = false
  readonly #unused: NodeJS.Timeout
  #asked = 0

  constructor(port: MessagePort) {
    this.#port = port
    this.#unused = setTimeout(() => this.#endTurn(), UNUSED_TURN_MS).unref()
    port.on('message', (message: ToThread) => {
      if (message.kind === 'turn') {
        this.#wanted = new Int32Array(message.wanted)
        this.#isWriting = true
        return this.#onTurn()
      }
      if (message.kind === 'turn-wanted') return this.#endTurn()
      const waiting = this.#answers.get(message.id)
      this.#answers.delete(message.id)
      if (message.fault) waiting?.reject(Fault.fromMessage(message.fault))
      else waiting?.resolve(message.value)
    })
  }

  send(message: FromThread<Progress, Result, Question>): void {
    this.#port.postMessage(message)
  }

  /**
   * For WriteTransactions: may write, and need not for now. The turn stays with the thread until somebody else wants it, so that
   * one who writes alone does not wait for the main thread before each transaction.
   */
  readonly turns = {
    take: async (): Promise<void> => {
      if (this.#wanted) {
        this.#isWriting = true
        return
      }
      await new Promise<void>((resolve) => {
        this.#onTurn = resolve
        this.send({ kind: 'want-turn' })
      })
    },
    end: (): void => {
      this.#isWriting = false
      if (this.#wanted && Atomics.load(this.#wanted, 0) === 1) this.#endTurn()
      else this.#unused.refresh()
    },
  }

  #endTurn(): void {
    if (!this.#wanted || this.#isWriting) return
    this.#wanted = undefined
    this.send({ kind: 'end-turn' })
  }

  /** Have the main thread do what only it can. @throws Fault as it failed there */
  ask(question: Question): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#asked++
      this.#answers.set(id, { resolve, reject })
      this.send({ kind: 'ask', id, question })
    })
  }

  /** Nothing more will be said or heard; lets the thread end. */
  close(): void {
    this.#endTurn()
    this.#port.close()
  }
}

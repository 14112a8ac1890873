import type { MessagePort } from 'node:worker_threads'
import { Fault } from '../faults.ts'
import type { FromThread, ToThread } from './messages.ts'

/** The main thread as a thread that works for it sees it. See messages.ts for what they say to each other. */
export class MainThread<Progress, Result, Question = never> {
  readonly #port: MessagePort
  readonly #answers = new Map<number, { resolve: (value: unknown) => void, reject: (fault: Fault) => void }>()
  #onTurn: () => void = () => undefined
  #asked = 0

  constructor(port: MessagePort) {
    this.#port = port
    port.on('message', (message: ToThread) => {
      if (message.kind === 'turn') return this.#onTurn()
      const waiting = this.#answers.get(message.id)
      this.#answers.delete(message.id)
      if (message.fault) waiting?.reject(Fault.fromMessage(message.fault))
      else waiting?.resolve(message.value)
    })
  }

  send(message: FromThread<Progress, Result, Question>): void {
    this.#port.postMessage(message)
  }

  /** For WriteTransactions: may write, and need not any more. */
  readonly turns = {
    take: (): Promise<void> => new Promise((resolve) => {
      this.#onTurn = resolve
      this.send({ kind: 'want-turn' })
    }),
    end: (): void => this.send({ kind: 'end-turn' }),
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
    this.#port.close()
  }
}

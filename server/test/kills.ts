import { Havoc } from './havoc.ts'
import type { Scope } from './support.ts'

export interface KillReport {
  seed: number
  kills: number
  /** How many steps of each kind were taken, and killed. */
  counts: Record<string, number>
}

/**
 * Kill a server at random points of imports in every mode, undos, backups, restores and resumptions.
 * @param kills how many have to hit
 * @throws Error saying at which step what was wrong; the seed repeats the steps
 */
export async function killAtRandom(scope: Scope, { seed, kills, maxRows = 6000 }: { seed: number, kills: number, maxRows?: number }): Promise<KillReport> {
  const havoc = new Havoc(scope, { seed, maxRows })
  await havoc.start()
  // Something to lose.
  for (let step = 0; step < 3; step++) await havoc.step()
  let hits = 0
  for (let step = 0; hits < kills; step++) {
    const isLate = havoc.below(3) === 0
    try {
      const { died } = await havoc.step({ kind: 'death', part: havoc.random(), isLate })
      if (died) hits++
    } catch (error) {
      throw new Error(`step ${step} of seed ${seed}: ${(error as Error).message}`, { cause: error })
    }
  }
  await havoc.server.kill()
  return { seed, kills: hits, counts: havoc.counts }
}

import { constants, getPriority, setPriority } from 'node:os'

/** How much later than the main thread others come to a core that both want, as nice(1) counts; all that began with another niceness keep the distance. */
const NICENESS = 10

/**
 * Let the main thread go before the calling one, so that people who use the app do not notice the work. Only Linux has
 * priorities of single threads (setpriority(2), "C library/kernel differences"); elsewhere nothing changes.
 */
export function workInBackground(): void {
  if (process.platform === 'linux') setPriority(Math.min(constants.priority.PRIORITY_LOW, getPriority(process.pid) + NICENESS))
}

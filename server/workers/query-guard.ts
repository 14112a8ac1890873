/**
 * Thread that ends its whole process when it takes too much memory, or when the server that asked is gone. The thread
 * beside it may be deep inside SQLite; this one goes on.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { GuardTask } from './query-process.ts'

/** Between two looks, ms: at the speed at which memory can be filled, at most some tens of MB. */
const LOOK_INTERVAL_MS = 20

const { maxMemoryBytes, serverId } = workerData as GuardTask

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch {
    return false
  }
}

setInterval(() => {
  if (process.memoryUsage.rss() > maxMemoryBytes || !isAlive(serverId)) process.kill(process.pid, 'SIGKILL')
}, LOOK_INTERVAL_MS)
parentPort!.postMessage('watching')

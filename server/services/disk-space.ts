import { statfs } from 'node:fs/promises'
import { Fault } from '../faults.ts'

/** Bytes that this process may still write below a folder. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** @throws Fault DISK_FULL where the folder's disk has no room for that many bytes */
export async function checkRoom(folder: string, bytes: number, what = 'the file'): Promise<void> {
  const free = await freeBytes(folder)
  if (bytes > free) {
    throw new Fault('DISK_FULL', `The disk is full: ${what} needs ${bytes.toLocaleString('en')} bytes, ${free.toLocaleString('en')} are free.`)
  }
}

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** Makes the server believe that there is room. */
export const OPTIMIST = `
  const { statfs } = fs.promises
  fs.promises.statfs = async (path) => ({ ...await statfs(path), bsize: 4096, bavail: 2 ** 40 })
`

/** A disk of its own of that size. @returns its folder, or null where this machine does not let us have one */
export function smallDisk(t: TestContext, mebibytes: number): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'hextrackr-disk-'))
  let isMounted = false
  t.after(() => {
    if (isMounted) execFileSync('umount', ['--lazy', folder])
    rmdirSync(folder)
  })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder], { stdio: 'ignore' })
    isMounted = true
  } catch {
    t.skip('a small disk can only be made by root')
    return null
  }
  return folder
}

/** Let nothing on such a disk be opened for writing any more, even where something is. @returns undoes it */
export function makeReadOnly(folder: string): () => void {
  execFileSync('mount', ['--bind', folder, folder])
  execFileSync('mount', ['-o', 'remount,bind,ro', folder])
  return () => void execFileSync('umount', ['--lazy', folder])
}

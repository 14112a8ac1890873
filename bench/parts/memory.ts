/** Whether memory depends on how large a file is. */
import { stat } from 'node:fs/promises'
import { dataFile } from '../generate.ts'
import type { Part } from '../support/part.ts'
import { importAtOnce } from './http.ts'

/** Rows of the wide file: about 5 GB at scale 1. */
const ROWS = 10_700_000

export const memory: Part = {
  name: 'memory',
  title: 'Memory over a file of gigabytes',
  onlyByName: 'It writes about 15 GB and takes many minutes.',
  measure: async ({ folder, scale }) => {
    const { path, rows } = await dataFile(folder, 'wide', Math.round(ROWS * scale))
    const [run] = await importAtOnce([path])
    const { size } = await stat(path)
    return [
      'One import over HTTP. Target: under 250 MB.',
      {
        columns: ['file', 'seconds', 'MB/s', 'peak memory of the server, MB', 'health p99, ms'],
        rows: [[`wide: ${rows.toLocaleString('en')} rows, ${(size / 1e9).toFixed(2)} GB`, run!.seconds.toFixed(1), (size / 1e6 / run!.seconds).toFixed(1), (run!.peakBytes / 1e6).toFixed(0), run!.health.p99Ms.toFixed(1)]],
      },
    ]
  },
}

/** The word, the icon and the tone of an import's status. Never colour alone. */
import type { ImportRecord } from '../../../server/protocol.ts'
import type { IconName } from './icon-names.ts'

export interface ImportStatus {
  word: 'Completed' | 'Undone' | 'Failed' | 'Cancelled' | 'Running'
  tone: 'ok' | 'bad' | 'off' | 'live'
  symbol: IconName
}

export function statusOf({ status, error, undoneAt }: Pick<ImportRecord, 'status' | 'error' | 'undoneAt'>): ImportStatus {
  if (undoneAt !== undefined) return { word: 'Undone', tone: 'off', symbol: 'undo-2' }
  if (status === 'completed') return { word: 'Completed', tone: 'ok', symbol: 'circle-check' }
  if (status !== 'error') return { word: 'Running', tone: 'live', symbol: 'hourglass' }
  if (error?.code === 'CANCELLED') return { word: 'Cancelled', tone: 'off', symbol: 'ban' }
  return { word: 'Failed', tone: 'bad', symbol: 'circle-x' }
}

import type { DataChange } from '../protocol.ts'

/** Tells every client that tables have changed, or what is known of imports and backups. */
export type DataChanged = (change: Omit<DataChange, 'at'>) => void

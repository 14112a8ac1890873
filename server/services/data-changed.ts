import type { DataChange } from '../protocol.ts'

/** Tells every client that tables have changed. */
export type DataChanged = (change: Omit<DataChange, 'at'>) => void

import { expect as impatient } from 'playwright/test'

/** Waits for long, in tests and where pictures are taken: the limit only ends what would never end, on however busy a machine. */
export const expect = impatient.configure({ timeout: 60_000 })

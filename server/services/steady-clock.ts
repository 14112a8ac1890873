/**
 * Milliseconds since the epoch as the wall clock had them at the start, counted on without it. Where somebody sets that clock
 * ahead for a moment, nothing that is kept for a time must go because of it.
 */
export const steadyNow = (): number => Math.round(performance.timeOrigin + performance.now())

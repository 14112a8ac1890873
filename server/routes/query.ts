import { Fault } from '../faults.ts'

/** A whole number out of a query string. @throws Fault BAD_QUERY */
export function readWholeNumber(given: unknown, name: string, min: number, max: number, fallback: number): number {
  if (given === undefined || given === '') return fallback
  const value = typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : NaN
  if (!(value >= min && value <= max)) {
    throw new Fault('BAD_QUERY', `The parameter "${name}" must be a whole number from ${min} to ${max}.`)
  }
  return value
}

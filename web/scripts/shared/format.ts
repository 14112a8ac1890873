/** How numbers, sizes and times are written. One language, so that figures in screenshots and reports compare. */

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** 1284003 → `1,284,003`. */
export const count = (value: number): string => grouped.format(value)

/** `1 row`, `2 rows`. */
export const plural = (value: number, one: string, many = `${one}s`): string => `${count(value)} ${value === 1 ? one : many}`

/** Words that are not taken apart at the end of a line: a time, a number and its unit. */
export const unbroken = (text: string): string => text.replaceAll(' ', '\u00A0')

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const

function unitOf(bytes: number): number {
  return bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3))
}

function inUnit(bytes: number, unit: number, digits: number): string {
  return (bytes / 1000 ** unit).toFixed(unit < 2 ? 0 : digits)
}

/** The figure of a size and its unit. */
function sizeOf(value: number): { figure: string, unit: number } {
  let unit = unitOf(value)
  // 999,999 bytes are a megabyte, not "1000 KB".
  if (unit < UNITS.length - 1 && Math.round(value / 1000 ** unit) >= 1000) unit += 1
  const scaled = value / 1000 ** unit
  return { figure: inUnit(value, unit, unit > 2 && scaled < 10 ? 2 : scaled < 99.95 ? 1 : 0), unit }
}

/** Decimal units, three figures at most: `410 KB`, `24.8 MB`, `1.06 GB`. */
export function bytes(value: number): string {
  const { figure, unit } = sizeOf(value)
  return `${figure} ${UNITS[unit] ?? 'B'}`
}

/** What sizes are together as they are shown, so that a total is the sum of what stands below it: `5.6 MB` and `2.9 MB` are `8.5 MB`. */
export function bytesTogether(...values: number[]): string {
  const shown = values.map((value) => {
    const { figure, unit } = sizeOf(value)
    return Math.round(Number(figure) * 1000 ** unit)
  })
  return bytes(shown.reduce((sum, value) => sum + value, 0))
}

/** Both in the unit of the larger: `198.6 of 312.4 MB`. */
export function bytesOf(done: number, total: number): string {
  const unit = unitOf(total)
  return `${inUnit(done, unit, unit > 2 ? 2 : 1)} of ${inUnit(total, unit, unit > 2 ? 2 : 1)} ${UNITS[unit] ?? 'B'}`
}

/** `41.2 MB/s`. */
export const byteRate = (bytesPerSecond: number): string => `${bytes(bytesPerSecond)}/s`

const pad = (value: number): string => String(value).padStart(2, '0')

/** A running clock: `0:05`, `1:22`, `1:02:03`. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor(seconds / 60) % 60
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`
}

/** A finished time in words: `0.9 s`, `12 s`, `2 min 10 s`, `1 h 5 min`. */
export function duration(ms: number): string {
  if (ms < 9_950) return `${(Math.max(ms, 100) / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min${seconds % 60 ? ` ${seconds % 60} s` : ''}`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ''}`
}

/** How long ago, for stamps: `1 s` at the least, `4 s`, `2 min`. */
export function age(ms: number): string {
  const seconds = Math.max(1, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`
}

const startOfDay = (time: number): number => new Date(time).setHours(0, 0, 0, 0)

/** `20 Nov`, `22 Feb 2027`. */
export function date(time: number, now: number): string {
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear()
  return new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', ...(!sameYear && { year: 'numeric' }) }).format(time)
}

/** Local calendar time: `today 10:32`, `yesterday 17:31`, `tomorrow 02:00`, `20 Nov 11:09`. */
export function dayTime(time: number, now: number): string {
  const at = new Date(time)
  const hours = `${pad(at.getHours())}:${pad(at.getMinutes())}`
  if (startOfDay(time) === startOfDay(now)) return `today ${hours}`
  // Half a day back from midnight is yesterday on days of 23 and 25 hours too, and a day and a half on is tomorrow.
  if (startOfDay(time) === startOfDay(startOfDay(now) - 43_200_000)) return `yesterday ${hours}`
  if (startOfDay(time) === startOfDay(startOfDay(now) + 129_600_000)) return `tomorrow ${hours}`
  return `${date(time, now)} ${hours}`
}

/** `just now`, `2 min ago`, `5 h ago`, then local calendar time. */
export function ago(time: number, now: number): string {
  const minutes = Math.floor((now - time) / 60_000)
  if (minutes < 1) return 'just now'
  if (minutes < 60) return `${minutes} min ago`
  if (startOfDay(time) === startOfDay(now)) return `${Math.floor(minutes / 60)} h ago`
  return dayTime(time, now)
}

/** How long until then: `in less than a minute`, `in 20 min`, `in 15 h 20 min`, `in 3 days`. */
export function until(time: number, now: number): string {
  const minutes = Math.max(0, Math.round((time - now) / 60_000))
  if (minutes < 1) return 'in less than a minute'
  if (minutes < 60) return `in ${minutes} min`
  if (minutes >= 2_880) return `in ${Math.round(minutes / 1_440)} days`
  return `in ${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ''}`
}

const letters = new Intl.Segmenter()
/** Letters that a name in a sentence may have, and how many of them are its end. */
const NAME_LENGTH = { most: 44, end: 18 }

/** A long name without its middle: how it begins and how it ends tell most of it. */
export function shortName(name: string): string {
  const all = Array.from(letters.segment(name), ({ segment }) => segment)
  if (all.length <= NAME_LENGTH.most) return name
  return `${all.slice(0, NAME_LENGTH.most - NAME_LENGTH.end - 1).join('')}…${all.slice(-NAME_LENGTH.end).join('')}`
}

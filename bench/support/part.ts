import type { Shape } from '../generate.ts'

/** How much is measured, and where its files lie. */
export interface Settings {
  /** How often each thing is measured; the parts take the median. */
  rounds: number
  /** All sizes are multiplied by it. */
  scale: number
  /** The shapes of files that imports are measured with. */
  shapes: readonly Shape[]
  /** For generated files and databases; kept between runs. */
  folder: string
}

export interface Table {
  columns: readonly string[]
  rows: readonly (readonly (string | number)[])[]
}

/** A line chart, both axes logarithmic where `isLogarithmic`. */
export interface Plot {
  /** Of the file, without folder and ending. */
  name: string
  title: string
  x: string
  y: string
  isLogarithmic?: boolean
  lines: readonly { name: string, points: readonly (readonly [x: number, y: number])[] }[]
}

/** What a part has found, in the order in which it is shown. */
export type Finding = string | Table | Plot

/** One thing that is measured, which can be run by itself. */
export interface Part {
  /** What it is called on the command line. */
  name: string
  title: string
  /** Why it is left out where nobody asks for it by name. */
  onlyByName?: string
  measure: (settings: Settings) => Promise<readonly Finding[]>
}

import type { Dialect } from '../protocol.ts'

/** What of a dialect tells records and fields apart. */
export type Syntax = Pick<Dialect, 'delimiter' | 'quote' | 'escape' | 'newline'>

/**
 * The texts that end a field, the longest first. Where spaces belong to the delimiter (`a, b`, `a | b`), each may be missing.
 */
export function delimitersOf(delimiter: string): readonly string[] {
  const bare = delimiter.trim()
  return bare === '' ? [delimiter] : [...new Set([delimiter, delimiter.trimStart(), delimiter.trimEnd(), bare])]
}

/** How many lines of the file a text spans, as an editor counts them. */
export function countLines(text: string, newline: Dialect['newline']): number {
  let lines = 0
  if (newline === '\r') {
    for (const _ of text.matchAll(/\r\n?|\n/g)) lines++
  } else {
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines++
  }
  return lines
}

/** Tells lines of positions in a text; cheap as long as they are asked for in their order. */
export class LineCounter {
  readonly #text: string
  readonly #newline: Dialect['newline']
  readonly #firstLine: number
  #line: number
  #at = 0

  constructor(text: string, newline: Dialect['newline'], firstLine: number) {
    this.#text = text
    this.#newline = newline
    this.#firstLine = this.#line = firstLine
  }

  lineAt(position: number): number {
    if (position < this.#at) {
      this.#at = 0
      this.#line = this.#firstLine
    }
    this.#line += countLines(this.#text.slice(this.#at, position), this.#newline)
    this.#at = position
    return this.#line
  }
}

/**
 * Texts that spreadsheets run instead of showing them (https://owasp.org/www-community/attacks/CSV_Injection): those that
 * begin with a sign of a formula, full-width ones and such behind white space included, and those behind a tab or a line break,
 * which some programs take for the beginning of a cell.
 */
const FORMULA = /^(?:[\s\0]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])/

/** A number with a sign is no formula, and stays one. */
const SIGNED_NUMBER = /^[+-]\d+(?:[.,]\d+)*(?:e[+-]?\d+)?$/i

/** A text that no spreadsheet runs: where it would, with an apostrophe in front, which makes it text. */
export const withoutFormula = (text: string): string => FORMULA.test(text) && !SIGNED_NUMBER.test(text) ? `'${text}` : text

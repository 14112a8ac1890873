/** What two names have in common that SQLite takes for one: it compares them without the case of ASCII letters. */
export const foldName = (name: string): string => name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())

/**
 * The name itself, or with the first number that makes it unique: `name_2`.
 * @param from the number to begin with, where those below are known to be taken
 */
export function uniqueName(name: string, isTaken: (candidate: string) => boolean, from = 2): string {
  if (!isTaken(name)) return name
  for (let number = from; ; number++) {
    const candidate = `${name}_${number}`
    if (!isTaken(candidate)) return candidate
  }
}

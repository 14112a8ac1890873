/** The name itself, or with the first number that makes it unique: `name_2`. */
export function uniqueName(name: string, isTaken: (candidate: string) => boolean): string {
  if (!isTaken(name)) return name
  for (let number = 2; ; number++) {
    const candidate = `${name}_${number}`
    if (!isTaken(candidate)) return candidate
  }
}

/** Gives a file to the browser as a download. */
export function saveAs(file: Blob, name: string): void {
  const href = URL.createObjectURL(file)
  const link = document.createElement('a')
  link.href = href
  link.download = name
  link.click()
  // The browser has taken hold of it by the time a task of its own comes round.
  setTimeout(() => URL.revokeObjectURL(href), 0)
}

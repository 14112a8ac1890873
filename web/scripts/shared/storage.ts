/** The browser's storages. Where cookies are blocked, already naming one throws; what is kept then lasts as long as the page. */

const NONE: Pick<Storage, 'getItem' | 'setItem' | 'clear'> = { getItem: () => null, setItem: () => undefined, clear: () => undefined }

/** The storage of that name, or one that keeps nothing where the browser lets this page have none. */
export function storageOf(name: 'localStorage' | 'sessionStorage'): typeof NONE {
  try {
    return window[name]
  } catch {
    return NONE
  }
}

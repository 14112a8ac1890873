/** The browser's storages, for all of the page. What cannot be kept, for want of room or leave, lasts as long as the page. */

export type BrowserStorage = Pick<Storage, 'getItem' | 'setItem' | 'clear'>

/** The storage of that name, which never throws: where cookies are blocked, already naming the browser's own does. */
export const storageOf = (name: 'localStorage' | 'sessionStorage'): BrowserStorage => ({
  getItem: (key) => attempt(() => window[name].getItem(key)) ?? null,
  setItem: (key, value) => attempt(() => window[name].setItem(key, value)),
  clear: () => attempt(() => window[name].clear()),
})

function attempt<Result>(what: () => Result): Result | undefined {
  try {
    return what()
  } catch {
    return undefined
  }
}

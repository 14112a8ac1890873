/** Reading anew what a page shows, as often as it may have changed. */

/**
 * @param signal of the page
 * @param show is given each answer, unless one to a later question has been shown already: answers need not come in the order of the questions
 * @returns asks anew; a server that does not answer leaves what is on show as it is
 */
export function rereading<Answer>(signal: AbortSignal, read: () => Promise<Answer>, show: (answer: Answer) => void): () => void {
  let asked = 0
  let shown = 0
  return () => {
    const place = ++asked
    read().then((answer) => {
      if (signal.aborted || place < shown) return
      shown = place
      show(answer)
    }, () => undefined)
  }
}

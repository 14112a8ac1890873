/** Files on their way in: dropped anywhere, pasted, or chosen. Looks at each before it is sent. */
import { part, setText } from './dom.ts'
import { plural } from './format.ts'
import type { Rich } from './rich.ts'
import { whyNotText } from './sniff.ts'

export interface IntakeHooks {
  /** Files worth importing. */
  take: (files: File[]) => void
  /** A database, which may be a backup. Absent where only files to import are wanted. */
  takeBackup?: (file: File) => void
  /** What was not taken, and why. */
  refuse: (messages: Rich[]) => void
  /** Whether something in front has to be answered or to end first: the page behind takes nothing then. */
  isInert: () => boolean
  /** Files are over the window; 0 once they have left. @returns true where the page shows it itself */
  over: (files: number) => boolean
  /** What happens with so many files that are let go. */
  words: (files: number) => string
}

const WHY = {
  database: ' is an SQLite database. It was not taken with the others: alone, it is uploaded as a backup.',
  empty: ' is empty. Nothing was uploaded.',
  binary: ' is not a text file. Nothing was uploaded.',
  unreadable: ' could not be read. Nothing was uploaded.',
}

/** Sends what is text, or one backup, on its way and says what is neither. */
export async function sift(files: Iterable<File>, { take, takeBackup, refuse }: Pick<IntakeHooks, 'take' | 'takeBackup' | 'refuse'>): Promise<void> {
  const looked = await Promise.all(Array.from(files, async (file) => ({ file, why: await whyNotText(file) })))
  const [only, ...others] = looked
  if (takeBackup && only?.why === 'database' && others.length === 0) {
    takeBackup(only.file)
    return
  }
  const good = looked.filter(({ why }) => why === undefined).map(({ file }) => file)
  refuse(looked.flatMap(({ file, why }) => why === undefined ? [] : [[{ data: file.name }, WHY[why]]]))
  if (good.length > 0) take(good)
}

export const dropWords = (files: number): string => files > 1 ? `Let go to import ${plural(files, 'file')}, each as a table of its own` : 'Let go to preview the file'

/** Makes the whole window a target for drops and pastes, and lets `choose` open the system's own dialog. */
export function openIntake(
  picker: HTMLInputElement, veil: HTMLElement, hooks: IntakeHooks,
): { choose: (then?: (file: File) => void) => void } {
  let chosen: ((file: File) => void) | undefined
  let depth = 0
  const over = (files: number) => {
    const shown = hooks.over(files)
    if (files > 0 && !shown) {
      setText(part(veil, 'words'), hooks.words(files))
      veil.showPopover()
    } else {
      veil.hidePopover()
    }
  }
  const carriesFiles = (event: DragEvent): event is DragEvent & { dataTransfer: DataTransfer } => event.dataTransfer?.types.includes('Files') ?? false

  addEventListener('dragenter', (event) => {
    if (!carriesFiles(event)) return
    event.preventDefault()
    depth += 1
    if (depth === 1 && !hooks.isInert()) over(Math.max(1, event.dataTransfer.items.length))
  })
  addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return
    event.preventDefault()
    event.dataTransfer.dropEffect = hooks.isInert() ? 'none' : 'copy'
  })
  addEventListener('dragleave', (event) => {
    if (!carriesFiles(event)) return
    depth = Math.max(0, depth - 1)
    if (depth === 0) over(0)
  })
  addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return
    event.preventDefault()
    depth = 0
    over(0)
    if (!hooks.isInert()) void sift(event.dataTransfer.files, hooks)
  })
  addEventListener('paste', (event) => {
    const files = event.clipboardData?.files
    if (!files || files.length === 0 || hooks.isInert()) return
    event.preventDefault()
    void sift(files, hooks)
  })
  picker.addEventListener('change', () => {
    const files = [...picker.files ?? []]
    // The same file may be chosen again later; without this it would be no change.
    picker.value = ''
    const then = chosen
    chosen = undefined
    void sift(files, then ? { take: ([first]) => first && then(first), refuse: hooks.refuse } : hooks)
  })
  return {
    choose: (then) => {
      chosen = then
      picker.multiple = then === undefined
      picker.click()
    },
  }
}

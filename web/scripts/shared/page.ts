/** What a page is to the shell around it. */
import type { ImportDraft } from './import-draft.ts'
import type { Jobs } from './jobs.ts'
import type { Rich } from './rich.ts'

export interface Page {
  /** Without the product's name. */
  title: string
  /** Of the main element. */
  className: string
  content: Node
  /** Takes over a change of the address that leaves the page the same. */
  onUrl?: (url: URL) => void
  /** Once per frame in which anything about an operation changed, and each second while one runs. */
  onFrame?: () => void
  /** Tables, imports or backups may say something else now, whoever changed them. What is typed, focused and in view stays. */
  onDataChanged?: () => void
  /** It shows imports or backups, so that it reads anew where these alone say something else. */
  showsHistory?: boolean
  /** Says why files were not taken, in a place of its own. */
  onRefused?: (messages: Rich[]) => void
  /** Shows that files are over the window; how many, 0 once they have left. */
  onDragOver?: (files: number) => void
  /** What one file that is let go over the page is taken for, where that is more than a file to import. */
  dropWords?: string
  /** One filled button per view: true where the page has its own, and the shell hides its. */
  hasOwnMainAction?: boolean
  /** Nothing else of the app is of use before somebody has signed in. */
  isSignIn?: boolean
  /** Where to begin, if not at the heading. */
  focus?: HTMLElement
}

export interface PageContext {
  url: URL
  /** Aborted when the page is left. */
  signal: AbortSignal
  jobs: Jobs
  navigate: (href: string, how?: 'push' | 'replace') => void
  /** Changes the address without making a new page. */
  setUrl: (href: string, how: 'push' | 'replace') => void
  /** Something that pages show has changed: whichever is shown reads it anew. */
  dataChanged: () => void
  /** Makes the page anew from the same address. What is open over it stays. */
  reload: () => void
  /** Opens the progress dialog, or the receipt of an import of the past. */
  showImport: (id: string) => void
  /** Resumes an import: begins it anew, with the file that the server kept of it. */
  resumeImport: (id: string) => void
  /** Asks whether to take an import back. */
  undoImport: (id: string) => void
  /** Makes a backup, followed in the progress dialog. */
  backUp: () => void
  /** Opens the system's dialog for a backup, and sends what was chosen. */
  chooseBackup: () => void
  /** Asks whether to restore a backup, showing what would change. */
  restoreBackup: (name: string) => void
  /** Takes files in from the page. */
  takeFiles: (files: Iterable<File>) => void
  takeSample: () => Promise<void>
  /** The file that waits on the import page, if there is one. */
  draft: () => ImportDraft | undefined
  startDraft: (draft: ImportDraft) => void
  /** Forgets the draft and goes back to where it was begun. */
  leaveDraft: (draft: ImportDraft) => void
  /** Opens the system's dialog for files. */
  chooseFile: () => void
  announce: (text: string) => void
  confirm: (question: ConfirmQuestion) => Promise<boolean>
  /** Asks for a new name of a table and gives it. Resolves with the name, or undefined where it stays. */
  renameTable: (name: string) => Promise<string | undefined>
  toast: (toast: ToastContent) => void
  signOut: () => Promise<void>
}

export interface ConfirmQuestion {
  title: Rich
  text: string
  no: string
  yes: string
}

export interface ToastContent {
  tone: 'ok' | 'bad' | 'info'
  title: string
  text?: string
  /** A name of a file or table, set after the title. */
  data?: string
  link?: { label: string, href: string }
  action?: { label: string, run: () => void }
}

export type MakePage = (context: PageContext) => Page | Promise<Page>

/** The page's entry: makes the parts, ties them together, and is the only file that does anything when imported. */
import { accessPage } from './pages/access.ts'
import { backupsPage } from './pages/backups.ts'
import { failurePage, notFoundPage } from './pages/error.ts'
import { homePage } from './pages/home.ts'
import { importPage } from './pages/import.ts'
import { importsPage } from './pages/imports.ts'
import { signInPage } from './pages/sign-in.ts'
import { sqlPage } from './pages/sql.ts'
import { tablePage } from './pages/table.ts'
import { api, ApiError, onSignedOut } from './shared/api.ts'
import { confirmWith } from './shared/confirm.ts'
import { byId, setText } from './shared/dom.ts'
import { bytes, count, plural } from './shared/format.ts'
import { ImportDraft } from './shared/import-draft.ts'
import { optionsOf, type ImportOptions } from './shared/import-options.ts'
import { dropWords, openIntake, sift } from './shared/intake.ts'
import { JobsPanel } from './shared/jobs-panel.ts'
import { Jobs, type Job } from './shared/jobs.ts'
import { openModals } from './shared/modals.ts'
import { notify } from './shared/notifications.ts'
import { nameOperation, operationIn, type NamedOperation } from './shared/operation.ts'
import { outcomeView } from './shared/outcome-view.ts'
import { ProgressDialog } from './shared/progress-dialog.ts'
import { wordsOf } from './shared/progress-view.ts'
import { renameWith } from './shared/rename.ts'
import { RestoreDialog } from './shared/restore-dialog.ts'
import { plain, say, type Rich } from './shared/rich.ts'
import { Router } from './shared/router.ts'
import { whyNotDatabase } from './shared/sniff.ts'
import { storageOf } from './shared/storage.ts'
import { themeSwitch } from './shared/theme.ts'
import { windowTitle } from './shared/title.ts'
import { Toasts } from './shared/toasts.ts'
import { UndoDialog } from './shared/undo-dialog.ts'
import { startUpload } from './shared/upload.ts'
import { isUuid, uuid } from './shared/uuid.ts'
import { WebSocketClient } from './shared/websocket-client.ts'

/** While something runs, stamps and clocks are drawn anew this often. */
const SECOND_MS = 1_000
/** Frames stop in a hidden tab; its title does not. */
const HIDDEN_FRAME_MS = 500
const IMPORT_PATH = '/import'
const BACKUPS_PATH = '/backups'
/** Without live updates, the page on show is read anew this often. */
const REREAD_MS = 30_000
/** Changes that come together are read once. */
const REREAD_PAUSE_MS = 50
const SIGN_IN_FIRST: Rich = ['Sign in first, then bring in the file.']

const toasts = new Toasts(byId('toasts', HTMLElement))
const announcer = byId('announcer', HTMLElement)
const importButton = byId('import-csv', HTMLButtonElement)
const pill = byId('pill', HTMLButtonElement)
const accessLink = byId('access', HTMLAnchorElement)
let pageTitle = ''
/** The file on the import page; it stays while other pages are looked at. */
let draft: ImportDraft | undefined
/** What ended while the tab was hidden: its outcome stays in the title until somebody looks. */
let unseen: Job | undefined
let frameAsked = false
let isSignedOut = false
let isRereadDue = false
/** Why files were not taken, and on which page it was said; it stays when that page is made anew. */
let refused: { path: string, messages: Rich[] } = { path: '', messages: [] }

const socket = new WebSocketClient()
const jobs = new Jobs({
  socket,
  upload: startUpload,
  request: async (id, request) => {
    if (request.kind === 'backup') return api.backUp(id)
    await api.restore(request.backup, id)
    return { name: request.backup }
  },
  progress: api.progress,
  record: api.import,
  cancel: api.cancel,
  resume: api.resumeImport,
  forgetFile: api.forgetFile,
  storage: storageOf('sessionStorage'),
  newId: uuid,
}, { changed: requestFrame, ended })

const router = new Router({
  main: byId('main', HTMLElement),
  guard: () => isSignedOut ? () => signInPage(signedIn) : undefined,
  routes: [
    { pattern: /^\/access\/?$/, make: () => accessPage },
    { pattern: /^\/$/, make: () => homePage },
    { pattern: /^\/import\/?$/, make: () => importPage },
    { pattern: /^\/imports\/?$/, make: () => importsPage },
    { pattern: /^\/sql\/?$/, make: () => sqlPage },
    { pattern: /^\/backups\/?$/, make: () => backupsPage },
    { pattern: /^\/tables\/([^/]+)\/?$/, make: ([name = '']) => tablePage(name) },
  ],
  notFound: notFoundPage,
  failed: failurePage,
  context: (url, signal) => ({
    url, signal, jobs, takeSample, showImport, startDraft, leaveDraft, backUp, dataChanged,
    draft: () => draft,
    undoImport: (id) => void undoing.open(id),
    resumeImport: (id) => void resumeImport(id).then((job) => job && !signal.aborted && dialog.openSoon(job)),
    restoreBackup: (name) => void restoring.open(name),
    chooseBackup: () => chooseBackup(takeBackup),
    renameTable: (name) => renameWith(byId('rename', HTMLDialogElement), name),
    chooseFile: () => intake.choose(),
    navigate: (href, how) => router.navigate(href, how),
    setUrl: (href, how) => router.setUrl(href, how),
    reload: () => router.reload(),
    takeFiles: (files) => void sift(files, { take, takeBackup, refuse }),
    announce: (text) => setText(announcer, text),
    confirm: (question) => confirmWith(byId('confirm', HTMLDialogElement), question),
    toast: (toast) => toasts.show(toast),
    signOut,
  }),
  leave,
  shown: (page, url) => {
    pageTitle = page.title
    importButton.hidden = page.hasOwnMainAction === true
    document.body.classList.toggle('is-signed-out', page.isSignIn === true)
    for (const link of [...byId('nav', HTMLElement).querySelectorAll('a'), accessLink]) {
      const path = new URL(link.href).pathname
      const here = path === '/' ? url.pathname === '/' || url.pathname.startsWith('/tables/') : url.pathname.startsWith(path)
      if (here) link.setAttribute('aria-current', 'page')
      else link.removeAttribute('aria-current')
    }
    if (refused.path === url.pathname) page.onRefused?.(refused.messages)
    else refused = { path: '', messages: [] }
    dialog.follow(operationInAddress())
    requestFrame()
  },
})

const intake = openIntake(byId('picker', HTMLInputElement), byId('veil', HTMLElement), {
  take,
  takeBackup,
  refuse,
  isInert: () => dialog.staysOpen || questions().length > 0,
  words: (files) => files > 1 ? dropWords(files) : router.page?.dropWords ?? dropWords(files),
  over: (files) => {
    router.page?.onDragOver?.(files)
    return router.page?.onDragOver !== undefined && !dialog.isOpen
  },
})

const dialog = new ProgressDialog(byId('progress', HTMLDialogElement), jobs, {
  navigate: (href) => router.navigate(href),
  chooseFile: intake.choose,
  chooseBackup,
  shows: showInAddress,
  toast: (toast) => toasts.show(toast),
  undo: (id) => void undoing.open(id),
  resume: resumeImport,
  forgetFile,
  restore: (name) => void restoring.open(name),
  preview: openDraft,
  record: api.import,
  backups: api.backups,
  pill,
  changed: requestFrame,
})

const undoing = new UndoDialog(byId('undo', HTMLDialogElement), {
  toast: (toast) => toasts.show(toast),
  undone: ({ sessionId }) => {
    jobs.disown(sessionId)
    dialog.refresh()
    dataChanged()
  },
})

const restoring = new RestoreDialog(byId('restore', HTMLDialogElement), {
  toast: (toast) => toasts.show(toast),
  restore: (backup) => dialog.openSoon(jobs.request({ kind: 'restore', backup })),
})

const panel = new JobsPanel(pill, byId('jobs', HTMLElement), jobs, {
  show,
  navigate: (href) => router.navigate(href),
})

onSignedOut(() => {
  if (isSignedOut) return
  isSignedOut = true
  dropQuestions()
  if (dialog.isOpen) dialog.close()
  panel.hide()
  router.reload()
})

function signedIn(): void {
  isSignedOut = false
  accessLink.hidden = false
  // The page that was asked for is made now, and what runs is followed again.
  router.navigate(location.href, 'replace')
  jobs.tryLive()
}

async function signOut(): Promise<void> {
  const question = { title: ['Sign out while files upload?'], text: 'What has not arrived yet is lost. Imports that have go on by themselves.', no: 'Stay signed in', yes: 'Sign out' }
  if (jobs.uploading && !await confirmWith(byId('confirm', HTMLDialogElement), question)) return
  try {
    await api.signOut()
  } catch (error) {
    toasts.show({ tone: 'bad', title: 'You are still signed in.', text: error instanceof ApiError ? error.message : 'Signing out failed.' })
    return
  }
  // A page made anew remembers nothing of what was shown.
  storageOf('sessionStorage').clear()
  location.assign('/')
}

/** One file is shown before anything is written; several go straight in. */
function take(files: File[]): void {
  if (isSignedOut) {
    refuse([SIGN_IN_FIRST])
    return
  }
  const [first, ...others] = files
  if (first && others.length === 0) {
    openDraft(first)
    return
  }
  jobs.start(files)
  panel.open()
  toasts.show({ tone: 'info', title: `Importing ${plural(files.length, 'file')}`, text: 'Each becomes a table of its own, read as detected. A file that comes alone is previewed first.' })
}

/** @param options what was chosen before, where an import is tried once more */
function openDraft(file: File, options?: ImportOptions): void {
  const isHere = location.pathname === IMPORT_PATH
  draft?.rest()
  if (dialog.isOpen) dialog.close()
  panel.hide()
  const here = new URL(location.href)
  nameOperation(here, undefined)
  draft = new ImportDraft(api.preview, file, isHere ? draft?.from ?? '/' : `${here.pathname}${here.search}`, options)
  router.navigate(IMPORT_PATH, isHere ? 'replace' : 'push')
}

function startDraft(chosen: ImportDraft): void {
  // Its page stays until the next one is there, and a second press of a double click would be a second import.
  if (draft !== chosen) return
  const [job] = jobs.start([chosen.file], optionsOf(chosen.form))
  leaveDraft(chosen)
  if (job) dialog.openSoon(job)
}

function leaveDraft({ from }: ImportDraft): void {
  draft?.rest()
  draft = undefined
  router.navigate(from, 'replace')
}

function backUp(): void {
  // The server makes one at a time: whoever asks for another one, by a double click for instance, is shown the one under way.
  const underWay = jobs.own().find(({ state }) => state.kind === 'backup' && state.stage !== 'ended')
  dialog.openSoon(underWay ?? jobs.request({ kind: 'backup' }))
}

function chooseBackup(then: (file: File) => void): void {
  const picker = byId('backup-picker', HTMLInputElement)
  picker.onchange = () => {
    const [file] = picker.files ?? []
    // The same file may be chosen again later; without this it would be no change.
    picker.value = ''
    if (file) then(file)
  }
  picker.click()
}

function takeBackup(file: File): void {
  void uploadBackup(file)
}

/** Sends a backup from this computer, unless its first bytes show that it is none. */
async function uploadBackup(file: File): Promise<void> {
  if (isSignedOut) {
    refuse([SIGN_IN_FIRST])
    return
  }
  const why = await whyNotDatabase(file)
  refuse(why === undefined ? [] : [[{ data: file.name }, { strong: ' is not a HexTrackr backup.' }, ` ${why} Nothing was changed.`]])
  if (why === undefined) dialog.openSoon(jobs.uploadBackup(file))
}

function refuse(messages: Rich[]): void {
  refused = { path: location.pathname, messages }
  if (router.page?.onRefused) router.page.onRefused(messages)
  else for (const message of messages) toasts.show({ tone: 'bad', title: plain(message) })
}

async function takeSample(): Promise<void> {
  try {
    take([new File([await api.sample()], 'sample-findings.csv', { type: 'text/csv' })])
  } catch (error) {
    refuse([[error instanceof ApiError ? `The sample could not be fetched. ${error.message}` : 'The sample could not be fetched.']])
  }
}

/** @returns undefined where the server does not agree, which is said */
async function resumeImport(id: string): Promise<Job | undefined> {
  try {
    return await jobs.resume(id)
  } catch (error) {
    toasts.show({ tone: 'bad', title: 'The import could not be resumed', text: error instanceof ApiError ? error.message : 'Try again.' })
    return undefined
  }
}

async function forgetFile(id: string): Promise<void> {
  const { filename, stagedFile } = jobs.get(id)?.state ?? {}
  if (filename === undefined || stagedFile === undefined) return
  const yes = await confirmWith(byId('confirm', HTMLDialogElement), {
    title: say`Delete ${filename} from the server?`, no: 'Keep the file', yes: 'Delete file',
    text: `${bytes(stagedFile.bytes)} are freed. The import cannot be resumed any more: the file has to be sent again.`,
  })
  if (!yes) return
  try {
    await jobs.forgetFile(id)
    toasts.show({ tone: 'info', title: 'Deleted from the server', data: filename })
  } catch (error) {
    toasts.show({ tone: 'bad', title: 'The file was not deleted', text: error instanceof ApiError ? error.message : 'Try again.' })
  }
  dataChanged()
}

function show(operation: NamedOperation): void {
  panel.hide()
  void dialog.open(operation)
}

function showImport(id: string): void {
  show({ kind: 'import', id })
}

function showInAddress(operation: NamedOperation | undefined): void {
  const url = new URL(location.href)
  nameOperation(url, operation)
  if (url.href !== location.href) history.replaceState(history.state, '', url)
}

/** Tables, imports or backups say something else now: the page on show reads them anew, and what lies over it. */
function dataChanged(): void {
  if (isRereadDue) return
  isRereadDue = true
  setTimeout(() => {
    isRereadDue = false
    router.page?.onDataChanged?.()
    void restoring.refresh()
  }, REREAD_PAUSE_MS)
}

/** An operation reached its outcome: the dialog shows it, or a note does, and the page may have new rows. */
function ended(job: Job): void {
  const inDialog = dialog.id === job.id
  dialog.ended(job)
  if (document.hidden && job.own) {
    unseen = job
    const { outcome } = job.state
    const view = outcome && outcomeView(job.state, outcome, job.file !== undefined)
    if (view) notify(job.id, `${view.word}: ${job.state.filename}`, view.announcement, () => show({ kind: job.state.kind, id: job.id }))
  }
  if (job.own && !inDialog) noteOutcome(job)
  dataChanged()
}

function noteOutcome({ id, state, file }: Job): void {
  const { kind, outcome, filename } = state
  if (!outcome || outcome.kind === 'cancelled') return
  const details = { label: 'Details', run: () => show({ kind, id }) }
  const { announcement } = outcomeView(state, outcome, file !== undefined)
  if (outcome.kind !== 'completed') {
    toasts.show({ tone: 'bad', title: `${wordsOf(state).name} failed:`, data: filename, text: announcement, action: details })
    return
  }
  // The open panel says it already.
  if (panel.isOpen) return
  if (kind !== 'import') {
    toasts.show({ tone: 'ok', title: plain(outcomeView(state, outcome, false).heading), data: filename, text: announcement, link: { label: 'Show backups', href: BACKUPS_PATH }, action: details })
    return
  }
  const { rowsRead = 0, rowsRejected = 0, table = state.table } = outcome.receipt
  toasts.show({
    tone: 'ok', title: 'Imported', data: filename, text: `${plural(rowsRead - rowsRejected, 'row')} in, ${count(rowsRejected)} rejected.`,
    ...(table !== undefined && { link: { label: 'Open table', href: `/tables/${encodeURIComponent(table)}` } }),
    action: { label: 'Undo', run: () => void undoing.open(id) },
  })
}

/** However many events come, the page is drawn once per frame. */
function requestFrame(): void {
  if (frameAsked) return
  frameAsked = true
  if (document.hidden) setTimeout(drawFrame, HIDDEN_FRAME_MS)
  else requestAnimationFrame(drawFrame)
}

function drawFrame(): void {
  frameAsked = false
  const now = Date.now()
  dialog.render(now)
  panel.render(now)
  router.page?.onFrame?.()
  const shown = dialog.isOpen ? jobs.get(dialog.id ?? '') : unseen
  document.title = windowTitle(pageTitle, shown, jobs.own())
}

setInterval(() => {
  const alive = dialog.isOpen || jobs.own().some(({ state }) => state.stage !== 'ended')
  if (alive || router.page?.onFrame) requestFrame()
}, SECOND_MS)

addEventListener('beforeunload', (event) => {
  if (jobs.uploading) event.preventDefault()
})
// While there was no socket, changes were not heard of.
socket.on('reconnect', dataChanged)
socket.on('dataChanged', ({ reason }) => {
  if (reason !== 'history' || router.page?.showsHistory) dataChanged()
})
setInterval(() => {
  if (jobs.link.mode === 'live' || document.hidden || isSignedOut) return
  jobs.tryLive()
  dataChanged()
}, REREAD_MS)
addEventListener('online', () => jobs.tryLive())
document.addEventListener('visibilitychange', () => {
  // A frame asked for just before the tab was hidden would wait until it is shown again.
  frameAsked = false
  if (!document.hidden) {
    jobs.askAll()
    dataChanged()
    unseen = undefined
  }
  requestFrame()
})
importButton.addEventListener('click', () => intake.choose())
themeSwitch(byId('theme', HTMLButtonElement))

jobs.restore()
void router.start()
// A server that does not answer is told by the page itself.
void api.session().then(({ passwordRequired, signedIn }) => {
  accessLink.hidden = !(passwordRequired && signedIn)
}, () => undefined)
// Changes are heard of from the start, whether anything runs or not.
jobs.tryLive()
function operationInAddress(): NamedOperation | undefined {
  const named = operationIn(location.search)
  return named && isUuid(named.id) ? named : undefined
}

/** What is asked of the person at the moment, in front of the page. */
function questions(): HTMLDialogElement[] {
  return openModals().filter(({ id }) => id !== 'progress')
}

/** A question belongs to the page that it was asked on, as does one that was asked for and is not there yet. Leaving is no answer to it, as Escape is none. */
function dropQuestions(): void {
  for (const question of questions()) if (question.dispatchEvent(new Event('cancel', { cancelable: true }))) question.close()
  for (const late of [undoing, restoring]) late.forget()
}

function leave(): void {
  dropQuestions()
  dialog.forget()
}

dialog.follow(operationInAddress())
addEventListener('popstate', () => dialog.follow(operationInAddress()))

/** The page's entry: makes the parts, ties them together, and is the only file that does anything when imported. */
import { accessPage } from './pages/access.ts'
import { failurePage, notFoundPage, serverAnswered } from './pages/error.ts'
import { homePage } from './pages/home.ts'
import { importPage } from './pages/import.ts'
import { importsPage } from './pages/imports.ts'
import { signInPage } from './pages/sign-in.ts'
import { sqlPage } from './pages/sql.ts'
import { tablePage } from './pages/table.ts'
import { api, ApiError, onSignedOut } from './shared/api.ts'
import { confirmWith } from './shared/confirm.ts'
import { byId, setText } from './shared/dom.ts'
import { count, plural } from './shared/format.ts'
import { ImportDraft } from './shared/import-draft.ts'
import { optionsOf, type ImportOptions } from './shared/import-options.ts'
import { openIntake, sift } from './shared/intake.ts'
import { JobsPanel } from './shared/jobs-panel.ts'
import { Jobs, type Job } from './shared/jobs.ts'
import { outcomeView } from './shared/outcome-view.ts'
import { ProgressDialog } from './shared/progress-dialog.ts'
import { renameWith } from './shared/rename.ts'
import { IMPORT_PARAM, Router } from './shared/router.ts'
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

const toasts = new Toasts(byId('toasts', HTMLElement))
const announcer = byId('announcer', HTMLElement)
const importButton = byId('import-csv', HTMLButtonElement)
const pill = byId('pill', HTMLButtonElement)
const accessLink = byId('access', HTMLAnchorElement)
let pageTitle = ''
/** The file on the import page; it stays while other pages are looked at. */
let draft: ImportDraft | undefined
/** An import that ended while the tab was hidden: its outcome stays in the title until somebody looks. */
let unseen: Job | undefined
let frameAsked = false
let isSignedOut = false
/** Why files were not taken, and on which page it was said; it stays when that page is made anew. */
let refused: { path: string, messages: string[] } = { path: '', messages: [] }

const jobs = new Jobs({
  socket: new WebSocketClient(),
  upload: startUpload,
  progress: api.progress,
  record: api.import,
  cancel: api.cancelImport,
  storage: sessionStorage,
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
    { pattern: /^\/tables\/([^/]+)\/?$/, make: ([name = '']) => tablePage(name) },
  ],
  notFound: notFoundPage,
  failed: failurePage,
  context: (url, signal) => ({
    url, signal, jobs, takeSample, showImport, startDraft, leaveDraft,
    draft: () => draft,
    undoImport: (id) => void undoing.open(id),
    renameTable: (name) => renameWith(byId('rename', HTMLDialogElement), name),
    chooseFile: () => intake.choose(),
    navigate: (href, how) => router.navigate(href, how),
    setUrl: (href, how) => router.setUrl(href, how),
    reload: () => router.reload(),
    takeFiles: (files) => void sift(files, { take, refuse }),
    announce: (text) => setText(announcer, text),
    confirm: (question) => confirmWith(byId('confirm', HTMLDialogElement), question),
    toast: (toast) => toasts.show(toast),
    signOut,
  }),
  shown: (page, url) => {
    pageTitle = page.title
    importButton.hidden = page.hasOwnMainAction === true
    document.body.classList.toggle('is-signed-out', page.isSignIn === true)
    for (const link of byId('nav', HTMLElement).querySelectorAll('a')) {
      const path = new URL(link.href).pathname
      const here = path === '/' ? url.pathname === '/' || url.pathname.startsWith('/tables/') : url.pathname.startsWith(path)
      if (here) link.setAttribute('aria-current', 'page')
      else link.removeAttribute('aria-current')
    }
    if (refused.path === url.pathname) page.onRefused?.(refused.messages)
    else refused = { path: '', messages: [] }
    serverAnswered()
    requestFrame()
  },
})

const intake = openIntake(byId('picker', HTMLInputElement), byId('veil', HTMLElement), {
  take,
  refuse,
  over: (files) => {
    router.page?.onDragOver?.(files)
    return router.page?.onDragOver !== undefined && !dialog.isOpen
  },
})

const dialog = new ProgressDialog(byId('progress', HTMLDialogElement), jobs, {
  navigate: (href) => router.navigate(href),
  chooseFile: intake.choose,
  shows: showInAddress,
  toast: (toast) => toasts.show(toast),
  undo: (id) => void undoing.open(id),
  preview: openDraft,
  record: api.import,
  pill,
  changed: requestFrame,
})

const undoing = new UndoDialog(byId('undo', HTMLDialogElement), {
  toast: (toast) => toasts.show(toast),
  undone: ({ sessionId }) => {
    jobs.disown(sessionId)
    dialog.refresh()
    if (router.page?.onEnded) router.page.onEnded()
    else router.reload()
  },
})

const panel = new JobsPanel(pill, byId('jobs', HTMLElement), jobs, {
  show: showImport,
  navigate: (href) => router.navigate(href),
})

onSignedOut(() => {
  if (isSignedOut) return
  isSignedOut = true
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
  const question = { title: 'Sign out while files upload?', text: 'What has not arrived yet is lost. Imports that have go on by themselves.', no: 'Stay signed in', yes: 'Sign out' }
  if (jobs.uploading && !await confirmWith(byId('confirm', HTMLDialogElement), question)) return
  try {
    await api.signOut()
  } catch (error) {
    toasts.show({ tone: 'bad', title: 'You are still signed in.', text: error instanceof ApiError ? error.message : 'Signing out failed.' })
    return
  }
  // A page made anew remembers nothing of what was shown.
  sessionStorage.clear()
  location.assign('/')
}

/** One file is shown before anything is written; several go straight in. */
function take(files: File[]): void {
  if (isSignedOut) {
    refuse(['Sign in first, then bring in the file.'])
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
  here.searchParams.delete(IMPORT_PARAM)
  draft = new ImportDraft(api.preview, file, isHere ? draft?.from ?? '/' : `${here.pathname}${here.search}`, options)
  router.navigate(IMPORT_PATH, isHere ? 'replace' : 'push')
}

function startDraft(chosen: ImportDraft): void {
  const [job] = jobs.start([chosen.file], optionsOf(chosen.form))
  leaveDraft(chosen)
  if (job) dialog.openSoon(job.id)
}

function leaveDraft({ from }: ImportDraft): void {
  draft?.rest()
  draft = undefined
  router.navigate(from, 'replace')
}

function refuse(messages: string[]): void {
  refused = { path: location.pathname, messages }
  if (router.page?.onRefused) router.page.onRefused(messages)
  else for (const title of messages) toasts.show({ tone: 'bad', title })
}

async function takeSample(): Promise<void> {
  try {
    take([new File([await api.sample()], 'sample-findings.csv', { type: 'text/csv' })])
  } catch (error) {
    refuse([error instanceof ApiError ? `The sample could not be fetched. ${error.message}` : 'The sample could not be fetched.'])
  }
}

function showImport(id: string): void {
  panel.hide()
  void dialog.open(id)
}

function showInAddress(id: string | undefined): void {
  const url = new URL(location.href)
  if (id === undefined) url.searchParams.delete(IMPORT_PARAM)
  else url.searchParams.set(IMPORT_PARAM, id)
  if (url.href !== location.href) history.replaceState(history.state, '', url)
}

/** An import reached its outcome: the dialog shows it, or a note does, and the page may have new rows. */
function ended(job: Job): void {
  const inDialog = dialog.id === job.id
  dialog.ended(job)
  if (document.hidden && job.own) unseen = job
  if (job.own && !inDialog) noteOutcome(job)
  router.page?.onEnded?.()
}

function noteOutcome({ id, state, file }: Job): void {
  const { outcome, filename } = state
  if (!outcome || outcome.kind === 'cancelled') return
  if (outcome.kind !== 'completed') {
    const { announcement } = outcomeView(state, outcome, file !== undefined)
    toasts.show({ tone: 'bad', title: 'Import failed:', data: filename, text: announcement, action: { label: 'Details', run: () => showImport(id) } })
    return
  }
  // The open panel says it already.
  if (panel.isOpen) return
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
addEventListener('online', () => jobs.tryLive())
document.addEventListener('visibilitychange', () => {
  // A frame asked for just before the tab was hidden would wait until it is shown again.
  frameAsked = false
  if (!document.hidden) {
    jobs.askAll()
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
const asked = new URLSearchParams(location.search).get(IMPORT_PARAM)
if (asked !== null && isUuid(asked)) void dialog.open(asked)

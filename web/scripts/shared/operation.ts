/** The long operations this page follows, each with the steps of its bar. Pure. */
import { BACKUP_WEIGHTS, PHASE_WEIGHTS, RESTORE_WEIGHTS, type BackupMetadata, type BackupPhase, type BaseMetadata, type ImportPhase, type RestorePhase } from '../../../server/protocol.ts'

/** `upload` is a backup that somebody sends from their disk. */
export type OperationKind = 'import' | 'backup' | 'upload' | 'restore'

export type Phase = ImportPhase | BackupPhase | RestorePhase

/** What an operation counts while it is in a step. */
export type Unit = 'bytes' | 'rows' | 'pages'

/** One segment of the bar. */
export interface Step {
  readonly label: string
  /** Share of the whole bar, in percent. */
  readonly weight: number
  /** In the order in which they come. */
  readonly phases: readonly Phase[]
  /** Absent where nothing is counted: then the speed of the step before stays on show. */
  readonly unit?: Unit
}

const STEPS: Record<OperationKind, readonly Step[]> = {
  import: [
    { label: 'Upload', weight: PHASE_WEIGHTS.upload, phases: ['upload'], unit: 'bytes' },
    { label: 'Analyse', weight: PHASE_WEIGHTS.analyse, phases: ['analyse'], unit: 'bytes' },
    { label: 'Import', weight: PHASE_WEIGHTS.import, phases: ['import'], unit: 'rows' },
    { label: 'Finish', weight: PHASE_WEIGHTS.finish, phases: ['merge', 'finish'] },
  ],
  backup: [
    { label: 'Copy', weight: BACKUP_WEIGHTS.copy, phases: ['copy'], unit: 'pages' },
    { label: 'Verify', weight: BACKUP_WEIGHTS.check, phases: ['check'] },
    { label: 'Finish', weight: BACKUP_WEIGHTS.finish, phases: ['finish'] },
  ],
  upload: [
    { label: 'Upload', weight: BACKUP_WEIGHTS.copy, phases: ['upload'], unit: 'bytes' },
    { label: 'Verify', weight: BACKUP_WEIGHTS.check, phases: ['check'] },
    { label: 'Finish', weight: BACKUP_WEIGHTS.finish, phases: ['finish'] },
  ],
  restore: [
    { label: 'Check', weight: RESTORE_WEIGHTS.check, phases: ['check'] },
    { label: 'Safety copy', weight: RESTORE_WEIGHTS.safety, phases: ['safety'], unit: 'pages' },
    { label: 'Replace', weight: RESTORE_WEIGHTS.restore, phases: ['restore'], unit: 'pages' },
    { label: 'Verify', weight: RESTORE_WEIGHTS.verify, phases: ['verify'] },
  ],
}

export const isOperationKind = (kind: unknown): kind is OperationKind => typeof kind === 'string' && Object.hasOwn(STEPS, kind)

export const stepsOf = (kind: OperationKind): readonly Step[] => STEPS[kind]

/** Place of a phase among the steps, from 0; the first one for a phase the kind does not have. */
export const stepIndex = (kind: OperationKind, phase: Phase): number => Math.max(0, STEPS[kind].findIndex(({ phases }) => phases.includes(phase)))

export const stepAt = (kind: OperationKind, phase: Phase): Step => STEPS[kind][stepIndex(kind, phase)]!

/** Place of a phase among all phases of its kind, from 0; -1 for one it does not have. */
export const phaseIndex = (kind: OperationKind, phase: Phase): number => STEPS[kind].flatMap(({ phases }) => phases).indexOf(phase)

export const firstPhase = (kind: OperationKind): Phase => STEPS[kind][0]!.phases[0]!

export const lastPhase = (kind: OperationKind): Phase => STEPS[kind].at(-1)!.phases.at(-1)!

/** How much of its step is done when the bar stands at `percent`, 0 to 1. */
export function stepFraction(kind: OperationKind, index: number, percent: number): number {
  const start = STEPS[kind].slice(0, index).reduce((sum, { weight }) => sum + weight, 0)
  return Math.min(1, Math.max(0, (percent - start) / STEPS[kind][index]!.weight))
}

/** Which kind the server speaks of. */
export function kindOf(metadata: BaseMetadata): OperationKind {
  if (metadata.operation === 'restore') return 'restore'
  if (metadata.operation !== 'backup') return 'import'
  return (metadata as BackupMetadata).kind === 'uploaded' ? 'upload' : 'backup'
}

/** An operation as an address names it: `?restore=<id>`. The parameter belongs to the shell, not to a page. */
export interface NamedOperation { kind: OperationKind, id: string }

const KINDS = Object.keys(STEPS) as OperationKind[]

/** The operation that an address names, if it names one. */
export function operationIn(search: string): NamedOperation | undefined {
  const params = new URLSearchParams(search)
  const kind = KINDS.find((name) => params.has(name))
  return kind && { kind, id: params.get(kind) ?? '' }
}

/** Names an operation, or none, in an address. */
export function nameOperation(url: URL, operation: NamedOperation | undefined): void {
  for (const kind of KINDS) url.searchParams.delete(kind)
  if (operation) url.searchParams.set(operation.kind, operation.id)
}

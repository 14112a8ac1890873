/** What each kind of operation says of itself while it runs. The frame around it is progress-view.ts. */
import type { IconName } from './icon-names.ts'
import type { Phase } from './operation.ts'
import type { ProgressState } from './progress-state.ts'
import type { Rich } from './rich.ts'
import type { Speed } from './speed.ts'

export interface Fact { label: string, value: string, hint: string }
export interface Spark { caption: string, figures: string, speed: Speed }
export interface Note { icon: IconName, text: Rich }

export interface OperationWords {
  /** What it is. */
  name: string
  /** What works on the server, after "the". */
  noun: string
  /** Headline and the line below it. @param left the time left in words, where it is known */
  progress: (state: ProgressState, left: string | undefined) => [string, string]
  /** What happens between the wish to stop and the end. */
  stopping: (state: ProgressState) => { subline: string, note: string }
  /** What it does, after "Step 1 of 4, ". */
  doing: Partial<Record<Phase, string>>
  /** How far it is, in natural units; empty where nothing is counted. */
  amount: (state: ProgressState) => string
  /** Always four. @param lost the figures are the last known ones */
  facts: (state: ProgressState, now: number, lost: boolean) => Fact[]
  /** Its speed, drawn; absent where there is none to draw. */
  spark?: (state: ProgressState, lost: boolean) => Spark
  /** What is safe, and what a person may do meanwhile. */
  note: (state: ProgressState) => Note
  /** One line for lists of what is under way. */
  line: (state: ProgressState) => string
  stop: {
    label: string
    question: string
    /** What stopping now would throw away. */
    detail: (state: ProgressState) => string
    keep: string
    yes: string
    /** Absent where it may be stopped until the end. */
    isPossible?: (state: ProgressState) => boolean
  }
  /** Whether a person may work on while it runs. */
  isBackground: boolean
}

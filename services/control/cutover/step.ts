import { COMMAND, type Direction, NOUN, PROJECT, SERVES_AFTER, type Serving } from './direction.js';

/**
 * In this order, whatever was done last: who resumed behind the turn has raised the fence again. It is lifted when all else
 * is taken back: what is written where nothing is carried from would be lost.
 */
export const UNDO_ACTIONS = ['close-fence', 'turn-back', 'lift-fence'] as const;

/** What takes back what a step did. It stands in the journal before the step acts, so that it is known whatever comes. */
export interface Undo {
  readonly action: (typeof UNDO_ACTIONS)[number];
}

/** A step of a way from one project to the other, as data; what it does is the way's (see move.ts). */
export interface Step<Name extends string = string> {
  readonly name: Name;
  /** From the first of these on the writers of the project that serves are refused. */
  readonly inPause: boolean;
  /** It leaves something behind, and is not done again by who resumes. All others prove what may have changed since. */
  readonly lasts: boolean;
  /** Null where nothing has to be taken back: it only looks, or does no harm to the project that serves. */
  readonly undo: Undo | null;
}

/** It only looks: it may be done by a cutover that is only tried. */
export function isHarmless({ inPause, lasts, undo }: Step): boolean {
  return !inPause && !lasts && undo === null;
}

/** started: begun, and nobody knows whether it was done. */
export type EntryState = 'started' | 'done' | 'failed' | 'undone';

/** A line of the journal: a step that was begun once. */
export interface Entry {
  readonly id: string;
  readonly step: string;
  readonly state: EntryState;
  readonly undo: Undo | null;
}

/**
 * The steps that an attempt does, in order.
 * @param journal what earlier attempts of the same run began, the oldest first.
 * @param isPaused the fence of this run stands closed: nobody has written since, and what was proven before it holds.
 */
export function stepsAhead<S extends Step>(
  steps: readonly S[],
  journal: readonly Entry[],
  { isPaused }: { readonly isPaused: boolean },
): S[] {
  if (isPaused) return steps.filter((step) => step.inPause);
  const done = new Set(journal.filter(({ state }) => state === 'done').map(({ step }) => step));
  return steps.filter((step) => !(step.lasts && done.has(step.name)));
}

/** Lines of the journal that must be taken back, in the order in which they are: also of steps that were only begun. */
export function entriesToUndo(journal: readonly Entry[]): (Entry & { readonly undo: Undo })[] {
  const left = journal.filter(
    (entry): entry is Entry & { undo: Undo } => entry.undo !== null && entry.state !== 'undone',
  );
  return UNDO_ACTIONS.flatMap((action) => left.filter(({ undo }) => undo.action === action).reverse());
}

/** What an operator may ask for. */
export type Intent = 'begin' | 'dry-run' | 'resume' | 'abort';

/** What is known before anything is done. */
export interface Standing {
  readonly pipeline: string;
  /** Of what is asked for. */
  readonly direction: Direction;
  readonly serving: Serving;
  /** A run that has neither ended nor been undone. */
  readonly open: {
    readonly direction: Direction;
    readonly startedAt: string;
    readonly startedBy: string;
    readonly lastStep: string | null;
  } | null;
}

export interface Refusal {
  readonly message: string;
  readonly remedy: string;
}

/** Why what was asked for cannot be, or undefined. */
export function refusalOf(intent: Intent, { pipeline, direction, serving, open }: Standing): Refusal | undefined {
  if (open) {
    if (open.direction === direction && (intent === 'resume' || intent === 'abort')) return undefined;
    const where = open.lastStep ? `its last step was ${open.lastStep}` : 'it had not begun a step';
    const command = COMMAND[open.direction];
    return {
      message: `a ${NOUN[open.direction]} of the pipeline ${pipeline} has not ended: begun by ${open.startedBy} at ${open.startedAt}, ${where}`,
      remedy: `\`${command} --resume\` goes on with it, \`${command} --abort\` undoes it.`,
    };
  }
  if (serving === SERVES_AFTER[direction]) {
    if (direction === 'back') {
      return {
        message: `the old project serves: there is nothing of the pipeline ${pipeline} to roll back`,
        remedy: 'Nothing to do.',
      };
    }
    return {
      message: `the pipeline ${pipeline} is cut over already: the new project serves`,
      remedy:
        intent === 'abort'
          ? '`ferry rollback` moves the traffic back, with all that the new project took.'
          : 'Nothing to do.',
    };
  }
  if (intent !== 'resume') return undefined;
  return {
    message: `no ${NOUN[direction]} of the pipeline ${pipeline} stands open: ${PROJECT[serving]} serves`,
    remedy: `Begin one: ${COMMAND[direction]}.`,
  };
}

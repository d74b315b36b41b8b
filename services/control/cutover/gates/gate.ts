import type { ClientBase } from 'pg';
import { FerryError } from '../../../../core/errors.js';
import type { EventLog } from '../../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../../platform/load-pipeline.js';
import type { PipelineStatus } from '../../status/pipeline-status.js';
import type { TimedReport } from '../../verify/record.js';
import type { Direction } from '../direction.js';
import type { StepName } from '../move-steps.js';
import type { AfterCopy, Running } from '../options.js';
import type { Settings } from '../settings.js';

export const GATES = [
  'streaming',
  'mapping',
  'lag',
  'ledger',
  'dead-letters',
  'verified',
  'constraints',
  'statistics',
  'sequences',
  'parity',
  'target-writers',
  'source-transactions',
  'way-back',
] as const;
export type GateName = (typeof GATES)[number];

/** The project that goes back to serving was readied before it served first. */
const FORWARD_ALONE: readonly GateName[] = ['parity', 'way-back'];

export function gatesOf(direction: Direction): readonly GateName[] {
  return GATES.filter((gate) => direction === 'forward' || !FORWARD_ALONE.includes(gate));
}

/** A pipeline that does not stream never drains: no force helps. */
export function forcibleIn(direction: Direction): readonly GateName[] {
  return gatesOf(direction).filter((gate) => gate !== 'streaming');
}

export interface Finding {
  readonly isOpen: boolean;
  /** What was measured, and what it may be. */
  readonly figure: string;
  /** What opens it. */
  readonly remedy?: string;
  /** Waiting does not help, though it may for another reason of the same gate. */
  readonly isLasting?: true;
}

export interface GateReport extends Finding {
  readonly gate: GateName;
  /** Why it was passed although it is closed. */
  readonly forced?: string;
}

export interface GateSides {
  readonly pipeline: LoadedPipeline;
  readonly source: ClientBase;
  readonly target: ClientBase;
  readonly log: EventLog;
}

export interface GateContext extends GateSides {
  readonly direction: Direction;
  readonly back: Running | undefined;
  readonly afterCopy: AfterCopy;
  readonly status: PipelineStatus;
  readonly settings: Settings;
  /** Steps that this cutover has yet to do: what they bring about closes no gate before. */
  readonly ahead: ReadonlySet<StepName>;
  /** What this cutover has compared itself; empty before it has. */
  readonly live: readonly TimedReport[];
}

export interface Gate {
  readonly name: GateName;
  /** A moment may open it: a batch in flight, a report on its way. */
  readonly mayPass: boolean;
  readonly look: (context: GateContext) => Promise<Finding>;
}

/** Some gates are closed, and were not passed by force. */
export class GatesClosed extends FerryError {
  readonly gates: readonly GateReport[];

  /** @param reasons what services and tables say of it. */
  constructor(gates: readonly GateReport[], reasons: readonly string[]) {
    const closed = gates.filter(isInTheWay);
    const remedies = [...new Set(closed.flatMap(({ remedy }) => remedy ?? []))];
    const figures = closed.map(({ figure }) => figure);
    super('not-ready', `not ready: ${[...figures, ...unsaid(reasons, figures)].join('; ')}`, {
      ...(remedies.length > 0 ? { remedy: remedies.join(' ') } : {}),
    });
    this.gates = gates;
  }
}

/** What services and tables say that no figure has: they name themselves, `apply: …`. */
export function unsaid(reasons: readonly string[], figures: readonly string[]): string[] {
  return reasons.filter((reason) => !figures.some((figure) => figure.includes(reason.replace(/^\w+: /, ''))));
}

export function isInTheWay({ isOpen, forced }: GateReport): boolean {
  return !isOpen && forced === undefined;
}

import type { Attention, ServiceName, ServiceState, StandingPart } from '../../../core/service-report.js';
import { COMMAND, type Direction, NOUN } from '../cutover/direction.js';
import type { Lag } from './lag.js';
import type { Ledger } from './read-ledger.js';

/** not-started, snapshot until every table is copied, streaming after, cut-over once the flag names the target, finished once `ferry finish` has ended it. */
export type Phase = 'not-started' | 'snapshot' | 'streaming' | 'cut-over' | 'finished' | 'unknown';

export interface TableStatus {
  readonly source: string;
  readonly target: string;
  /** unknown: what would say it cannot be read. */
  readonly state: 'waiting' | 'copying' | 'streaming' | 'paused' | 'halted' | 'catching-up' | 'unknown';
  /** Why it halted and what to do; null for a table that did not. */
  readonly stopped: { readonly message: string; readonly remedy: string } | null;
  /** Rows that the snapshot has put into the log. */
  readonly rows: number;
  readonly estimate: number | null;
}

export interface ServiceStatus {
  readonly service: ServiceName;
  /** unknown: it has not reported for a while, or never. */
  readonly state: ServiceState | 'unknown';
  /** Processes that work. */
  readonly instances: number;
  /** Row changes a second, of all of them. */
  readonly rate: number | null;
  readonly http: string | null;
  readonly error: Attention | null;
  /** Partitions that stand still while the others go on; absent when there are none. */
  readonly parts?: readonly StandingPart[];
}

export interface OpenCutover {
  readonly direction: Direction;
  readonly startedAt: string;
  /** Role, machine and process. */
  readonly startedBy: string;
  /** The step that was begun last; null before the first. */
  readonly lastStep: string | null;
  /** A coordinator works on it; otherwise it died, and what it did stands. */
  readonly isRunning: boolean;
}

/** A rebuild of the target that has not ended. */
export interface OpenReplay {
  readonly startedAt: string;
  /** Source tables; null for all of them. */
  readonly tables: readonly string[] | null;
  /** A command works on it; otherwise it died, and the tables have what came so far. */
  readonly isRunning: boolean;
}

export interface PipelineStatus {
  readonly pipeline: string;
  readonly at: string;
  readonly phase: Phase;
  /** The flag; null when the target cannot be asked. */
  readonly serving: 'source' | 'target' | null;
  /** A cutover that has not ended; null when there is none, or when the target cannot be asked. */
  readonly openCutover: OpenCutover | null;
  /** Null when there is none, or when the target cannot be asked. */
  readonly openReplay: OpenReplay | null;
  /** Users, in percent, whose reads go to the target while the source serves; null when the target cannot be asked. */
  readonly rolloutPercent: number | null;
  /** End to end: the source's WAL against what the target has. */
  readonly lag: Lag & { readonly captured: Lag; readonly transformed: Lag; readonly applied: Lag };
  readonly tables: readonly TableStatus[];
  /** Tables in the mapped schemas of the source that nothing moves; null when the source cannot be asked. */
  readonly unmapped: readonly string[] | null;
  readonly services: readonly ServiceStatus[];
  readonly ledger: Ledger | null;
  readonly errors: readonly string[];
  readonly nextSteps: readonly string[];
}

/** What the operator does next, from what is known. Pure. */
export function nextSteps(
  status: Omit<PipelineStatus, 'nextSteps'>,
  { config, isLogKnown }: { readonly config: string; readonly isLogKnown: boolean },
): string[] {
  if (!isLogKnown) return ['Bring the log back: what the services do can be read there only.'];
  const { openCutover } = status;
  if (openCutover) {
    const { direction, lastStep, isRunning } = openCutover;
    const [noun, command, step] = [NOUN[direction], COMMAND[direction], lastStep ?? 'gates'];
    if (isRunning) return [`Wait: a ${noun} is at its step ${step}.`];
    return [
      `A ${noun} was left at its step ${step}, and writes may be refused. Go on with it: ${command} --resume -c ${config}`,
      `Or undo it: ${command} --abort -c ${config}`,
    ];
  }
  if (status.openReplay) {
    const { tables, startedAt, isRunning } = status.openReplay;
    const what = tables?.join(', ') ?? 'the target';
    if (isRunning) return [`Wait: a replay rebuilds ${what}.`];
    return [`A rebuild of ${what}, begun at ${startedAt}, was left. Run ferry replay again as it was: it goes on.`];
  }
  const halted = status.services.filter((service) => service.state === 'halted' && service.error);
  const stopped = status.tables.flatMap((table) => table.stopped ?? []);
  if (halted.length + stopped.length > 0) {
    return [
      ...halted.map((service) => `${service.service}: ${service.error!.remedy}`),
      ...stopped.map(({ remedy }) => remedy),
    ];
  }
  if ((status.ledger?.deadLettered ?? 0) > 0) {
    return [`Look at what the target refused, mend it and retry: ferry dead-letter list -c ${config}`];
  }
  const paused = status.tables.filter((table) => table.state === 'paused').map((table) => table.source);
  if (paused.length > 0) return paused.map((table) => `Resume it: ferry table resume ${table} -c ${config}`);
  if (status.phase === 'finished') return ['Nothing: the migration is finished.'];
  if (status.phase === 'cut-over') {
    return [
      `Keep the old project through its days of grace; with the way back running, back to it: ferry rollback -c ${config}`,
      `Then end the migration: ferry finish -c ${config}`,
    ];
  }
  const down = status.services.filter((service) => service.state === 'unknown' || service.state === 'stopped');
  if (down.length > 0) return [`Start ${down.map((service) => service.service).join(', ')}: ferry up -c ${config}`];
  if (status.phase === 'snapshot') return ['Wait until every table is copied.'];
  if (status.lag.seconds === null) return ['Wait until lag can be measured.'];
  if (status.lag.seconds > READY_BELOW_SECONDS) return ['Wait until lag is down.'];
  return [`Verify: ferry verify -c ${config}`, `Then cut over: ferry cutover -c ${config}`];
}

/** Lag that a cutover starts at: it is what the write pause begins with. */
export const READY_BELOW_SECONDS = 5;

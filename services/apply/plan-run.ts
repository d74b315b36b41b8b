import { FerryError } from '../../core/errors.js';
import { LSN_ZERO } from '../../core/lsn.js';
import { routeName } from '../../core/mapping.js';
import { POSITION_ZERO, type Position } from '../../core/position.js';
import { type RemovedTables, readRemovedTables } from '../../platform/removed-tables.js';
import { Barrier } from './adapters/barrier.js';
import { advanceCheckpoint, advanceTable } from './adapters/checkpoint.js';
import { readStanding } from './adapters/dead-letters.js';
import {
  readCopyBeginnings,
  readPastChanges,
  readTableStates,
  type Stop,
  type TableState,
} from './adapters/table-state.js';
import { readHomes } from './adapters/target-catalog.js';
import type { WritePlace } from './adapters/target-writer.js';
import type { PartitionOptions } from './apply-partition.js';
import type { Progress } from './batch.js';
import type { StandingKeys } from './standing-keys.js';
import { TableGate } from './table-gate.js';

/** From where to where a run goes, what it lets through, and what it moves on. */
export interface RunPlan {
  readonly start: Progress;
  readonly until?: Position | undefined;
  /** What changes must follow into the dead letters. */
  readonly standing: StandingKeys;
  readonly gate: TableGate;
  readonly copied: Set<string>;
  readonly place: WritePlace;
}

/** A run over all tables, from the checkpoint on; those that stand are passed over from where they stand. */
export async function planRun(options: PartitionOptions): Promise<RunPlan> {
  const { target, claim } = options;
  const states = await readTableStates(target, claim);
  const removed = await readRemovedTables(options.log);
  refuseUnmapped(states, options, removed);
  const barrier = new Barrier(target, claim, options);
  return {
    start: claim.progress,
    standing: await readStanding(target, claim),
    gate: await gateOf(options, states, (source) => states.get(source)?.stop?.position),
    copied: copiedIn(states),
    place: {
      advance: (progress, applied) => advanceCheckpoint(target, claim, progress, applied),
      pass: (event) => barrier.pass(event),
    },
  };
}

/** A run over one table, from where it stands to the checkpoint. */
export async function planCatchUp(options: PartitionOptions, source: string, stop: Stop): Promise<RunPlan> {
  const { target, claim } = options;
  const states = await readTableStates(target, claim);
  const barrier = new Barrier(target, claim, options);
  return {
    start: { nextOffset: stop.offset, position: stop.position, commitEnd: LSN_ZERO, commitTime: null },
    until: claim.progress.position,
    standing: await readStanding(target, claim),
    gate: await gateOf(options, states, (other) => (other === source ? undefined : POSITION_ZERO)),
    copied: copiedIn(states),
    place: {
      // The record at the checkpoint may be applied in part: what of it lies beyond comes with the others, or is read
      // again where the others go on before the table has caught up.
      advance: (progress, applied) => {
        const nextOffset = Math.min(progress.nextOffset, claim.progress.nextOffset);
        return advanceTable(target, claim, source, { ...progress, nextOffset }, applied);
      },
      pass: (event) => barrier.pass(event),
    },
  };
}

/** What such a table has missed would never be applied. */
function refuseUnmapped(
  states: ReadonlyMap<string, TableState>,
  { mappings }: PartitionOptions,
  removed: RemovedTables,
): void {
  const mapped = new Set([...mappings.map(routeName), ...removed.keys()]);
  const lost = [...states].find(([source, { stop }]) => stop && !mapped.has(source));
  if (!lost) return;
  throw new FerryError(
    'mapping-invalid',
    `the mapping has no ${lost[0]}, which is ${lost[1].stop!.state} and not applied to its end`,
    {
      details: { table: lost[0] },
      remedy: `Put it back, then ferry table resume ${lost[0]}.`,
    },
  );
}

async function gateOf(
  { target, schema, claim, mappings, policy, log, partitions }: PartitionOptions,
  states: ReadonlyMap<string, TableState>,
  heldAfter: (source: string) => Position | undefined,
): Promise<TableGate> {
  return new TableGate({
    tables: await readHomes(target, schema),
    past: await readPastChanges(target, claim),
    beginnings: await readCopyBeginnings(target, claim),
    known: new Map([...states].flatMap(([source, { known }]) => (known ? [[source, known] as const] : []))),
    accepts: new Set([...states].flatMap(([source, { accepts }]) => (accepts ? [source] : []))),
    removed: await readRemovedTables(log),
    standsAlone: new Set(states.keys()),
    mappings,
    policy,
    isShared: partitions > 1,
    heldAfter,
  });
}

function copiedIn(states: ReadonlyMap<string, TableState>): Set<string> {
  return new Set([...states].flatMap(([source, { copied }]) => (copied ? [source] : [])));
}

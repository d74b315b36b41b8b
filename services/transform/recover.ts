import { addTo } from '../../core/ledger.js';
import { LSN_ZERO, type Lsn, parseLsn } from '../../core/lsn.js';
import { comparePositions, POSITION_ZERO, type Position, positionFromJson } from '../../core/position.js';
import { readSpan } from '../../core/record-scanner.js';
import { type TransformState, transformStateKey } from '../../core/stage-state.js';
import { partitionName, type Topics } from '../../core/topics.js';
import type { EventLog, TopicPartition } from '../../platform/event-log/port.js';
import { spanBefore, tallyPartition } from '../../platform/tally-partition.js';
import type { DomainEnd } from './domain.js';
import type { RouterTallies } from './router.js';

/** Where transform goes on: the ends of the domain topics say it, the control state only saves counting all of them. */
export interface Recovered {
  readonly rawOffset: number;
  /** What was filtered of raw's records before this offset is counted. */
  readonly countedBefore: number;
  /** The highest position of those records: what is not above it, wherever it stands, only repeats. */
  readonly countedThrough: Position;
  /** The highest position of raw's records before the offset where it goes on. */
  readonly rawEnd: Position;
  readonly ends: ReadonlyMap<string, DomainEnd>;
  /** By partition of the domain topics, as partitionName writes it: records counted so far. */
  readonly next: Map<string, number>;
  readonly tallies: RouterTallies;
  readonly through: Lsn;
  readonly time: string | null;
}

export async function recover(
  log: EventLog,
  topics: Topics,
  schemas: readonly string[],
  partition: number,
): Promise<Recovered> {
  const state = (await log.control.get(transformStateKey(partition, topics.version))) as TransformState | undefined;
  const tallies: RouterTallies = {
    taken: new Map(),
    filtered: new Map(Object.entries(state?.filtered ?? {})),
    transformed: new Map(Object.entries(state?.transformed ?? {})),
  };
  const ends = new Map<string, DomainEnd>();
  const next = new Map<string, number>();
  for (const schema of schemas) {
    const at = { topic: topics.domain(schema), partition };
    await log.takeOver(at);
    const counted = await tallyPartition(log, at, state?.next[partitionName(at)] ?? 0, tallies.transformed);
    ends.set(schema, counted.end ?? { position: POSITION_ZERO, complete: true });
    next.set(partitionName(at), counted.next);
  }
  for (const tally of [tallies.filtered, tallies.transformed]) {
    for (const [table, count] of tally) addTo(tallies.taken, table, count);
  }
  const positions = [...ends.values()].map((end) => end.position).sort(comparePositions);
  const raw = { topic: topics.raw, partition };
  const rawOffset = await firstAfter(log, raw, positions[0] ?? POSITION_ZERO);
  // Before the first state nothing that was filtered is counted; one of an earlier version counted to where it goes on.
  const countedBefore = state ? (state.raw ?? rawOffset) : 0;
  const before = async (offset: number) => (await spanBefore(log, raw, offset))?.last ?? POSITION_ZERO;
  const countedThrough = state?.counted ? positionFromJson(state.counted) : await before(countedBefore);
  return {
    rawOffset: Math.min(rawOffset, countedBefore),
    countedBefore,
    countedThrough,
    rawEnd: rawOffset < countedBefore ? await before(rawOffset) : countedThrough,
    ends,
    next,
    tallies,
    through: state ? parseLsn(state.through) : LSN_ZERO,
    time: state?.time ?? null,
  };
}

/**
 * The offset of the first record that reaches behind a position. Positions rise, so a binary search finds it: a start
 * costs the same whatever the length of the history.
 */
export async function firstAfter(log: EventLog, at: TopicPartition, position: Position): Promise<number> {
  let low = 0;
  let high = await log.endOffset(at);
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [record] = await log.read({ ...at, offset: middle }, { maxBytes: 1, waitMs: 0 });
    if (!record || comparePositions(readSpan(record.value).last, position) > 0) high = middle;
    else low = record.offset + 1;
  }
  return low;
}

import { formatLsn, LSN_ZERO, type Lsn, parseLsn } from './lsn.js';

/**
 * The total order of everything one slot delivers: the LSN of the transaction's commit record, then the event's
 * index within the transaction (its commit counts as the last event). Positions strictly rise in each partition, so
 * a stage that drops what is not above its last position makes every repetition harmless. A slot's indexes are whole;
 * those of a domain topic may stand between, {@link nthIndex}.
 */
export interface Position {
  readonly lsn: Lsn;
  readonly index: number;
}

/** As positions stand in JSON: `["0/16B3748", 7]`. */
export type PositionJson = readonly [lsn: string, index: number];

/** Before anything that a slot can deliver. */
export const POSITION_ZERO: Position = { lsn: LSN_ZERO, index: -1 };

/** To so many tables of one domain schema may a source table go. A power of two, so that indexes are exact. */
export const MAX_TABLES_OF_A_SCHEMA = 64;

/**
 * Index of an event for one of several tables of a domain schema that its source table goes to.
 * @param nth of them, from 0: the first has the slot's own index.
 */
export function nthIndex(index: number, nth: number): number {
  return index + nth / MAX_TABLES_OF_A_SCHEMA;
}

/** The last position that an event may have before this one. */
export function justBefore({ lsn, index }: Position): Position {
  return { lsn, index: index - 1 / MAX_TABLES_OF_A_SCHEMA };
}

/** Negative when `a` comes before `b`, zero when they are the same, positive otherwise. */
export function comparePositions(a: Position, b: Position): number {
  if (a.lsn !== b.lsn) return a.lsn < b.lsn ? -1 : 1;
  return a.index - b.index;
}

export function isAfter(a: Position, b: Position): boolean {
  return a.lsn === b.lsn ? a.index > b.index : a.lsn > b.lsn;
}

export function positionToJson(position: Position): PositionJson {
  return [formatLsn(position.lsn), position.index];
}

export function positionFromJson(json: PositionJson): Position {
  return { lsn: parseLsn(json[0]), index: json[1] };
}

export function formatPosition(position: Position): string {
  return `${formatLsn(position.lsn)}#${position.index}`;
}

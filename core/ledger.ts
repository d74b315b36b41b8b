import { LSN_ZERO, parseLsn } from './lsn.js';
import { isAfter, type Position } from './position.js';
import { relationFromLine } from './record.js';
import { RecordScanner, type RecordSpan, readSpan } from './record-scanner.js';
import { sourceName } from './relation.js';

/** Row changes by table: a snapshot's row and a streamed change each count one, a truncate one for each table. */
export type Tally = Map<string, number>;

export function addTo(tally: Tally, table: string, count: number): void {
  tally.set(table, (tally.get(table) ?? 0) + count);
}

/**
 * Counts what a record holds, by source table: the log itself says what a stage has written, so that the ledger
 * survives any crash of the one that counted.
 * @param after events up to this position have been counted: another writer's late append may hold them again.
 * @param before events from this position on are left out.
 * @returns from where to where the record goes.
 */
export function tallyRecord(record: Buffer, tally: Tally, after: Position, before?: Position): RecordSpan {
  const span = readSpan(record);
  if (!isAfter(span.last, after)) return span;
  const overlaps = !isAfter(span.first, after) || (before !== undefined && !isAfter(before, span.last));
  const names = new Map<number, string>();
  const scanner = new RecordScanner(record);
  let lsn = LSN_ZERO;
  while (scanner.next()) {
    if (scanner.kind === 'relation') {
      const relation = relationFromLine(scanner.relationLine());
      names.set(relation.id, sourceName(relation));
    } else if (scanner.kind === 'transaction') {
      if (overlaps) lsn = parseLsn(scanner.transaction().tx);
    } else if (!overlaps || isBetween({ lsn, index: scanner.index }, after, before)) {
      tallyEvent(scanner, names, tally);
    }
  }
  return span;
}

function isBetween(position: Position, after: Position, before: Position | undefined): boolean {
  return isAfter(position, after) && (before === undefined || isAfter(before, position));
}

function tallyEvent(scanner: RecordScanner, names: ReadonlyMap<number, string>, tally: Tally): void {
  switch (scanner.kind) {
    case 'row':
      return addTo(tally, names.get(scanner.relation)!, 1);
    case 'rows':
      return addTo(tally, names.get(scanner.relation)!, scanner.rows().rows);
    case 'truncate':
      for (const id of scanner.truncate().relations) addTo(tally, names.get(id)!, 1);
      return;
    default:
      return;
  }
}

/** One table's way through the pipeline; undefined where a stage has not reported. */
export interface LedgerEntry {
  readonly table: string;
  readonly read: number | undefined;
  readonly deduplicated: number | undefined;
  readonly captured: number | undefined;
  readonly filtered: number | undefined;
  readonly transformed: number | undefined;
  readonly applied: number | undefined;
  readonly deadLettered: number | undefined;
  /** Dead letters that an operator discarded. */
  readonly dropped: number | undefined;
}

/**
 * captured = read - deduplicated, transformed = captured - filtered, applied + dead-lettered + dropped = transformed. Between
 * stages the sums agree only once everything captured has been applied.
 */
export function ledgerAddsUp(entry: LedgerEntry): boolean {
  const { read, deduplicated, captured, filtered, transformed, applied, deadLettered, dropped } = entry;
  return (
    read !== undefined &&
    captured === read - deduplicated! &&
    transformed === captured - filtered! &&
    applied! + deadLettered! + dropped! === transformed
  );
}

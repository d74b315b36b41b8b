import type { TableMapping } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { failpoint, VERIFY_FAILPOINT } from '../../../platform/failpoint.js';
import { compareStanding } from './compare-standing.js';
import type { TableReader } from './observe.js';
import { type Connectors, type Lane, type OpenOptions, openTable, withSessions } from './open-table.js';
import { NOT_BEGUN, shapeDigest, type TableProgress, type TableWalk, type VerificationMemory } from './progress.js';
import { MAX_NAMED_DIFFERENCES, MAX_REPAIRED_ROWS, type TableReport, type VerifyReport } from './report.js';
import { reportOf, walkTable } from './verify-table.js';

export interface VerifyOptions extends Connectors, OpenOptions {
  readonly tables: readonly TableMapping[];
  readonly signal?: AbortSignal;
  /** What an earlier run has compared is not compared again; how far this one is, is kept there. */
  readonly memory?: VerificationMemory | undefined;
  /** Resolves when a chunk may be read; at once without it. */
  readonly room?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** Mends what differs, once a table is compared. */
  readonly repair?: RepairTable | undefined;
  /** Rows that differ of which a table's walk knows the keys; others are counted only. */
  readonly nameLimit?: number;
  /** Called when a table begins, when its size is known, after each of its chunks, and with its report when it is done. */
  readonly onProgress?: (progress: VerifyProgress) => void;
  /** Rows of the source in a chunk: a fraction of a second to read, a few MB when it must be read row by row. */
  readonly chunkRows?: number;
  /** Looks at a row that differs, before it counts as unsettled. */
  readonly maxAttempts?: number;
  /** Tables at once, with a session on each side for each. */
  readonly parallel?: number;
}

export interface VerifyProgress {
  /** `schema.table`. */
  readonly source: string;
  readonly target: string;
  /** Rows of the source compared so far, and those that are expected in all; undefined when nobody knows. */
  readonly rows: number;
  readonly estimatedRows: number | undefined;
  readonly report?: TableReport;
}

/** Mends rows that a walk has found different. @returns the walk with what it finds of them then, and how many it mended. */
export type RepairTable = (
  reader: TableReader,
  walk: TableWalk,
) => Promise<{ readonly walk: TableWalk; readonly repaired: number }>;

/**
 * Compares every table of the mapping by count and checksum of its rows, chunk by chunk, while writes may go on.
 * A difference is reported only when it is real: neither late nor being written. On a pair that is quiet and caught up
 * nothing is waited for.
 * @throws FerryError when a side cannot be read or lacks a table, column or key; `not-ready` when rows differ and
 * apply stands still; the signal's reason when it aborts.
 */
export async function verifyTables(options: VerifyOptions): Promise<VerifyReport> {
  const startedAt = performance.now();
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  const queue = [...options.tables.entries()].reverse();
  const reports: TableReport[] = [];
  const lane = async () => {
    try {
      await withSessions(options, async (source, target) => {
        for (let next = queue.pop(); next; next = queue.pop()) {
          signal.throwIfAborted();
          const [place, mapping] = next;
          reports[place] = await verifyMapping(mapping, { source, target, signal }, options);
        }
      });
    } catch (error) {
      // The first failure is the signal's reason, so that the other lanes end with it and not with its consequences.
      failed.abort(error);
    }
  };
  const lanes = Math.min(options.parallel ?? 2, options.tables.length);
  await Promise.all(Array.from({ length: lanes }, lane));
  signal.throwIfAborted();
  return {
    ok: reports.every((report) => report.equal),
    tables: reports,
    durationMs: Math.round(performance.now() - startedAt),
  };
}

async function verifyMapping(mapping: TableMapping, lane: Lane, options: VerifyOptions): Promise<TableReport> {
  const { memory, room, repair, onProgress, chunkRows = 20_000, maxAttempts = 20 } = options;
  const { nameLimit = repair ? MAX_REPAIRED_ROWS : MAX_NAMED_DIFFERENCES } = options;
  const names = { source: displayName(mapping.source), target: displayName(mapping.target) };
  const known = memory?.of(names);
  onProgress?.({ ...names, rows: known?.report?.rows ?? 0, estimatedRows: undefined, report: known?.report });
  if (known?.report) return known.report;
  const reader = await openTable(mapping, lane, options);
  const { shape } = reader;
  const startedAt = performance.now() - (known?.ms ?? 0);
  const progressOf = (walk: TableWalk): TableProgress => {
    const ms = Math.round(performance.now() - startedAt);
    return { shape: shapeDigest(shape), ms, walk };
  };
  const show = (rows: number, report?: TableReport) =>
    onProgress?.({ ...names, rows, estimatedRows: shape.estimatedRows, report });
  const from = known?.shape === shapeDigest(shape) ? known.walk : NOT_BEGUN;
  show(from.total.source.rows);
  await memory?.put(names, progressOf(from));
  // Each chunk of a table without a key sorts all of it; the rows of a mapped one are held here.
  const rowsOfChunk = shape.isKeyless ? chunkRows * 10 : shape.mapped ? Math.ceil(chunkRows / 10) : chunkRows;
  const compared = await walkTable(reader, {
    chunkRows: rowsOfChunk,
    maxAttempts,
    nameLimit,
    from,
    room: room && (() => room(lane.signal)),
    onChunk: async (walk) => {
      show(walk.total.source.rows);
      await memory?.put(names, progressOf(walk));
      await failpoint(VERIFY_FAILPOINT);
    },
  });
  const { walk, repaired } = (await repair?.(reader, compared)) ?? { walk: compared, repaired: undefined };
  const found = { ...reportOf(shape, walk), ...(repaired === undefined ? {} : { repaired }) };
  const report = mapping.lineage ? await compareStanding(reader.sessions.target, mapping, found) : found;
  const done = progressOf(walk);
  await memory?.done(names, { ...done, report: { ...report, ms: done.ms } });
  show(report.rows, report);
  return report;
}

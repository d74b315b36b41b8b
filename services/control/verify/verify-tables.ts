import type { RuleKit } from '../../../core/mapping/rule-kit.js';
import type { TableMapping } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import type { AppliedProbe } from './applied-probe.js';
import { candidateReader, keysBeyond } from './candidate-reader.js';
import { compareStanding } from './compare-standing.js';
import { mappedReader } from './mapped-reader.js';
import type { TableReader } from './observe.js';
import type { TableReport, VerifyReport } from './report.js';
import { type OpenSession, openSession, type Session, type SqlClient } from './session.js';
import { sqlReader } from './side-reader.js';
import { readTableCatalog } from './table-catalog.js';
import { planShape, type TableShape } from './table-shape.js';
import { verifyTable } from './verify-table.js';

export interface VerifyOptions {
  readonly tables: readonly TableMapping[];
  /** What their rules compute with. */
  readonly kit: RuleKit;
  /** Open a session of their side each time; they are ended here. */
  readonly connectSource: () => Promise<SqlClient>;
  readonly connectTarget: () => Promise<SqlClient>;
  readonly applied: AppliedProbe;
  /** What it leaves out of the source's tables is not compared; all of them is without one. */
  readonly publication?: string;
  readonly signal?: AbortSignal;
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

async function verifyMapping(
  mapping: TableMapping,
  lane: { readonly source: OpenSession; readonly target: OpenSession; readonly signal: AbortSignal },
  { kit, applied, publication, onProgress, chunkRows = 20_000, maxAttempts = 20 }: VerifyOptions,
): Promise<TableReport> {
  const names = { source: displayName(mapping.source), target: displayName(mapping.target) };
  const sides = { source: lane.source.about(names.source), target: lane.target.about(names.target) };
  onProgress?.({ ...names, rows: 0, estimatedRows: undefined });
  const [source, target] = await Promise.all([
    readTableCatalog(sides.source, mapping.source, publication),
    readTableCatalog(sides.target, mapping.target),
  ]);
  const shape = planShape(mapping, source, target, kit);
  const progress = (rows: number, report?: TableReport) =>
    onProgress?.({ ...names, rows, estimatedRows: shape.estimatedRows, report });
  progress(0);
  const reader: TableReader = { ...readersOf(shape, sides), session: sides.source, applied, signal: lane.signal };
  // Each chunk of a table without a key sorts all of it; the rows of a mapped one are held here.
  const rowsOfChunk = shape.isKeyless ? chunkRows * 10 : shape.mapped ? Math.ceil(chunkRows / 10) : chunkRows;
  const compared = await verifyTable(reader, { chunkRows: rowsOfChunk, maxAttempts, onRows: progress });
  const report = mapping.lineage ? await compareStanding(sides.target, mapping, compared) : compared;
  progress(report.rows, report);
  return report;
}

function readersOf(
  shape: TableShape,
  sides: { readonly source: Session; readonly target: Session },
): Pick<TableReader, 'shape' | 'source' | 'target' | 'beyond'> {
  const { mapped, candidates } = shape;
  const source = mapped ? mappedReader(sides, shape, mapped) : sqlReader(sides.source, shape.source);
  if (!mapped || !candidates) return { shape, source, target: sqlReader(sides.target, shape.target) };
  const lineage = { ...shape, mapped, candidates };
  const beyond = (rows: number) => keysBeyond(sides, lineage, { source, rows });
  return { shape, source, target: candidateReader(sides, lineage), beyond };
}

async function withSessions(
  { connectSource, connectTarget }: VerifyOptions,
  work: (source: OpenSession, target: OpenSession) => Promise<void>,
): Promise<void> {
  const source = await openSession('source', await connectSource());
  try {
    const target = await openSession('target', await connectTarget());
    try {
      await work(source, target);
    } finally {
      await target.end();
    }
  } finally {
    await source.end();
  }
}

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { MESSAGE, type SeenChanges } from '../../../core/record.js';
import { failpoint } from '../../../platform/failpoint.js';
import { endSession, quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import type { TablePlan } from './chunk.js';
import { copyOut, readState } from './chunk-reader.js';
import { parseSnapshot, type SnapshotXids } from './delivered-xids.js';
import { rowsOf } from './table-plan.js';

/** The stream, as it stands still at a table's place: what is written goes into the transaction that is open there. */
export interface StreamAtRest {
  /** The snapshot had not seen a transaction that the stream delivered before. */
  isStale(snapshot: SnapshotXids): boolean;
  /** Resolves when more may be written. */
  rows(text: Buffer): Promise<void>;
  finish(seen: SeenChanges): void;
}

/** Brings the stream to a stop for a table. */
export interface StreamStop {
  /** Resolves once the stream has come to the message of that content; undefined when the service stops before. */
  reach(plan: TablePlan, id: string): Promise<StreamAtRest | undefined>;
  goOn(): void;
  readonly signal: AbortSignal;
}

/**
 * Copies a table without a key. Its transaction lasts as long as that takes.
 * @param isThere the target has the rows already: only the copy's end goes into the stream.
 */
export async function copyWhole(
  client: pg.Client,
  plan: TablePlan,
  stream: StreamStop,
  isThere: boolean,
): Promise<void> {
  const id = randomUUID();
  const reached = stream.reach(plan, id);
  await client.query('SELECT pg_catalog.pg_logical_emit_message(true, $1, $2)', [MESSAGE.hold, id]);
  const rest = await reached;
  if (!rest) return;
  const seen = await readInto(client, plan, stream, { rest, isThere });
  if (seen) rest.finish(seen);
  stream.goOn();
}

/** @returns undefined when the service stops meanwhile. */
async function readInto(
  client: pg.Client,
  plan: TablePlan,
  { signal }: StreamStop,
  { rest, isThere }: { readonly rest: StreamAtRest; readonly isThere: boolean },
): Promise<SeenChanges | undefined> {
  let isRead = false;
  try {
    const seen = await freshSnapshot(client, plan, rest, signal);
    if (seen && !isThere) {
      for await (const text of wholeLines(copyOut(client, allRows(plan)))) {
        if (signal.aborted) return undefined;
        await rest.rows(text);
        await failpoint('capture.rows-copied');
      }
    }
    isRead = true;
    return seen;
  } finally {
    // Of a COPY that is left amid its rows nobody reads the rest, and a ROLLBACK would wait behind it for good.
    await (isRead ? client.query('ROLLBACK') : endSession(client)).catch(() => {});
  }
}

/** A commit is in the WAL a moment before others can see it; with a synchronous standby, as long as that takes. */
async function freshSnapshot(
  client: pg.Client,
  plan: TablePlan,
  rest: StreamAtRest,
  signal: AbortSignal,
): Promise<SeenChanges | undefined> {
  while (!signal.aborted) {
    // The lock comes before the snapshot: to an older one, a table that was rewritten in between would be empty.
    await client.query(
      `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; LOCK TABLE ONLY ${quoteName(plan.relation)} IN ACCESS SHARE MODE`,
    );
    const { snapshot, lsn } = await readState(client, plan);
    if (!rest.isStale(parseSnapshot(snapshot))) return { snapshot, until: lsn };
    await client.query('ROLLBACK');
    await sleep(STALE_FOR_MS);
  }
  return undefined;
}

const STALE_FOR_MS = 20;

function allRows(plan: TablePlan): string {
  const filter = plan.filter ? ` WHERE ${plan.filter}` : '';
  return `(SELECT ${plan.columns.map(quoteIdentifier).join(', ')} FROM ${rowsOf(plan)}${filter})`;
}

/** COPY's output in pieces of about PIECE_BYTES that end where a line does. */
async function* wholeLines(parts: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  for await (const part of parts) {
    waiting.push(part);
    bytes += part.length;
    const end = bytes < PIECE_BYTES ? -1 : part.lastIndexOf(NEWLINE);
    if (end < 0) continue;
    const text = Buffer.concat(waiting);
    const length = text.length - (part.length - end - 1);
    yield text.subarray(0, length);
    waiting = [text.subarray(length)];
    bytes = text.length - length;
  }
  if (bytes > 0) yield Buffer.concat(waiting);
}

const NEWLINE = 0x0a;
const PIECE_BYTES = 1024 * 1024;

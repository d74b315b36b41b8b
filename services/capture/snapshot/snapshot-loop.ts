import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { ClientBase } from 'pg';
import { MESSAGE } from '../../../core/record.js';
import { type QualifiedName, sourceName } from '../../../core/relation.js';
import type { TableSnapshotState } from '../../../core/stage-state.js';
import { failpoint } from '../../../platform/failpoint.js';
import { endSession } from '../../../platform/postgres.js';
import { untilAborted } from '../until-aborted.js';
import type { Chunk, TablePlan } from './chunk.js';
import { type ChunkRange, readChunk } from './chunk-reader.js';
import type { CopyQueue } from './copy-queue.js';
import { copyWhole, type StreamAtRest, type StreamStop } from './copy-whole.js';
import { estimateTable } from './table-plan.js';
import type { Outcome, RepairWindow, Rereads, SnapshotWindows } from './windows.js';

export interface SnapshotOptions {
  /** Opens a session at the source; the loop ends it. */
  readonly connect: () => Promise<pg.Client>;
  /** Cancels what a session is doing. */
  readonly cancel: (session: ClientBase) => Promise<void>;
  readonly windows: SnapshotWindows;
  /** How far each table is, by display name; the encoder moves it on as chunks go into the log. */
  readonly states: Map<string, TableSnapshotState>;
  /** For tables without a key. */
  readonly stream: {
    reach(plan: TablePlan, id: string): Promise<StreamAtRest>;
    goOn(): void;
  };
  /** Resolves when another chunk may be held in memory. */
  readonly drained: () => Promise<void>;
  readonly chunkRows: number;
  readonly chunkBytes: number;
  readonly maxRowBytes: number;
  readonly parallelTables: number;
  /** The target has the tables' rows already: only the end of each copy goes into the stream. */
  readonly areThere: boolean;
  readonly signal: AbortSignal;
}

/** With one listener on the signal for all chunks. */
export type CopyOptions = SnapshotOptions & { readonly aborted: Promise<'aborted'> };

/** With the table's copy that chunks are for: it may begin again. */
type ChunkOptions = CopyOptions & { readonly copy: number };

/**
 * Copies the tables that wait and those that join, several at once, each in chunks between watermarks, until the signal
 * fires. It holds no transaction beyond a chunk, and goes on behind the last chunk in the log after any crash.
 */
export async function copyTables(queue: CopyQueue, given: SnapshotOptions): Promise<void> {
  const options = withAborted(given);
  const worker = async () => {
    while (!options.signal.aborted) {
      await copyWaiting(queue, options);
      await Promise.race([queue.joined(), options.aborted]);
    }
  };
  await Promise.all(Array.from({ length: options.parallelTables }, worker));
}

export function withAborted(options: SnapshotOptions): CopyOptions {
  return { ...options, aborted: abortedBy(options.signal) };
}

/** Until none waits; the session ends with that. */
async function copyWaiting(queue: CopyQueue, options: CopyOptions): Promise<void> {
  const { states, signal } = options;
  let client: pg.Client | undefined;
  try {
    for (let plan = queue.take(); plan && !signal.aborted; plan = queue.take()) {
      client ??= await options.connect();
      // It may begin again at any moment, its end included.
      while (!states.get(sourceName(plan.relation))!.done && !signal.aborted) await copyTable(client, plan, options);
      queue.left(plan);
    }
  } finally {
    if (client) await endSession(client);
  }
}

/** Returns before its end when the service stops, and when the copy begins again. */
async function copyTable(client: pg.Client, plan: TablePlan, given: CopyOptions): Promise<void> {
  const { states, signal, windows } = given;
  const options = { ...given, copy: windows.copyOf(plan) };
  const name = sourceName(plan.relation);
  const { rows: expected, rowBytes } = await estimateTable(client, plan);
  states.set(name, { ...states.get(name)!, ...(expected === undefined ? {} : { estimate: expected }) });
  if (plan.key.length === 0) return copyWhole(client, plan, streamStop(options), options.areThere);
  if (options.areThere) return finishTable(client, plan, options);
  let limit = chunkLimit(rowBytes, options);
  for (let isExhausted = false; !isExhausted && !signal.aborted; ) {
    await options.drained();
    const chunk = await copyChunk(client, plan, { after: states.get(name)!.upTo, limit }, options);
    if (!chunk) return;
    isExhausted = !chunk.isCut && chunk.rows < limit;
    if (chunk.rows > 0) limit = chunkLimit(chunk.text.length / chunk.rows, options);
  }
  if (await readAgain(client, plan, options)) await finishTable(client, plan, options);
}

/**
 * Copies one partition of a table that is copied already, as rows of that table.
 * @returns false when the service stops meanwhile, or the table's copy begins again.
 */
export async function copyPartition(
  plan: TablePlan,
  partition: QualifiedName,
  given: SnapshotOptions,
): Promise<boolean> {
  const { windows, signal, states } = given;
  const client = await given.connect();
  try {
    if (!states.get(sourceName(plan.relation))!.done) return false;
    const options = { ...withAborted(given), copy: windows.copyOf(plan) };
    windows.tableStarted(plan);
    let limit = Math.min(options.chunkRows, FIRST_ROWS);
    let after: readonly string[] | undefined;
    for (let isExhausted = false; !isExhausted && !signal.aborted; ) {
      await options.drained();
      const chunk = await copyChunk(client, { ...plan, partition }, { after, limit }, options);
      if (!chunk) return false;
      isExhausted = !chunk.isCut && chunk.rows < limit;
      after = chunk.mark?.upTo;
      if (chunk.rows > 0) limit = chunkLimit(chunk.text.length / chunk.rows, options);
    }
    if (!(await readAgain(client, plan, options))) return false;
    windows.tableFinished(plan, options.copy);
    return true;
  } finally {
    await endSession(client);
  }
}

/** Of a partition nobody has counted rows or bytes. */
const FIRST_ROWS = 1_000;

/**
 * Rows that a key change took out of their chunk, without the TOAST values that only the chunk had.
 * @returns false when the service stops meanwhile, or the copy begins again.
 */
async function readAgain(client: pg.Client, plan: TablePlan, options: ChunkOptions): Promise<boolean> {
  const { windows, signal } = options;
  let atOnce = REREAD_KEYS;
  for (let due = someOf(windows.rereads(plan), atOnce); due.size > 0; due = someOf(windows.rereads(plan), atOnce)) {
    const keys = [...due.keys()].map((key) => JSON.parse(key) as string[]);
    const chunk = signal.aborted ? undefined : await copyChunk(client, plan, { keys }, options);
    if (!chunk) return false;
    // Which of them have no row any more, only all of them together tell.
    if (chunk.isCut) atOnce = Math.ceil(due.size / 2);
    else windows.reread(plan, due);
  }
  return !signal.aborted;
}

function someOf(rereads: Rereads, atMost: number): Rereads {
  return new Map([...rereads].slice(0, atMost));
}

function streamStop({ stream, signal, aborted }: CopyOptions): StreamStop {
  return {
    reach: async (plan, id) => {
      const reached = await Promise.race([stream.reach(plan, id), aborted]);
      return reached === 'aborted' ? undefined : reached;
    },
    goOn: () => stream.goOn(),
    signal,
  };
}

/** As many keys as one statement may name. */
const REREAD_KEYS = 500;

/** An empty chunk says, in its place in the stream, that the table is copied. */
async function finishTable(client: pg.Client, plan: TablePlan, options: ChunkOptions): Promise<void> {
  const upTo = options.states.get(sourceName(plan.relation))!.upTo;
  await copyChunk(client, plan, { after: upTo, limit: 0 }, options, { isFinal: true });
  options.windows.tableFinished(plan, options.copy);
}

/**
 * One chunk: low watermark, read, high watermark, and its place in the stream; read again as long as it is stale.
 * @returns undefined when the service stops meanwhile, or the table's copy begins again.
 */
export async function copyChunk(
  client: pg.Client,
  plan: TablePlan,
  range: ChunkRange,
  options: ChunkOptions,
  { isFinal = false, repair }: { readonly isFinal?: boolean; readonly repair?: RepairWindow } = {},
): Promise<Chunk | undefined> {
  for (;;) {
    const id = randomUUID();
    const closed = new Promise<Outcome>((resolve) =>
      options.windows.expect(id, plan, resolve, { copy: options.copy, repair }),
    );
    try {
      await emit(client, MESSAGE.low, id);
      await failpoint('capture.chunk-begun');
      const { chunkBytes, maxRowBytes, cancel } = options;
      const read = await readChunk(client, plan, range, { maxBytes: 2 * chunkBytes, maxRowBytes, cancel });
      if (!read) {
        options.windows.abandon(id);
        continue;
      }
      await failpoint('capture.chunk-read');
      const chunk = isFinal ? { ...read, mark: { ...read.mark, final: true } } : read;
      // How far the table is copied, a part of it does not say.
      options.windows.fill(id, plan.partition ? { ...chunk, mark: undefined } : chunk);
      await emit(client, MESSAGE.high, id);
      await failpoint('capture.chunk-sent');
      const outcome = await Promise.race([closed, options.aborted]);
      if (outcome === 'published') return chunk;
      if (outcome !== 'stale') return undefined;
    } catch (error) {
      options.windows.abandon(id);
      throw error;
    }
  }
}

async function emit(client: pg.Client, prefix: string, id: string): Promise<void> {
  await client.query('SELECT pg_catalog.pg_logical_emit_message(true, $1, $2)', [prefix, id]);
}

function chunkLimit(rowBytes: number, options: SnapshotOptions): number {
  return Math.max(1, Math.min(options.chunkRows, Math.floor(options.chunkBytes / rowBytes)));
}

async function abortedBy(signal: AbortSignal): Promise<'aborted'> {
  await untilAborted(signal);
  return 'aborted';
}

import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { FerryError } from '../../core/errors.js';
import { LSN_ZERO, type Lsn, maxLsn } from '../../core/lsn.js';
import { MESSAGE } from '../../core/record.js';
import { displayName } from '../../core/relation.js';
import { CAPTURE_STATE, type TableSnapshotState } from '../../core/stage-state.js';
import { sourceObjectName, topicsOf } from '../../core/topics.js';
import { classify, connect, describeUrl, endSession } from '../../platform/postgres.js';
import type { ServiceContext } from '../../platform/service.js';
import { ensurePublication } from './adapters/publication.js';
import { openReplicationStream } from './adapters/replication-stream.js';
import { ensureSlot } from './adapters/slot.js';
import { Publisher } from './publisher.js';
import { RawEncoder } from './raw-encoder.js';
import { RawOutput } from './raw-output.js';
import { afterChunk, captureState, type MovedRow, NOT_STARTED, type Recovered, recover } from './recover.js';
import type { TablePlan } from './snapshot/chunk.js';
import { copyTables } from './snapshot/snapshot-loop.js';
import { readMappedPlan } from './snapshot/table-plan.js';
import { SnapshotWindows } from './snapshot/windows.js';
import type { CaptureTallies } from './tallies.js';

/**
 * Capture, from connecting to the end of one connection: source WAL and snapshot chunks -> raw topic. Begun again after
 * any error or crash, it finds its place in the raw topic.
 */
export async function capture(context: ServiceContext): Promise<void> {
  const { pipeline, log, signal } = context;
  const topic = topicsOf(pipeline.name).raw;
  const name = sourceObjectName(pipeline.name);
  const { partitions } = pipeline.log;
  await log.createTopics([{ topic, partitions }]);
  const recovered = await recover(log, topic, partitions);
  const source = await connect('source', pipeline.source.url, { applicationName: 'ferry capture' });
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  try {
    const plans = await prepareSource(source, context, name, recovered);
    const run = new CaptureRun(context, topic, recovered, plans);
    await using stream = await openReplicationStream(
      { url: pipeline.source.url, slot: name, publication: name },
      (message) => run.take(message),
    );
    run.publisher.attach(stream);
    context.running();
    const snapshot = copyTables(plans, {
      connect: () => connect('source', pipeline.source.url, { applicationName: 'ferry capture snapshot' }),
      windows: run.windows,
      states: run.tables,
      drained: () => run.publisher.drained(),
      chunkRows: pipeline.capture.snapshotChunkRows,
      chunkBytes: pipeline.capture.snapshotChunkBytes,
      parallelTables: pipeline.capture.snapshotParallelTables,
      signal: both,
    });
    const states = run.putStates(both);
    const heartbeats = heartbeat(source, pipeline.capture.heartbeatIntervalMs, both);
    await Promise.race([
      stream.ended,
      run.publisher.failed,
      states,
      heartbeats,
      snapshot.then(
        () => new Promise<void>((resolve) => both.addEventListener('abort', () => resolve(), { once: true })),
      ),
    ]);
    stop.abort();
    await Promise.all([snapshot, heartbeats, states]);
    await run.publisher.flush();
    await run.putState();
  } catch (error) {
    throw classify('source', error, `capturing from ${describeUrl(pipeline.source.url)}`);
  } finally {
    stop.abort();
    await endSession(source);
  }
}

async function prepareSource(
  source: pg.Client,
  { pipeline, logger, signal }: ServiceContext,
  name: string,
  recovered: Recovered,
): Promise<TablePlan[]> {
  const { rows } = await source.query<{ wal_level: string }>('SHOW wal_level');
  if (rows[0]!.wal_level !== 'logical') {
    throw new FerryError('wal-level', `the source's wal_level is ${rows[0]!.wal_level}, not logical`);
  }
  const tables = pipeline.tables.map((mapping) => mapping.source);
  const plans: TablePlan[] = [];
  for (const mapping of pipeline.tables) plans.push(await readMappedPlan(source, mapping));
  await ensurePublication(source, name, tables);
  await whileSaid(
    () => ensureSlot(source, name, recovered.loggedThrough),
    () => logger.warn({ slot: name }, 'creating the slot waits for transactions that are open on the source'),
    // A session that waits does not notice that its client is gone.
    () =>
      void cancelQuery(pipeline.source.url, source).catch((error: unknown) =>
        logger.debug({ err: error }, 'not cancelled'),
      ),
    signal,
  );
  logger.info({ slot: name, tables: tables.length, resumeAt: recovered.nextOffsets }, 'capturing');
  return plans;
}

const SAY_AFTER_MS = 3_000;

/** Says that something takes long, and cancels it when the service stops. */
async function whileSaid(
  work: () => Promise<void>,
  say: () => void,
  cancel: () => void,
  signal: AbortSignal,
): Promise<void> {
  const timer = setTimeout(say, SAY_AFTER_MS);
  signal.addEventListener('abort', cancel, { once: true });
  try {
    await work();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
  }
}

async function cancelQuery(url: string, client: pg.Client): Promise<void> {
  const other = await connect('source', url, { applicationName: 'ferry capture cancel' });
  const { processID } = client as unknown as { processID: number };
  await other.query('SELECT pg_catalog.pg_cancel_backend($1)', [processID]).finally(() => other.end());
}

/** A source that does not answer for so long counts as unreachable, though its connections stand. */
const ANSWER_WITHIN_MS = 10_000;

/** Emits heartbeats, so that lag is true on an idle source and its WAL is released. */
async function heartbeat(source: pg.Client, intervalMs: number, signal: AbortSignal): Promise<void> {
  const emit = {
    text: "SELECT pg_catalog.pg_logical_emit_message(true, $1, '')",
    values: [MESSAGE.heartbeat],
    query_timeout: ANSWER_WITHIN_MS,
  };
  while (!signal.aborted) {
    await source.query(emit);
    await sleep(intervalMs, undefined, { signal }).catch(() => {});
  }
}

interface Mark {
  readonly tallies: CaptureTallies;
  readonly tables: Map<string, TableSnapshotState>;
  readonly time: string | null;
}

/** One connection's moving parts: encoder, publisher, and the state that is put down each second. */
class CaptureRun {
  readonly #context: ServiceContext;
  readonly #topic: string;
  readonly #encoder: RawEncoder;
  readonly #tallies: CaptureTallies;
  readonly tables: Map<string, TableSnapshotState>;
  readonly windows = new SnapshotWindows();
  readonly publisher: Publisher<Mark | undefined>;
  readonly #nextOffsets: number[];
  #through: Lsn;
  #markDue = true;
  /** What has become durable since the state was last put down. */
  #durable: (Mark & { nextOffsets: readonly number[]; through: Lsn }) | undefined;

  constructor(context: ServiceContext, topic: string, recovered: Recovered, plans: readonly TablePlan[]) {
    this.#context = context;
    this.#topic = topic;
    this.#tallies = recovered.tallies;
    this.tables = recovered.tables;
    this.#nextOffsets = [...recovered.nextOffsets];
    this.#through = recovered.loggedThrough ?? LSN_ZERO;
    for (const plan of plans) this.#prepareTable(plan, recovered.moved);
    const output = new RawOutput(recovered.resume);
    this.#encoder = new RawEncoder({
      output,
      windows: this.windows,
      tables: new Map(plans.map((plan) => [displayName(plan.relation), plan])),
      tallies: this.#tallies,
      onChunk: (table, rows, mark) => this.tables.set(table, afterChunk(this.tables.get(table)!, rows, mark)),
    });
    this.publisher = new Publisher({
      log: context.log,
      topic,
      output,
      committedThrough: () => this.#encoder.committedThrough,
      snapshot: () => this.#mark(),
      onAppended: ({ through, batches }, mark) => {
        for (const { partition, values } of batches) this.#nextOffsets[partition]! += values.length;
        this.#through = maxLsn(this.#through, through);
        if (mark) this.#durable = { ...mark, nextOffsets: [...this.#nextOffsets], through: this.#through };
      },
    });
  }

  take(message: Buffer): void {
    const before = this.#encoder.capturedChanges;
    this.#encoder.take(message);
    this.#context.passed(this.#encoder.capturedChanges - before);
    this.publisher.poke();
  }

  async putStates(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(STATE_INTERVAL_MS, undefined, { signal }).catch(() => {});
      await this.putState();
    }
  }

  async putState(): Promise<void> {
    const durable = this.#durable;
    this.#durable = undefined;
    this.#markDue = true;
    if (durable) await this.#context.log.control.put(CAPTURE_STATE, captureState(this.#topic, durable));
  }

  #prepareTable(plan: TablePlan, moved: ReadonlyMap<string, readonly MovedRow[]>): void {
    const name = displayName(plan.relation);
    const state = this.tables.get(name) ?? NOT_STARTED;
    this.tables.set(name, state);
    if (state.done) return;
    const keys = (moved.get(name) ?? []).map(({ columns, row }) =>
      JSON.stringify(plan.key.map((column) => row[columns.indexOf(column)] || '')),
    );
    this.windows.tableStarted(plan, [...state.rereads, ...keys]);
  }

  /** A copy of the counts as of the records that are being appended; made once a second. */
  #mark(): Mark | undefined {
    if (!this.#markDue) return undefined;
    this.#markDue = false;
    const { read, deduplicated, captured } = this.#tallies;
    return {
      tallies: { read: new Map(read), deduplicated: new Map(deduplicated), captured: new Map(captured) },
      tables: this.windows.withRereads(this.tables),
      time: this.#encoder.committedTime,
    };
  }
}

/** Often enough for a progress bar; a start reads at most so much of the log again. */
const STATE_INTERVAL_MS = 500;

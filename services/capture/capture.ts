import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { MESSAGE } from '../../core/record.js';
import { sourceObjectName, topicsOf } from '../../core/topics.js';
import { classify, connect, describeUrl, endSession } from '../../platform/postgres.js';
import type { ServiceContext } from '../../platform/service.js';
import { watchSession } from '../../platform/session-watch.js';
import { cancelQuery } from './adapters/cancel-query.js';
import { openReplicationStream } from './adapters/replication-stream.js';
import { recognizeSource } from './adapters/server-identity.js';
import { readCatalogColumns, readCatalogOnceSeen, readSnapshot, readTableNames } from './adapters/source-catalog.js';
import { CaptureRun } from './capture-run.js';
import { PartitionWatch } from './partition-watch.js';
import { findTables, prepareSource } from './prepare-source.js';
import { recover } from './recover.js';
import { RelationCatalog } from './relation-catalog.js';
import { repairRows } from './snapshot/repair.js';
import { SnapshotBrake } from './snapshot/snapshot-brake.js';
import { copyPartition, copyTables, type SnapshotOptions, withAborted } from './snapshot/snapshot-loop.js';

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
    await recognizeSource(source, context, recovered.loggedThrough);
    const tables = await findTables(source, context, recovered);
    const plans = await prepareSource(source, context, name, tables, recovered);
    const catalog = new RelationCatalog(
      await readCatalogColumns(
        source,
        plans.map(({ relation }) => relation.id),
      ),
    );
    const run = new CaptureRun(context, {
      topic,
      recovered: { ...recovered, tables: tables.states },
      plans,
      catalog,
      askCatalog: (relation, xid) => readCatalogOnceSeen(source, relation, xid),
      askSnapshot: () => readSnapshot(source),
    });
    // Whatever ends this run: its last append has arrived before the next one looks for the end of the log.
    await using publisher = run.publisher;
    await using stream = await openReplicationStream(
      { url: pipeline.source.url, slot: name, publication: name },
      (message) => run.take(message),
    );
    publisher.attach(stream);
    context.running();
    const walBudget = new SnapshotBrake(pipeline.capture);
    const copying: SnapshotOptions = {
      connect: () => openSnapshotSession(pipeline.source.url),
      cancel: (session) => cancelQuery(pipeline.source.url, session),
      windows: run.windows,
      states: run.tables,
      drained: async () => {
        await publisher.drained();
        await walBudget.room(both);
      },
      stream: run,
      chunkRows: pipeline.capture.snapshotChunkRows,
      chunkBytes: pipeline.capture.snapshotChunkBytes,
      maxRowBytes: pipeline.capture.maxRowBytes,
      parallelTables: pipeline.capture.snapshotParallelTables,
      areThere: pipeline.wayBackOf !== undefined,
      signal: both,
    };
    const watch = new PartitionWatch({
      source,
      plans: run.plans,
      states: run.tables,
      stream: run,
      copy: (plan, partition) => copyPartition(plan, partition, copying),
    });
    await watch.begin();
    const untilStopped = [
      copyTables(run.copies, copying),
      repairRows(run.repairs, withAborted(copying), context.logger),
      run.putStates(both),
      heartbeat(source, pipeline.capture.heartbeatIntervalMs, both),
      watch.run(both),
      watchTables(source, run, both),
      walBudget.measure(source, name, both),
    ];
    await Promise.race([stream.ended, publisher.failed, run.asking, ...untilStopped]);
    stop.abort();
    await Promise.all(untilStopped);
    await publisher.flush();
    await run.putState();
  } catch (error) {
    throw classify('source', error, `capturing from ${describeUrl(pipeline.source.url)}`);
  } finally {
    stop.abort();
    await endSession(source);
  }
}

async function openSnapshotSession(url: string): Promise<pg.Client> {
  const session = await connect('source', url, { applicationName: 'ferry capture snapshot' });
  watchSession(session, { side: 'source', url });
  return session;
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

/** Often enough to say so before anybody asks why nothing of the table comes any more. */
const WATCH_INTERVAL_MS = 5_000;

/** The stream does not say that a table was dropped. */
async function watchTables(source: pg.Client, run: CaptureRun, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(WATCH_INTERVAL_MS, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    const names = await readTableNames(source, run.captured);
    for (const oid of run.captured) if (!names.has(oid)) run.dropped(oid);
  }
}

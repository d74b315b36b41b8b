import { once } from 'node:events';
import type { Client } from 'pg';
import { expect, test } from 'vitest';
import { formatLsn, LSN_ZERO, type Lsn, parseLsn } from '../../../core/lsn.js';
import { sourceObjectName, topicsOf } from '../../../core/topics.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import { silentLogger } from '../../../platform/logger.js';
import { createMetrics } from '../../../platform/metrics.js';
import { openReplicationStream } from '../../../services/capture/adapters/replication-stream.js';
import { capture } from '../../../services/capture/capture.js';
import { decode } from '../../../services/capture/pgoutput/decode.js';
import type { ReplicationStream } from '../../../services/capture/ports.js';
import { Publisher } from '../../../services/capture/publisher.js';
import { RawEncoder } from '../../../services/capture/raw-encoder.js';
import { RawOutput } from '../../../services/capture/raw-output.js';
import { recover } from '../../../services/capture/recover.js';
import { readTablePlan } from '../../../services/capture/snapshot/table-plan.js';
import { SnapshotWindows } from '../../../services/capture/snapshot/windows.js';
import { forEachDriver } from '../../support/drivers.js';
import { eventually } from '../../support/eventually.js';
import { makePipeline, type Pipeline, startPipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';

const ONE_TABLE = {
  schemaSql: 'CREATE TABLE public.t (id int PRIMARY KEY, v text)',
  tables: { growth: fromPublic('t') },
} as const;

/** Commits pairs of interleaved transactions at the same moment, so that commit records come to touch. */
async function commitPairs(pipeline: Pipeline, pairs: number): Promise<void> {
  const sessions = await Promise.all([pipeline.connect('source'), pipeline.connect('source')]);
  for (let pair = 0; pair < pairs; pair++) {
    for (const [i, session] of sessions.entries()) {
      await session.query(`BEGIN; INSERT INTO public.t VALUES (${pair * 2 + i}, 'pair')`);
    }
    await Promise.all(sessions.map((session) => session.query('COMMIT')));
  }
}

async function confirmedFlush(source: Client, pipeline: Pipeline): Promise<Lsn> {
  const { rows } = await source.query<{ lsn: string }>(
    'SELECT confirmed_flush_lsn AS lsn FROM pg_catalog.pg_replication_slots WHERE slot_name = $1',
    [sourceObjectName(pipeline.config.name)],
  );
  return parseLsn(rows[0]!.lsn);
}

/** A message handler that stops taking anything where a transaction begins at the very end of the one before it. */
function untilCommitsTouch(take: (message: Buffer) => void): { onMessage(message: Buffer): void; end: Promise<Lsn> } {
  let commitEnd: Lsn | undefined;
  let isOver = false;
  let found: (end: Lsn) => void;
  const end = new Promise<Lsn>((resolve) => {
    found = resolve;
  });
  const onMessage = (message: Buffer) => {
    if (isOver) return;
    const decoded = decode(message);
    if (decoded.tag === 'begin' && decoded.commitLsn === commitEnd) {
      isOver = true;
      found(commitEnd);
      return;
    }
    if (decoded.tag === 'commit') commitEnd = decoded.commitEnd;
    take(message);
  };
  return { onMessage, end };
}

/** Capture's own parts over the given log, until the first of two transactions whose commits touch is in it. */
async function captureFirstOfTwo(pipeline: Pipeline, log: EventLog): Promise<Lsn> {
  const topic = topicsOf(pipeline.config.name).raw;
  const slot = sourceObjectName(pipeline.config.name);
  const { resume, tallies } = await recover(log, topic, 1);
  const output = new RawOutput(resume);
  const windows = new SnapshotWindows();
  const plan = await readTablePlan(pipeline.source, { schema: 'public', table: 't' });
  const tables = new Map([['public.t', plan]]);
  const encoder = new RawEncoder({ output, windows, tables, tallies, onChunk: () => {} });
  let acknowledged = LSN_ZERO;
  const publisher = new Publisher({
    log,
    topic,
    output,
    committedThrough: () => encoder.committedThrough,
    snapshot: () => undefined,
    onAppended: ({ through }) => {
      acknowledged = through;
    },
  });
  const { onMessage, end } = untilCommitsTouch((message) => {
    encoder.take(message);
    publisher.poke();
  });
  const url = pipeline.config.source.url;
  const stream: ReplicationStream = await openReplicationStream({ url, slot, publication: slot }, onMessage);
  publisher.attach(stream);
  const first = await Promise.race([end, stream.ended.then(() => expect.fail('the stream ended')), publisher.failed]);
  await publisher.flush();
  expect(formatLsn(acknowledged)).toBe(formatLsn(first));
  await stream[Symbol.asyncDispose]();
  return first;
}

forEachDriver('the acknowledgement boundary', (driver) => {
  test('a transaction whose commit touches the acknowledged one is sent again to the next capture', async () => {
    await using pipeline = await startPipeline({ ...ONE_TABLE, driver });
    await pipeline.capture.stop();
    // Others write to the same WAL: of many, some follow each other at once.
    await commitPairs(pipeline, 300);
    const first = await (async () => {
      await using log = await pipeline.openLog();
      return await captureFirstOfTwo(pipeline, log);
    })();
    // The server reads the last acknowledgement in its own time, and none is beyond it.
    await eventually(async () => (await confirmedFlush(pipeline.source, pipeline)) >= first, {
      what: formatLsn(first),
    });
    expect(formatLsn(await confirmedFlush(pipeline.source, pipeline))).toBe(formatLsn(first));
    pipeline.capture.start();
    await pipeline.expectApplied();
  });

  test('nothing is acknowledged that the log does not hold: while an append hangs, the slot stays', async () => {
    await using pipeline = await makePipeline({ ...ONE_TABLE, driver });
    await using log = await pipeline.openLog();
    const stop = new AbortController();
    const raw = topicsOf(pipeline.config.name).raw;
    let isHanging = false;
    let hung: () => void;
    const hanging = new Promise<void>((resolve) => {
      hung = resolve;
    });
    const stuck: EventLog = Object.assign(Object.create(log) as EventLog, {
      control: log.control,
      createTopics: log.createTopics.bind(log),
      takeOver: log.takeOver.bind(log),
      read: log.read.bind(log),
      last: log.last.bind(log),
      endOffset: log.endOffset.bind(log),
      append: async (batches: Parameters<EventLog['append']>[0]) => {
        if (isHanging && batches.some(({ topic }) => topic === raw)) {
          hung();
          await once(stop.signal, 'abort');
          throw new Error('never appended');
        }
        return log.append(batches);
      },
    });
    const captured = capture({
      pipeline: pipeline.config,
      log: stuck,
      logger: silentLogger,
      metrics: createMetrics('capture', pipeline.config.name, () => true),
      signal: stop.signal,
      running: () => {},
      passed: () => {},
      part: () => ({ running: () => {}, waits: () => {}, ended: () => {} }),
    }).catch((error: Error) => error);
    await pipeline.until(
      'some heartbeats to be in the log',
      async () => (await log.endOffset({ topic: raw, partition: 0 })) > 3,
    );
    isHanging = true;
    await hanging;
    const inLog = (await recover(log, raw, 1)).loggedThrough!;
    await pipeline.source.query("INSERT INTO public.t VALUES (1, 'not in the log')");
    // Three times as long as capture waits between two status messages.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const confirmed = await confirmedFlush(pipeline.source, pipeline);
    expect(confirmed <= inLog, `${formatLsn(confirmed)} <= ${formatLsn(inLog)}`).toBe(true);
    stop.abort();
    await captured;
    expect((await confirmedFlush(pipeline.source, pipeline)) <= inLog).toBe(true);
    pipeline.start();
    await pipeline.untilStreaming();
    await pipeline.expectApplied();
  });

  test('transactions that leave nothing in the log do not move the slot beyond it', async () => {
    await using pipeline = await startPipeline({
      ...ONE_TABLE,
      driver,
      // Long enough that no heartbeat follows.
      capture: { heartbeatIntervalMs: 600_000 },
    });
    await pipeline.untilApplied();
    const { rows } = await pipeline.source.query<{ lsn: string }>(
      "SELECT pg_catalog.pg_logical_emit_message(true, 'of an application', 'x') AS lsn",
    );
    await pipeline.until('capture to have received it', async () => {
      const { rows: sent } = await pipeline.source.query<{ lsn: string }>(
        "SELECT max(sent_lsn) AS lsn FROM pg_catalog.pg_stat_replication WHERE application_name = 'ferry capture stream'",
      );
      return parseLsn(sent[0]!.lsn) > parseLsn(rows[0]!.lsn);
    });
    // Its last words to the source are an acknowledgement.
    await pipeline.capture.stop();
    await using log = await pipeline.openLog();
    const inLog = (await recover(log, topicsOf(pipeline.config.name).raw, 1)).loggedThrough!;
    expect((await confirmedFlush(pipeline.source, pipeline)) <= inLog).toBe(true);
    pipeline.capture.start();
    await pipeline.source.query("INSERT INTO public.t VALUES (1, 'after')");
    await pipeline.expectApplied();
  });
});

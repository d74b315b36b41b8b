import type pg from 'pg';
import type { ClientBase } from 'pg';
import { domainSchemas } from '../../../core/mapping.js';
import { partitionsOf, topicsOf } from '../../../core/topics.js';
import type { EventLog } from '../../../platform/event-log/port.js';
import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { limitedTo } from '../../../platform/time-limit.js';
import { readLedger } from '../status/read-ledger.js';
import type { TimedReport } from '../verify/record.js';
import { waitUntilDrained, writeMarker } from './marker.js';
import type { PausedStep } from './move-steps.js';
import { VERIFY_LANES } from './pause-plan.js';
import { planSequences } from './sequences.js';

/** How long a step of the pause will take, and what that is taken from. */
export interface Prediction {
  readonly ms: number;
  readonly basis: string;
}

export type PausePrediction = Readonly<Record<PausedStep, Prediction>>;

export function predictedMs(prediction: PausePrediction): number {
  return Math.ceil(Object.values(prediction).reduce((sum, { ms }) => sum + ms, 0));
}

export interface PredictParts {
  readonly pipeline: LoadedPipeline;
  readonly log: EventLog;
  readonly source: ClientBase;
  readonly target: ClientBase;
  readonly connectSource: () => Promise<pg.Client>;
  readonly connectTarget: () => Promise<pg.Client>;
  /** Tables that are to be compared again in the pause. */
  readonly again: readonly TimedReport[];
  /** What takes longer than this need not be measured to its end. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/** Does what the pause will do, as far as that changes nothing, and measures it. */
export async function predictPause(parts: PredictParts): Promise<PausePrediction> {
  const { pipeline, log, source, target, again } = parts;
  const writersMs = await oldestWriterMs(source);
  // A message is a commit that changes nothing; every role may write one.
  const sourceCommitMs = await timed(() =>
    source.query("SELECT pg_catalog.pg_logical_emit_message(true, 'ferry', '')"),
  );
  const targetCommitMs = await timed(() =>
    target.query(
      "BEGIN; SET LOCAL synchronous_commit = 'on'; SELECT pg_catalog.pg_logical_emit_message(true, 'ferry', ''); COMMIT",
    ),
  );
  const drainMs = await timed(() => passMarker(parts));
  const ledgerMs = await timed(() => readLedger(pipeline, log, target));
  const sequencesMs = await timed(() => planSequences(source, target, pipeline));
  const sessionsMs = again.length > 0 ? await timed(() => openBoth(parts)) : 0;
  const verifyMs = sessionsMs + again.reduce((sum, { ms }) => sum + ms / VERIFY_LANES, 0);
  const writing =
    writersMs === null ? 'no transaction writes' : `the oldest that writes is open for ${round(writersMs)} ms`;
  return {
    fence: {
      ms: (writersMs ?? 0) + 2 * sourceCommitMs,
      basis: `${writing}, a commit takes ${round(sourceCommitMs)} ms`,
    },
    marker: { ms: 2 * sourceCommitMs, basis: 'two commits on the source' },
    drained: { ms: drainMs, basis: 'a marker went through the pipeline' },
    ledger: { ms: ledgerMs, basis: 'read once' },
    verified: { ms: verifyMs, basis: `what ${again.length} tables took last, and sessions` },
    sequences: { ms: sequencesMs + targetCommitMs, basis: 'read, and a commit' },
    turn: { ms: sourceCommitMs + targetCommitMs, basis: 'a commit on either side' },
    admit: { ms: targetCommitMs, basis: `a commit takes ${round(targetCommitMs)} ms` },
    flag: { ms: 2 * targetCommitMs, basis: `a commit takes ${round(targetCommitMs)} ms` },
  };
}

async function openBoth({ connectSource, connectTarget }: PredictParts): Promise<void> {
  const source = await connectSource();
  const target = await connectTarget().finally(() => source.end());
  await target.end();
}

/** As the pause will: with all the lag that there is, under the load that there is. */
async function passMarker({ pipeline, source, target, limitMs, signal }: PredictParts): Promise<void> {
  const topics = domainSchemas(pipeline.tables).map(topicsOf(pipeline.name, pipeline.mappingVersion).domain);
  const ending = limitedTo(limitMs, signal);
  const marker = await writeMarker(source, 'prediction');
  const passed = waitUntilDrained(target, pipeline.name, partitionsOf(topics, pipeline.log.partitions), marker, ending);
  // It takes longer than it may: that is known then, and what exactly does not matter.
  await passed.catch((error: unknown) => {
    if (!ending.aborted) throw error;
  });
  signal.throwIfAborted();
}

/** The fence waits for whoever is writing; how long somebody has been is the best guess of how long they will be. */
async function oldestWriterMs(source: ClientBase): Promise<number | null> {
  const { rows } = await source.query<{ ms: string | null }>(
    `SELECT extract(epoch FROM clock_timestamp() - min(xact_start)) * 1000 AS ms FROM pg_catalog.pg_stat_activity
      WHERE datname = pg_catalog.current_database() AND backend_xid IS NOT NULL AND application_name !~ '^ferry( |$)'`,
  );
  return rows[0]!.ms === null ? null : Number(rows[0]!.ms);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}

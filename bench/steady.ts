import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { type Layout, session, tableName } from './workload.js';

export interface Latencies {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

const PROBES_PER_SECOND = 20;
const CHANGES_PER_TRANSACTION = 5;

/**
 * Commit to visible: 20 probe rows a second under `rate` changes a second in transactions of five, over three tables.
 * @param probeBase first id of the probes; another one for each call.
 */
export async function measureLatency(
  sourceUrl: string,
  target: pg.Client,
  options: { layout: Layout; rate: number; seconds: number; probeBase: number },
): Promise<Latencies> {
  const [writer, prober] = [await session(sourceUrl), await session(sourceUrl)];
  const stop = performance.now() + options.seconds * 1_000 + 1_000;
  try {
    const writing = write(writer, options, stop);
    await sleep(1_000);
    const latencies = await probe(prober, target, options);
    await writing;
    return percentiles(latencies);
  } finally {
    await Promise.all([writer.end(), prober.end()]);
  }
}

async function write(client: pg.Client, options: { rate: number; probeBase: number }, stop: number): Promise<void> {
  const gapMs = (CHANGES_PER_TRANSACTION / options.rate) * 1_000;
  const startedAt = performance.now();
  for (let i = 0; performance.now() < stop; i++) {
    const wait = startedAt + i * gapMs - performance.now();
    if (wait > 0.5) await sleep(wait);
    const id = options.probeBase + 1_000_000 + i;
    await client.query(`BEGIN;
      UPDATE accounts SET balance = ${i} / 100.0, updated_at = clock_timestamp() WHERE id = ${100_001 + ((i * 7_919) % 100_000)};
      UPDATE artifacts SET title = 'steady ${i}', score = ${i} WHERE id = md5('artifact-${200_001 + ((i * 7_919) % 200_000)}')::uuid;
      INSERT INTO events(id, account_id, type, payload, at) VALUES (${id}, 1, 'steady', '{"seq":${i},"ok":true}', clock_timestamp());
      INSERT INTO artifacts VALUES (md5('steady-${id}')::uuid, 1, 'note', 't', '${'lorem '.repeat(30)}', 1.5, '{a,b}', clock_timestamp());
      UPDATE events SET type = 'steady2' WHERE id = ${200_001 + ((i * 7_919) % 200_000)};
      COMMIT`);
  }
}

/** @returns ms from each probe's acknowledged commit to its being seen in the target. */
async function probe(
  source: pg.Client,
  target: pg.Client,
  options: { layout: Layout; seconds: number; probeBase: number },
): Promise<number[]> {
  const waiting = new Map<number, number>();
  const latencies: number[] = [];
  let isDone = false;
  const watching = (async () => {
    while (!isDone || waiting.size > 0) {
      if (waiting.size > 0) {
        const { rows } = await target.query<{ id: string }>(
          `SELECT id FROM ${tableName(options.layout, 'events')} WHERE id IN (${[...waiting.keys()].join(',')})`,
        );
        const seenAt = performance.now();
        for (const row of rows) {
          latencies.push(seenAt - waiting.get(Number(row.id))!);
          waiting.delete(Number(row.id));
        }
      }
      await sleep(1);
    }
  })();
  const startedAt = performance.now();
  for (let i = 0; i < options.seconds * PROBES_PER_SECOND; i++) {
    await sleep(Math.max(0, startedAt + (i * 1_000) / PROBES_PER_SECOND - performance.now()));
    const id = options.probeBase + i;
    await source.query(
      `INSERT INTO events(id, account_id, type, payload, at) VALUES (${id}, 1, 'probe', '{}', clock_timestamp())`,
    );
    waiting.set(id, performance.now());
  }
  isDone = true;
  await watching;
  return latencies;
}

function percentiles(latencies: number[]): Latencies {
  const sorted = [...latencies].sort((a, b) => a - b);
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]! * 10) / 10;
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
}

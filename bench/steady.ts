import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { session } from './workload.js';

export interface Latencies {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** What is written while latency is measured, and where a written row is looked for. */
export interface SteadyWork {
  /** Transactions a second. */
  readonly rate: number;
  /** The statements of the i-th transaction. */
  readonly transaction: (i: number) => string;
  /** The statement that inserts a probe row at the source. */
  readonly probe: (id: number) => string;
  /** The target's table of probes. */
  readonly probed: string;
}

const PROBES_PER_SECOND = 20;
/** Before the first probe: what was never called this way is compiled meanwhile, in Node as in the broker's Java. */
const WARM_UP_MS = 10_000;

/**
 * Commit to visible: 20 probe rows a second while the work goes on.
 * @param probeBase first id of the probes; another one for each call.
 */
export async function measureLatency(
  sourceUrl: string,
  target: pg.Client,
  work: SteadyWork,
  options: { seconds: number; probeBase: number },
): Promise<Latencies> {
  const [writer, prober] = [await session(sourceUrl), await session(sourceUrl)];
  const stop = performance.now() + WARM_UP_MS + options.seconds * 1_000;
  try {
    const writing = write(writer, work, stop);
    await sleep(WARM_UP_MS);
    const latencies = await probe(prober, target, work, options);
    await writing;
    return percentiles(latencies);
  } finally {
    await Promise.all([writer.end(), prober.end()]);
  }
}

async function write(client: pg.Client, { rate, transaction }: SteadyWork, stop: number): Promise<void> {
  const startedAt = performance.now();
  for (let i = 0; performance.now() < stop; i++) {
    const wait = startedAt + (i * 1_000) / rate - performance.now();
    if (wait > 0.5) await sleep(wait);
    await client.query(`BEGIN; ${transaction(i)}; COMMIT`);
  }
}

/** @returns ms from each probe's acknowledged commit to its being seen in the target. */
async function probe(
  source: pg.Client,
  target: pg.Client,
  work: SteadyWork,
  options: { seconds: number; probeBase: number },
): Promise<number[]> {
  const waiting = new Map<number, number>();
  const latencies: number[] = [];
  let isDone = false;
  const watching = (async () => {
    while (!isDone || waiting.size > 0) {
      if (waiting.size > 0) {
        const { rows } = await target.query<{ id: string }>(
          `SELECT id FROM ${work.probed} WHERE id IN (${[...waiting.keys()].join(',')})`,
        );
        const seenAt = performance.now();
        for (const row of rows) {
          latencies.push(seenAt - waiting.get(Number(row.id))!);
          waiting.delete(Number(row.id));
        }
      }
      await sleep(2);
    }
  })();
  const startedAt = performance.now();
  for (let i = 0; i < options.seconds * PROBES_PER_SECOND; i++) {
    await sleep(Math.max(0, startedAt + (i * 1_000) / PROBES_PER_SECOND - performance.now()));
    const id = options.probeBase + i;
    await source.query(work.probe(id));
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

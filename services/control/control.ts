import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { sourceObjectName } from '../../core/topics.js';
import { ensureControlSchema } from '../../platform/control-schema.js';
import { classify, connect, describeUrl, endSession } from '../../platform/postgres.js';
import { readSlot } from '../../platform/read-slot.js';
import type { ServiceContext } from '../../platform/service.js';
import { watchSession } from '../../platform/session-watch.js';
import { pipelineGauges, STALE_AFTER_MS } from './gauges.js';
import { PartitionGuard } from './partition-guard.js';
import type { PipelineStatus } from './status/pipeline-status.js';
import { readStatus } from './status/read-status.js';
import { WalWatch } from './wal-watch.js';

const MEASURE_INTERVAL_MS = 1_000;
const SAY_EVERY_MS = 10_000;

/** Control: measures the pipeline each second and serves what it measured as metrics. */
export async function control(context: ServiceContext): Promise<void> {
  const { pipeline, log, signal, logger } = context;
  const gauges = pipelineGauges(context.metrics.registry);
  const sides = new Sides(context);
  const walWatch = new WalWatch(context);
  const partitionGuard = new PartitionGuard(context);
  const slotName = sourceObjectName(pipeline.name);
  // A session that breaks while control measures is tried again, as one that cannot be opened is.
  const brokenSource = (error: unknown) =>
    classify('source', error, `the replication slot ${slotName} at ${describeUrl(pipeline.source.url)}`);
  let said = { phase: '', at: 0 };
  try {
    while (!signal.aborted) {
      const [source, target] = await sides.open();
      const status = await readStatus(pipeline, { log, source, target });
      const slot = source instanceof Error ? source : await readSlot(source, slotName).catch(brokenSource);
      const { walBudgetBytes } = pipeline.capture;
      gauges.set({ status, slot: slot instanceof Error ? undefined : slot, walBudgetBytes });
      if (source instanceof Error || slot instanceof Error) throw slot;
      await walWatch.look(source, slot).catch((error: unknown) => {
        throw brokenSource(error);
      });
      if (target instanceof Error) throw target;
      await partitionGuard.look(source, target);
      // Not said where lag is unknown, nor while a measurement hangs: then it stops being ready.
      if (isMeasured(status)) context.running({ forMs: STALE_AFTER_MS });
      if (said.phase !== status.phase || Date.now() - said.at > SAY_EVERY_MS) {
        said = { phase: status.phase, at: Date.now() };
        const { bytes, seconds } = status.lag;
        logger.info({ phase: status.phase, lagBytes: bytes, lagSeconds: seconds, serving: status.serving }, 'measured');
      }
      await sleep(MEASURE_INTERVAL_MS, undefined, { signal }).catch(() => {});
    }
  } finally {
    await sides.close();
  }
}

/** Lag is known at every stage, or there is none to know yet. */
function isMeasured({ phase, lag }: PipelineStatus): boolean {
  if (phase === 'snapshot' || phase === 'not-started') return true;
  return [lag.captured, lag.transformed, lag.applied].every(({ bytes, seconds }) => bytes !== null && seconds !== null);
}

/** Sessions to both sides, opened again after they broke. */
class Sides {
  readonly #context: ServiceContext;
  #source: pg.Client | undefined;
  #target: pg.Client | undefined;

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  async open(): Promise<[pg.Client | Error, pg.Client | Error]> {
    const { source, target } = this.#context.pipeline;
    const options = { applicationName: 'ferry control', settings: { statement_timeout: '30s' } };
    return Promise.all([
      this.#source ??
        connect('source', source.url, options).then(
          (client) => {
            watchSession(client, { side: 'source', url: source.url });
            client.once('end', () => {
              this.#source = undefined;
            });
            this.#source = client;
            return client;
          },
          (error: Error) => error,
        ),
      this.#target ??
        connect('target', target.url, options)
          .then(async (client) => {
            watchSession(client, { side: 'target', url: target.url });
            await ensureControlSchema(client).catch(async (error: unknown) => {
              await endSession(client);
              throw error;
            });
            client.once('end', () => {
              this.#target = undefined;
            });
            this.#target = client;
            return client;
          })
          .catch((error: unknown) => classify('target', error, `the target ${describeUrl(target.url)}`)),
    ]);
  }

  async close(): Promise<void> {
    for (const client of [this.#source, this.#target]) if (client) await endSession(client);
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { reactionTo } from '../core/errors.js';
import { type MappingOrder, mappingOrderKey, type ServiceName, type ServiceReport } from '../core/service-report.js';
import { Backoff, RETRY } from './backoff.js';
import { openLog } from './event-log/open.js';
import type { EventLog } from './event-log/port.js';
import { startHttpServer } from './http-server.js';
import { LiveConfiguration } from './live-configuration.js';
import type { LoadedPipeline } from './load-pipeline.js';
import { createLogger, type Logger } from './logger.js';
import { createMetrics, type Metrics } from './metrics.js';
import { classifyUnnamed } from './postgres.js';
import { type ServicePart, ServiceStatus } from './service-state.js';

/** What a service's loop works with. */
export interface ServiceContext {
  readonly pipeline: LoadedPipeline;
  readonly log: EventLog;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Fires when the service shall drain and stop. */
  readonly signal: AbortSignal;
  /**
   * The loop is connected and does its work.
   * @param options.forMs it says so again within this time, in ms, or does not count as ready any more.
   */
  running(options?: { readonly forMs: number }): void;
  /** Row changes passed. */
  passed(changes: number): void;
  /** A part of the work, such as a partition, that fails and is tried again on its own. */
  part(name: string): ServicePart;
}

/**
 * Runs one service until it is told to stop: signals, metrics and health, its report each second, and the reaction to
 * errors by their policy: what is transient is tried again with growing pauses, for ever and visibly; the rest halts.
 * @param attempt runs until the signal fires, or throws; started again it must go on where the log and the target
 *   say, as after a crash.
 * @throws FerryError when the service halts.
 */
export async function runService(
  service: ServiceName,
  pipeline: LoadedPipeline,
  attempt: (context: ServiceContext) => Promise<void>,
): Promise<void> {
  const logger = createLogger(service);
  const metrics = createMetrics(service, pipeline.name, () => status.isReady);
  const status = new ServiceStatus(service, metrics);
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once('SIGTERM', onSignal);
  process.once('SIGINT', onSignal);
  // Under a supervisor: it is gone.
  process.once('disconnect', onSignal);
  process.channel?.unref();
  const http = await startHttpServer(pipeline.http, metrics.registry, {
    isAlive: () => status.isAlive,
    isReady: () => status.isReady,
  });
  logger.info({ http: http.url }, 'service started');
  warnOfOpenPassword(pipeline, logger);
  try {
    const configuration = new LiveConfiguration(pipeline, logger);
    await untilStopped({ signal: stop.signal, status, logger, configuration }, async (attempts, again) => {
      await using log = await openLog(pipeline, `ferry-${pipeline.name}-${service}`, logger);
      const signal = AbortSignal.any([stop.signal, again.signal]);
      const context = { pipeline: configuration.pipeline, log, logger, metrics, signal, ...status.hooks };
      const obey = () => obeyOrder(service, log, configuration, again);
      const { digest } = configuration;
      await whileReporting(
        { context, obey, report: () => status.report(http.url, digest), key: status.key },
        async () => {
          try {
            await attempt(context);
            if (!again.signal.aborted) status.stopped();
          } catch (error) {
            if (!again.signal.aborted) attempts.failed(error);
            throw error;
          }
        },
      );
    });
    logger.info('service stopped');
  } catch (error) {
    const { code, message, remedy, details } = classifyUnnamed(error);
    logger.error({ code, remedy, ...details, err: code === 'internal' ? error : undefined }, message);
    throw error;
  } finally {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
    process.off('disconnect', onSignal);
    await http[Symbol.asyncDispose]();
  }
}

/** Said, not refused: on a loopback or behind a proxy that encrypts, brokers are often reached so. */
function warnOfOpenPassword({ log }: LoadedPipeline, logger: Logger): void {
  if (log.brokers.length === 0 || log.sasl?.mechanism !== 'plain' || log.tls) return;
  logger.warn('log.sasl sends the Kafka password in the clear: add log.tls, or take scram-sha-512');
}

/** An attempt that ran this long worked: the next error begins with a short pause again. */
const WORKED_AFTER_MS = 20_000;

/** Attempts, one after the other, and what follows on the error that ended one. */
class Attempts {
  readonly #status: ServiceStatus;
  readonly #backoff = new Backoff(RETRY);
  #startedAt = 0;
  #handled: unknown;
  /** Until the next attempt; undefined when there is none. */
  pauseMs: number | undefined;

  constructor(status: ServiceStatus) {
    this.#status = status;
  }

  begun(): void {
    this.#startedAt = performance.now();
    this.#handled = undefined;
  }

  /** Decides, once for each error, and puts it into the status. */
  failed(thrown: unknown): void {
    if (this.#handled === thrown) return;
    this.#handled = thrown;
    const error = classifyUnnamed(thrown);
    if (performance.now() - this.#startedAt >= WORKED_AFTER_MS) this.#backoff.reset();
    this.pauseMs = reactionTo(error, this.#status.hasWorked) === 'retry' ? this.#backoff.next() : undefined;
    this.#status.failed(error, this.pauseMs === undefined ? 'halted' : 'retrying', this.pauseMs);
  }
}

interface Life {
  readonly signal: AbortSignal;
  readonly status: ServiceStatus;
  readonly logger: Logger;
  readonly configuration: LiveConfiguration;
}

/** @param attempt ends when `again` fires, too: it is begun again with the mapping as it is then. */
async function untilStopped(
  { signal, status, logger, configuration }: Life,
  attempt: (attempts: Attempts, again: AbortController) => Promise<void>,
): Promise<void> {
  const attempts = new Attempts(status);
  while (!signal.aborted) {
    attempts.begun();
    const again = new AbortController();
    try {
      await attempt(attempts, again);
      if (!again.signal.aborted) return;
    } catch (thrown) {
      if (again.signal.aborted && !signal.aborted) continue;
      attempts.failed(thrown);
      // What failed with the mapping of before may not with that of now.
      if (!signal.aborted && (await configuration.readAgain())) continue;
      if (attempts.pauseMs === undefined) throw thrown;
      if (signal.aborted) return;
      const { code, message, remedy } = classifyUnnamed(thrown);
      logger.warn({ code, remedy, pauseMs: attempts.pauseMs }, `${message}; trying again`);
      await sleep(attempts.pauseMs, undefined, { signal }).catch(() => {});
    }
  }
}

/** An operator has changed the mapping: the attempt ends, and another one begins with it. */
async function obeyOrder(
  service: ServiceName,
  log: EventLog,
  configuration: LiveConfiguration,
  again: AbortController,
): Promise<void> {
  const order = (await log.control.get(mappingOrderKey(service))) as MappingOrder | undefined;
  if (!order || order.digest === configuration.digest) return;
  if (Date.now() - Date.parse(order.at) > ORDER_STALE_AFTER_MS) return;
  if (await configuration.readAgain()) again.abort();
}

/** Who was given an order has looked by then whether the files are there. */
const ORDER_STALE_AFTER_MS = 600_000;

interface Reporting {
  readonly context: ServiceContext;
  readonly key: string;
  report(): ServiceReport;
  obey(): Promise<void>;
}

async function whileReporting({ context, key, report, obey }: Reporting, work: () => Promise<void>): Promise<void> {
  const { log, logger } = context;
  const done = new AbortController();
  const put = () => log.control.put(key, report());
  const reporting = (async () => {
    while (!done.signal.aborted) {
      // A lost report is no reason to stop moving rows: the next one follows, and status calls an old one unknown.
      await put().catch((error: unknown) => logger.debug({ err: error }, 'report not written'));
      await obey().catch((error: unknown) => logger.debug({ err: error }, 'orders not read'));
      await sleep(REPORT_INTERVAL_MS, undefined, { signal: done.signal }).catch(() => {});
    }
  })();
  let isLogThere = true;
  try {
    await work();
  } catch (error) {
    // A broker that stands still would hold up who says so by a minute.
    isLogThere = classifyUnnamed(error).code !== 'log-unreachable';
    throw error;
  } finally {
    done.abort();
    if (isLogThere) {
      await reporting;
      await put().catch(() => {});
    }
  }
}

const REPORT_INTERVAL_MS = 1_000;

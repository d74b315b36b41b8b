import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { type FerryError, toFerryError } from '../core/errors.js';
import { REPORT_PREFIX, type ServiceName, type ServiceReport, type ServiceState } from '../core/service-report.js';
import { openLog } from './event-log/open.js';
import type { EventLog } from './event-log/port.js';
import { type HttpServer, startHttpServer } from './http-server.js';
import type { LoadedPipeline } from './load-pipeline.js';
import { createLogger, type Logger } from './logger.js';
import { createMetrics, type Metrics } from './metrics.js';

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
  const status = new Status(service, metrics);
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once('SIGTERM', onSignal);
  process.once('SIGINT', onSignal);
  // Under a supervisor: it is gone.
  process.once('disconnect', onSignal);
  process.channel?.unref();
  const http = await startHttpServer(pipeline.http, metrics.registry, {
    isAlive: () => status.state !== 'halted',
    isReady: () => status.isReady,
  });
  logger.info({ http: http.url }, 'service started');
  warnOfOpenPassword(pipeline, logger);
  try {
    await untilStopped(stop.signal, status, logger, async () => {
      await using log = await openLog(pipeline, `ferry-${pipeline.name}-${service}`, logger);
      await attemptWithReports(
        { pipeline, log, logger, metrics, signal: stop.signal, ...status.hooks },
        status,
        http,
        attempt,
      );
    });
    logger.info('service stopped');
  } catch (error) {
    const { code, message, remedy, details } = toFerryError(error);
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

async function untilStopped(
  signal: AbortSignal,
  status: Status,
  logger: Logger,
  attempt: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    let startedAt = 0;
    const failed = await pRetry(
      () => {
        startedAt = performance.now();
        return attempt();
      },
      {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: 250,
        // Below what makes a report stale: status must not take a service that waits for one that is gone.
        maxTimeout: 4_000,
        randomize: true,
        signal,
        shouldRetry: ({ error }) => {
          const { code, message, remedy, policy } = toFerryError(error);
          status.failed(toFerryError(error));
          if (policy.react !== 'retry' || signal.aborted) return false;
          logger.warn({ code, remedy }, `${message}; trying again`);
          return performance.now() - startedAt < WORKED_AFTER_MS;
        },
      },
    ).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (signal.aborted || failed === undefined) return;
    if (toFerryError(failed).policy.react !== 'retry') throw failed;
  }
}

async function attemptWithReports(
  context: ServiceContext,
  status: Status,
  http: HttpServer,
  attempt: (context: ServiceContext) => Promise<void>,
): Promise<void> {
  const done = new AbortController();
  const report = () => context.log.control.put(status.key, status.report(http.url));
  const reporting = (async () => {
    while (!done.signal.aborted) {
      // A lost report is no reason to stop moving rows: the next one follows, and status calls an old one unknown.
      await report().catch((error: unknown) => context.logger.debug({ err: error }, 'report not written'));
      await sleep(REPORT_INTERVAL_MS, undefined, { signal: done.signal }).catch(() => {});
    }
  })();
  try {
    await attempt(context);
    status.stopped();
  } catch (error) {
    status.failed(toFerryError(error));
    throw error;
  } finally {
    done.abort();
    await reporting;
    await report().catch(() => {});
  }
}

const REPORT_INTERVAL_MS = 1_000;

class Status {
  readonly #service: ServiceName;
  readonly #metrics: Metrics;
  readonly #instance = `${hostname()}:${process.pid}`;
  state: ServiceState = 'starting';
  #error: ServiceReport['error'];
  #runningUntil = 0;
  #changes = 0;
  #reported = { changes: 0, at: performance.now() };

  constructor(service: ServiceName, metrics: Metrics) {
    this.#service = service;
    this.#metrics = metrics;
  }

  readonly hooks = {
    running: ({ forMs = Number.POSITIVE_INFINITY }: { readonly forMs?: number } = {}) => {
      this.state = 'running';
      this.#error = undefined;
      this.#runningUntil = performance.now() + forMs;
    },
    passed: (changes: number) => {
      this.#changes += changes;
      this.#metrics.changes.inc(changes);
    },
  };

  get isReady(): boolean {
    return this.state === 'running' && performance.now() < this.#runningUntil;
  }

  get key(): string {
    return `${REPORT_PREFIX}${this.#service}/${this.#instance}`;
  }

  failed(error: FerryError): void {
    const { code, message, remedy, policy } = error;
    this.state = policy.react === 'retry' ? 'retrying' : 'halted';
    if (this.#error?.code !== code || this.#error.message !== message) {
      this.#error = { code, message, remedy, since: new Date().toISOString() };
    }
    this.#metrics.errors.inc({ code });
  }

  stopped(): void {
    this.state = 'stopped';
  }

  report(http: string): ServiceReport {
    const at = performance.now();
    const seconds = Math.max(0.001, (at - this.#reported.at) / 1_000);
    const rate = Math.round((this.#changes - this.#reported.changes) / seconds);
    this.#reported = { changes: this.#changes, at };
    return {
      service: this.#service,
      instance: this.#instance,
      at: new Date().toISOString(),
      state: this.state,
      ...(this.#error ? { error: this.#error } : {}),
      http,
      rate,
      changes: this.#changes,
    };
  }
}

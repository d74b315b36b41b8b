import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { ServiceName } from '../core/service-report.js';

/** A service's metrics; names and units by Prometheus' conventions, which `promtool check metrics` holds them to. */
export interface Metrics {
  readonly registry: Registry;
  /** Row changes that passed the service. */
  readonly changes: Counter;
  readonly errors: Counter<'code'>;
}

/** Gauges of prom-client that are named like counters; the sum over the series beside each says the same. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** @param isRunning asked at each scrape. */
export function createMetrics(service: ServiceName, pipeline: string, isRunning: () => boolean): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service, pipeline });
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  new Gauge({
    name: 'ferry_running',
    help: '1 while the service does its work, 0 while it starts, waits after an error, or is halted.',
    registers: [registry],
    collect() {
      this.set(isRunning() ? 1 : 0);
    },
  });
  return {
    registry,
    changes: new Counter({
      name: 'ferry_changes_total',
      help: 'Row changes that passed this service.',
      registers: [registry],
    }),
    errors: new Counter({
      name: 'ferry_errors_total',
      help: 'Errors that ended an attempt of the service, by code.',
      labelNames: ['code'],
      registers: [registry],
    }),
  };
}

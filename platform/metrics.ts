import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { ServiceName } from '../core/service-report.js';

/** A service's metrics; names and units by Prometheus' conventions. */
export interface Metrics {
  readonly registry: Registry;
  /** Row changes that passed the service. */
  readonly changes: Counter;
  readonly up: Gauge;
  readonly errors: Counter<'code'>;
}

export function createMetrics(service: ServiceName, pipeline: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service, pipeline });
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    changes: new Counter({
      name: 'ferry_changes_total',
      help: 'Row changes that passed this service.',
      registers: [registry],
    }),
    up: new Gauge({
      name: 'ferry_running',
      help: '1 while the service does its work, 0 while it waits or is halted.',
      registers: [registry],
    }),
    errors: new Counter({
      name: 'ferry_errors_total',
      help: 'Errors by code.',
      labelNames: ['code'],
      registers: [registry],
    }),
  };
}

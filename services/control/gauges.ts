import { Gauge, type Registry } from 'prom-client';
import type { PipelineStatus } from './status/pipeline-status.js';

export interface PipelineGauges {
  set(status: PipelineStatus): void;
}

/** The pipeline's gauges in a registry. Asked again, after an error, it gives those that are there. */
export function pipelineGauges(registry: Registry): PipelineGauges {
  const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> =>
    (registry.getSingleMetric(name) as Gauge<L> | undefined) ??
    new Gauge<L>({ name, help, labelNames: [...labelNames], registers: [registry] });
  const lag = {
    bytes: gauge('ferry_lag_bytes', 'WAL between the source and a stage.', ['stage']),
    seconds: gauge('ferry_lag_seconds', 'Age of what a stage has last.', ['stage']),
  };
  const copied = gauge('ferry_tables_copied', 'Tables whose snapshot is applied.');
  const mapped = gauge('ferry_tables_mapped', 'Tables of the mapping.');
  const deadLetters = gauge('ferry_dead_letters', 'Changes set aside.');
  const serving = gauge('ferry_serving_target', '1 once the flag names the target.');
  return {
    set: (status) => {
      for (const stage of ['captured', 'transformed', 'applied'] as const) {
        for (const unit of ['bytes', 'seconds'] as const) {
          const value = status.lag[stage][unit];
          // Absent, not zero, while it cannot be measured.
          if (value === null) lag[unit].remove({ stage });
          else lag[unit].set({ stage }, value);
        }
      }
      copied.set(status.tables.filter((table) => table.state === 'streaming').length);
      mapped.set(status.tables.length);
      deadLetters.set(status.ledger?.deadLettered ?? Number.NaN);
      serving.set(status.serving === 'target' ? 1 : 0);
    },
  };
}

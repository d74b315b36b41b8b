import { Gauge, type Registry } from 'prom-client';
import type { ServiceState } from '../../core/service-report.js';
import type { SlotState } from '../../platform/read-slot.js';
import type { Phase, PipelineStatus } from './status/pipeline-status.js';

/** What control has measured at one time. */
export interface Measurement {
  readonly status: PipelineStatus;
  /** Undefined where the source or the slot is not there. */
  readonly slot: SlotState | undefined;
  /** Undefined without one. */
  readonly walBudgetBytes?: number | undefined;
}

export interface PipelineGauges {
  set(measurement: Measurement): void;
}

/** A series of a gauge: its labels and its value, null where it is unknown. */
type Series = readonly [labels: Readonly<Record<string, string>>, value: number | null];

interface GaugeSpec {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  /** @param measured undefined while nothing has been measured lately. */
  read(measured: Measurement | undefined): Series[];
}

/** Control measures each second: what is older than this says nothing about now. */
export const STALE_AFTER_MS = 5_000;

/**
 * The pipeline's gauges in a registry, where they replace those of an earlier attempt. What is unknown is absent, never
 * zero and not NaN: no threshold is met by it, no graph draws it, and an alert finds it missing (monitoring/alerts.yml).
 */
export function pipelineGauges(registry: Registry, now: () => number = () => performance.now()): PipelineGauges {
  let measured: (Measurement & { readonly at: number }) | undefined;
  const fresh = () => (measured && now() - measured.at < STALE_AFTER_MS ? measured : undefined);
  for (const { name, help, labelNames = [], read } of GAUGES) {
    registry.removeSingleMetric(name);
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect() {
        this.reset();
        // A gauge without labels is zero before it is set.
        if (labelNames.length === 0) this.remove();
        for (const [labels, value] of read(fresh())) if (value !== null) this.set({ ...labels }, value);
      },
    });
  }
  return {
    set: (measurement) => {
      measured = { ...measurement, at: now() };
    },
  };
}

const STAGES = ['captured', 'transformed', 'applied'] as const;
const PHASES: readonly Phase[] = ['not-started', 'snapshot', 'streaming', 'cut-over', 'finished', 'unknown'];
const STATES: readonly (ServiceState | 'unknown')[] = [
  'starting',
  'running',
  'retrying',
  'halted',
  'stopped',
  'unknown',
];

const lagSeries = (unit: 'bytes' | 'seconds') => (measured: Measurement | undefined) =>
  STAGES.map((stage): Series => [{ stage }, measured?.status.lag[stage][unit] ?? null]);
const single = (value: number | null | undefined): Series[] => [[{}, value ?? null]];
const fact = (is: boolean | undefined) => single(is === undefined ? null : Number(is));

const GAUGES: readonly GaugeSpec[] = [
  {
    name: 'ferry_lag_bytes',
    help: "WAL between the source's end and what a stage has. Absent while unknown.",
    labelNames: ['stage'],
    read: lagSeries('bytes'),
  },
  {
    name: 'ferry_lag_seconds',
    help: 'Age of what a stage has last, 0 when it has everything. Absent while unknown.',
    labelNames: ['stage'],
    read: lagSeries('seconds'),
  },
  {
    name: 'ferry_phase',
    help: '1 for the phase of the pipeline, 0 for the others.',
    labelNames: ['phase'],
    read: (measured) =>
      PHASES.map((phase): Series => [{ phase }, Number((measured?.status.phase ?? 'unknown') === phase)]),
  },
  {
    name: 'ferry_service_state',
    help: '1 for the state that a service has last reported, 0 for the others.',
    labelNames: ['name', 'state'],
    read: (measured) =>
      (measured?.status.services ?? []).flatMap(({ service, state }) =>
        STATES.map((one): Series => [{ name: service, state: one }, Number(one === state)]),
      ),
  },
  {
    name: 'ferry_tables_copied',
    help: 'Tables whose snapshot is applied.',
    read: (measured) => single(measured?.status.tables.filter((table) => table.state === 'streaming').length),
  },
  {
    name: 'ferry_tables_mapped',
    help: 'Tables of the mapping.',
    read: (measured) => single(measured?.status.tables.length),
  },
  {
    name: 'ferry_dead_letters',
    help: 'Changes that were set aside. Absent while unknown.',
    read: (measured) => single(measured?.status.ledger?.deadLettered),
  },
  {
    name: 'ferry_ledger_balanced',
    help: '1 when every captured change is applied or set aside, 0 otherwise, as while changes are on their way.',
    read: (measured) => fact(measured?.status.ledger?.addsUp),
  },
  {
    name: 'ferry_serving_target',
    help: '1 once the flag names the target. Absent while unknown.',
    read: (measured) => fact(measured?.status.serving ? measured.status.serving === 'target' : undefined),
  },
  {
    name: 'ferry_slot_retained_bytes',
    help: "WAL that the source keeps for the pipeline's slot.",
    read: (measured) => single(measured?.slot?.retainedBytes),
  },
  {
    name: 'ferry_slot_budget_bytes',
    help: 'capture.walBudgetBytes: WAL that the source may keep for the slot. Absent without one.',
    read: (measured) => single(measured?.walBudgetBytes),
  },
  {
    name: 'ferry_slot_headroom_bytes',
    help: 'WAL that may be written before the source gives the slot up. Absent without max_slot_wal_keep_size.',
    read: (measured) => single(measured?.slot?.headroomBytes),
  },
];

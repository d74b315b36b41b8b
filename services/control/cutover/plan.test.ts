import { describe, expect, test } from 'vitest';
import type { ServiceName, ServiceState } from '../../../core/service-report.js';
import { UNKNOWN_LAG } from '../status/lag.js';
import { type PipelineStatus, READY_BELOW_SECONDS } from '../status/pipeline-status.js';
import type { TableReport } from '../verify/report.js';
import { closedGates, predictPause, STEPS, tablesForPause } from './plan.js';

const service = (name: ServiceName, state: ServiceState | 'unknown' = 'running') => ({
  service: name,
  state,
  instances: 1,
  rate: 0,
  http: null,
  error: null,
});

const open: PipelineStatus = {
  pipeline: 'shop',
  at: '2026-01-31T12:00:00Z',
  phase: 'streaming',
  serving: 'source',
  lag: { bytes: 10, seconds: 0.4, captured: UNKNOWN_LAG, transformed: UNKNOWN_LAG, applied: UNKNOWN_LAG },
  tables: [],
  services: [service('capture'), service('transform'), service('apply'), service('control')],
  ledger: { addsUp: true, deadLettered: 0, tables: [] },
  errors: [],
  nextSteps: [],
};

describe('closedGates', () => {
  test('are none when a cutover may begin, with or without the service control', () => {
    expect(closedGates(open)).toEqual([]);
    const services = [...open.services.slice(0, 3), service('control', 'unknown')];
    expect(closedGates({ ...open, services })).toEqual([]);
    expect(closedGates({ ...open, lag: { ...open.lag, seconds: READY_BELOW_SECONDS } })).toEqual([]);
  });

  // While writes go on, what is captured is ahead of what is applied: the sums are looked at under the fence.
  test('leave a ledger that does not add up yet to the step under the fence', () => {
    expect(closedGates({ ...open, ledger: { addsUp: false, deadLettered: 0, tables: [] } })).toEqual([]);
  });

  test.each<[string, Partial<PipelineStatus>, string]>([
    ['the snapshot', { phase: 'snapshot' }, "the pipeline's phase is snapshot, not streaming"],
    ['a cutover before', { phase: 'cut-over' }, "the pipeline's phase is cut-over, not streaming"],
    ['a service that waits', { services: [service('capture', 'retrying')] }, 'capture is retrying'],
    ['a service that is gone', { services: [service('apply', 'unknown')] }, 'apply is unknown'],
    ['lag', { lag: { ...open.lag, seconds: 5.1 } }, 'lag is 5.1 s, above 5 s'],
    ['lag that is not known', { lag: { ...open.lag, seconds: null } }, 'lag cannot be measured'],
    ['a ledger that is not known', { ledger: null }, 'the ledger cannot be read'],
    ['dead letters', { ledger: { addsUp: true, deadLettered: 3, tables: [] } }, '3 changes are dead letters'],
  ])('name %s', (_, status, reason) => {
    expect(closedGates({ ...open, ...status })).toEqual([reason]);
  });

  test('are all named at once', () => {
    const status = { ...open, phase: 'unknown', ledger: null, lag: { ...open.lag, seconds: null } } as const;
    expect(closedGates(status)).toHaveLength(3);
  });
});

describe('the steps', () => {
  test('fence before the marker, drain and verify before the flag', () => {
    const order = ['gates', 'verify', 'fence', 'marker', 'drained', 'ledger', 'verified', 'sequences', 'flag'] as const;
    const places = order.map((step) => STEPS.indexOf(step));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(STEPS.at(-1)).toBe('flag');
  });
});

describe('tablesForPause', () => {
  const report = (source: string, ms: number) => ({ source, ms }) as TableReport & { ms: number };

  test('takes the quickest, two at a time, for no more than half of the pause', () => {
    const reports = [report('slow', 9_000), report('c', 3_000), report('a', 1_000), report('b', 2_000)];
    // (1 + 2 + 3) / 2 s are within half of 6 s; another 9 s are not.
    expect(tablesForPause(reports, 6_000)).toEqual(new Set(['a', 'b', 'c']));
    expect(tablesForPause(reports, 5_999)).toEqual(new Set(['a', 'b']));
    expect(tablesForPause(reports, 15_000)).toEqual(new Set(['a', 'b', 'c', 'slow']));
    expect(reports[0]!.source).toBe('slow');
  });

  test('takes none when there is no time', () => {
    expect(tablesForPause([report('a', 10)], 0)).toEqual(new Set());
    expect(tablesForPause([], 10_000)).toEqual(new Set());
  });
});

test('predictPause adds what is fixed, the lag and the verification', () => {
  expect(predictPause(0, 0)).toBe(400);
  expect(predictPause(1.5, 250.4)).toBe(2_150);
  expect(predictPause(null, 100)).toBe(500);
});

import { describe, expect, test } from 'vitest';
import type { ServiceName } from '../../../core/service-report.js';
import { UNKNOWN_LAG } from './lag.js';
import { nextSteps, type PipelineStatus, READY_BELOW_SECONDS, type ServiceStatus } from './pipeline-status.js';

const service = (name: ServiceName, more: Partial<ServiceStatus> = {}): ServiceStatus => ({
  service: name,
  state: 'running',
  instances: 1,
  rate: 0,
  http: null,
  error: null,
  ...more,
});

const halted = (remedy: string): Partial<ServiceStatus> => ({
  state: 'halted',
  error: { code: 'slot-lost', message: 'gone', remedy, since: '2026-01-31T12:00:00Z' },
});

/** A pipeline that is ready for its cutover. */
const ready: PipelineStatus = {
  pipeline: 'shop',
  at: '2026-01-31T12:00:00Z',
  phase: 'streaming',
  serving: 'source',
  openCutover: null,
  openReplay: null,
  rolloutPercent: 0,
  lag: { bytes: 0, seconds: 0, captured: UNKNOWN_LAG, transformed: UNKNOWN_LAG, applied: UNKNOWN_LAG },
  tables: [],
  services: [service('capture'), service('transform'), service('apply'), service('control')],
  ledger: null,
  errors: [],
  unmapped: [],
  nextSteps: [],
};

const steps = (more: Partial<PipelineStatus> = {}, isLogKnown = true) =>
  nextSteps({ ...ready, ...more }, { config: 'config/shop', isLogKnown });
const withServices = (...services: ServiceStatus[]) => [...ready.services.slice(services.length), ...services];
const lag = (seconds: number | null) => ({ lag: { ...ready.lag, seconds } });

describe('nextSteps', () => {
  test('are to verify and cut over when all is well', () => {
    expect(steps()).toEqual(['Verify: ferry verify -c config/shop', 'Then cut over: ferry cutover -c config/shop']);
    expect(steps(lag(READY_BELOW_SECONDS))).toHaveLength(2);
  });

  test('are the remedies of all services that halted, before anything else', () => {
    const services = withServices(
      service('transform', { state: 'stopped' }),
      service('capture', halted('Begin anew.')),
      service('apply', halted('Add the column.')),
    );
    expect(steps({ services, phase: 'snapshot' })).toEqual(['capture: Begin anew.', 'apply: Add the column.']);
  });

  test('are to end a cutover that its coordinator left, or to wait for one that runs', () => {
    const left = {
      direction: 'forward' as const,
      startedAt: 'then',
      startedBy: 'ada',
      lastStep: 'drained',
      isRunning: false,
    };
    expect(steps({ openCutover: left, ledger: null })).toEqual([
      expect.stringMatching(/left at its step drained.*ferry cutover --resume -c config\/shop/),
      'Or undo it: ferry cutover --abort -c config/shop',
    ]);
    expect(steps({ openCutover: { ...left, isRunning: true } })).toEqual(['Wait: a cutover is at its step drained.']);
    const replay = { startedAt: '12:00', tables: ['public.a', 'public.b'], isRunning: true };
    expect(steps({ openReplay: replay })).toEqual(['Wait: a replay rebuilds public.a, public.b.']);
    expect(steps({ openCutover: { ...left, direction: 'back' } })[1]).toBe(
      'Or undo it: ferry rollback --abort -c config/shop',
    );
  });

  test('are to start what does not run', () => {
    const services = withServices(service('capture', { state: 'unknown' }), service('apply', { state: 'stopped' }));
    expect(steps({ services, phase: 'snapshot' })).toEqual(['Start capture, apply: ferry up -c config/shop']);
  });

  test('are to wait for the copy, for lag to be known, for lag to fall', () => {
    expect(steps({ phase: 'snapshot' })).toEqual(['Wait until every table is copied.']);
    expect(steps(lag(null))).toEqual(['Wait until lag can be measured.']);
    expect(steps(lag(READY_BELOW_SECONDS + 0.1))).toEqual(['Wait until lag is down.']);
  });

  test('are to keep the old project once the new one serves, whatever still runs', () => {
    const services = withServices(service('capture', { state: 'stopped' }));
    expect(steps({ phase: 'cut-over', services })).toEqual([
      'Keep the old project through its days of grace; with the way back running, back to it: ferry rollback -c config/shop',
      'Then end the migration: ferry finish -c config/shop',
    ]);
    expect(steps({ phase: 'finished', services })).toEqual(['Nothing: the migration is finished.']);
  });

  test('are to bring the log back while it cannot be read', () => {
    expect(steps({}, false)).toEqual([expect.stringMatching(/^Bring the log back/)]);
  });
});

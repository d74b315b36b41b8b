import { expect, test } from 'vitest';
import { effectiveState, type ServiceReport } from '../../../core/service-report.js';
import { serviceStatus } from './service-status.js';

const NOW = Date.parse('2026-01-31T12:00:00Z');
const error = { code: 'target-unreachable', message: 'm', remedy: 'r', since: 's' } as const;
const report = (
  state: ServiceReport['state'],
  secondsAgo: number,
  more: Partial<ServiceReport> = {},
): ServiceReport => ({
  service: 'apply',
  instance: `host:${secondsAgo}`,
  at: new Date(NOW - secondsAgo * 1_000).toISOString(),
  state,
  rate: 100,
  changes: 1,
  http: `http://127.0.0.1:${secondsAgo}`,
  ...more,
});
const status = (...reports: ServiceReport[]) => serviceStatus('apply', reports, NOW);

test('a service that never reported is unknown', () => {
  expect(status(report('running', 1, { service: 'capture' }))).toEqual({
    service: 'apply',
    state: 'unknown',
    instances: 0,
    rate: null,
    http: null,
    error: null,
  });
});

test('a process that was heard of lately speaks for itself; one that was not is unknown', () => {
  expect(status(report('running', 1))).toMatchObject({ state: 'running', instances: 1, rate: 100, error: null });
  expect(status(report('running', 60))).toMatchObject({ state: 'unknown', instances: 0, rate: null, http: null });
  expect(status(report('retrying', 1, { error }))).toMatchObject({ state: 'retrying', error });
});

test('halted and stopped stay true when the process is gone, until another works', () => {
  expect(status(report('halted', 600, { error }))).toMatchObject({ state: 'halted', error, rate: null });
  expect(status(report('stopped', 600), report('halted', 900, { error }))).toMatchObject({ state: 'stopped' });
  expect(status(report('halted', 2, { error }), report('running', 3))).toMatchObject({ state: 'running', error: null });
});

test('several that work are counted and added up, and the worst is said', () => {
  const both = status(report('running', 1), report('retrying', 2, { error, rate: 5 }), report('stopped', 1));
  expect(both).toEqual({
    service: 'apply',
    state: 'retrying',
    instances: 2,
    rate: 105,
    http: 'http://127.0.0.1:2',
    error,
  });
});

test('a process of which one partition has halted goes on with the others, and says so', () => {
  const parts = [
    { part: 'shop.domain.growth/0', state: 'retrying', error },
    { part: 'shop.domain.shared/0', state: 'halted', error: { ...error, code: 'apply-failed' } },
  ] as const;
  expect(effectiveState('running', undefined, parts)).toMatchObject({
    state: 'halted',
    error: { code: 'apply-failed' },
  });
  expect(effectiveState('running', undefined, parts.slice(0, 1))).toMatchObject({ state: 'retrying' });
  expect(effectiveState('running', undefined, [])).toEqual({ state: 'running', error: undefined });
  expect(effectiveState('retrying', error, parts)).toEqual({ state: 'retrying', error });
  expect(status(report('halted', 1, { error, parts }), report('running', 2))).toMatchObject({
    state: 'halted',
    instances: 2,
    rate: 200,
    parts,
  });
});

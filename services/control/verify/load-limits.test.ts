import { expect, test } from 'vitest';
import { aboveLimits, type Load, parseLoadLimits } from './load-limits.js';

const load: Load = { lagBytes: 2 * 1024 ** 2, lagMs: 3_000, connections: 80, maxConnections: 100, active: 7 };

test.each([
  ['lag=30s', { lagMs: 30_000 }],
  ['lag=64MB,lag=1.5m', { lagBytes: 64 * 1024 ** 2, lagMs: 90_000 }],
  ['connections=80%,active=20', { connectionsPercent: 80, active: 20 }],
  ['connections=200', { connections: 200 }],
])('%s is read', (text, limits) => expect(parseLoadLimits(text)).toEqual(limits));

test.each(['', 'lag', 'lag=30', 'lag=5%', 'active=2s', 'connections=3MB', 'lag=-1s', 'cpu=3', 'lag=1s,'])(
  '%j is no limit',
  (text) => expect(parseLoadLimits(text)).toBeUndefined(),
);

test('what is at its limit is not above it', () => {
  const limits = { lagBytes: 2 * 1024 ** 2, lagMs: 3_000, connections: 80, connectionsPercent: 80, active: 7 };
  expect(aboveLimits(load, limits)).toEqual([]);
  expect(aboveLimits(load, {})).toEqual([]);
});

test('each that is above its limit is said', () => {
  const limits = { lagBytes: 1024 ** 2, lagMs: 2_500, connections: 79, connectionsPercent: 75, active: 6 };
  expect(aboveLimits(load, limits)).toEqual([
    'lag 2.0 MB, above 1.0 MB',
    'lag 3.0 s, above 2.5 s',
    '80 connections, above 79',
    '80% of connections, above 75%',
    '7 active sessions, above 6',
  ]);
});

test('a lag that is not known is above every limit', () => {
  expect(aboveLimits({ ...load, lagBytes: null, lagMs: null }, { lagBytes: 9e9, lagMs: 9e9 })).toHaveLength(2);
});

import { expect, test } from 'vitest';
import type { OpenCutover } from '../status/pipeline-status.js';
import { type RolloutFacts, rolloutFindings } from './gates.js';

const TABLE = { source: { schema: 'public', table: 'orders' }, target: { schema: 'growth', table: 'orders' } };
const LAG = { bytes: 10, seconds: 0.4 };

const status: RolloutFacts['status'] = {
  pipeline: 'shop',
  at: '2026-01-31T12:00:00Z',
  phase: 'streaming',
  serving: 'source',
  openCutover: null,
  openReplay: null,
  rolloutPercent: 0,
  lag: { ...LAG, captured: LAG, transformed: LAG, applied: LAG },
  tables: [],
  services: [],
  ledger: { addsUp: true, deadLettered: 0, tables: [] },
  errors: [],
  unmapped: [],
  nextSteps: [],
};

const facts: RolloutFacts = {
  status,
  verifications: [
    {
      mapping: 'abc',
      ageMs: 60_000,
      finishedAt: '2026-01-31T11:59:00Z',
      report: {
        source: 'public.orders',
        target: 'growth.orders',
        rows: 1,
        targetRows: 1,
        checksum: { source: '0', target: '0' },
        equal: true,
        differences: [],
        differencesTotal: 0,
        unsettled: 0,
        ms: 1,
      },
    },
  ],
  wanted: { tables: [TABLE], mapping: 'abc', withinMs: 3_600_000 },
  maxLagSeconds: 2,
};

const open: OpenCutover = {
  direction: 'forward',
  startedAt: '2026-01-31T11:00:00Z',
  startedBy: 'x',
  lastStep: 'fence',
  isRunning: true,
};

const closed = (changed: Partial<RolloutFacts>) =>
  rolloutFindings({ ...facts, ...changed })
    .filter(({ isOpen }) => !isOpen)
    .map(({ gate, figure }) => `${gate}: ${figure}`);

test('all are open when more users may read from the target', () => {
  expect(closed({})).toEqual([]);
});

test.each<[Partial<RolloutFacts>, string]>([
  [{ verifications: [] }, 'verified: growth.orders has not been verified'],
  [{ wanted: { ...facts.wanted, mapping: 'def' } }, 'verified: growth.orders was verified at another mapping'],
  [{ wanted: { ...facts.wanted, withinMs: 1_000 } }, 'verified: growth.orders was verified 60 s ago'],
  [{ status: { ...status, lag: { ...status.lag, seconds: 2.1 } } }, 'lag: lag is 2.1 s, above 2 s'],
  [{ status: { ...status, lag: { ...status.lag, seconds: null } } }, 'lag: lag cannot be measured'],
  [
    { status: { ...status, ledger: { addsUp: true, deadLettered: 3, tables: [] } } },
    'dead-letters: 3 changes are dead letters',
  ],
  [{ status: { ...status, phase: 'snapshot' } }, "streaming: the pipeline's phase is snapshot, not streaming"],
  [{ status: { ...status, openCutover: open } }, 'cutover: a cutover is at its step fence'],
  [
    { status: { ...status, openCutover: { ...open, isRunning: false, lastStep: null } } },
    'cutover: a cutover was left at its step gates',
  ],
])('%# names what stands against it', (changed, expected) => {
  expect(closed(changed)).toEqual([expected]);
});

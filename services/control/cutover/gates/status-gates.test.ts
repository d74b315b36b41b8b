import { describe, expect, test } from 'vitest';
import type { LedgerEntry } from '../../../../core/ledger.js';
import type { ServiceName, ServiceState } from '../../../../core/service-report.js';
import { UNKNOWN_LAG } from '../../status/lag.js';
import { type PipelineStatus, READY_BELOW_SECONDS, type TableStatus } from '../../status/pipeline-status.js';
import { deadLettersFinding, lagFinding, ledgerFinding, streamingFinding } from './status-gates.js';

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
  openCutover: null,
  openReplay: null,
  rolloutPercent: 0,
  lag: { bytes: 10, seconds: 0.4, captured: UNKNOWN_LAG, transformed: UNKNOWN_LAG, applied: UNKNOWN_LAG },
  tables: [],
  services: [service('capture'), service('transform'), service('apply'), service('control')],
  ledger: { addsUp: true, deadLettered: 0, tables: [] },
  errors: [],
  unmapped: [],
  nextSteps: [],
};

const entry: LedgerEntry = {
  table: 'public.orders',
  read: 10,
  deduplicated: 0,
  captured: 10,
  filtered: 1,
  transformed: 9,
  applied: 6,
  deadLettered: 0,
  dropped: 0,
};

const table = (state: TableStatus['state']): TableStatus => ({
  source: 'public.orders',
  target: 'growth.orders',
  state,
  stopped: null,
  rows: 1,
  estimate: 1,
});

describe('the gates of the status', () => {
  test('are open when a cutover may begin, with or without the service control', () => {
    for (const finding of [streamingFinding, lagFinding, ledgerFinding, deadLettersFinding]) {
      expect(finding(open), finding.name).toMatchObject({ isOpen: true });
    }
    const services = [...open.services.slice(0, 3), service('control', 'unknown')];
    expect(streamingFinding({ ...open, services }).isOpen).toBe(true);
    expect(lagFinding({ ...open, lag: { ...open.lag, seconds: READY_BELOW_SECONDS } }).isOpen).toBe(true);
  });

  // While writes go on, what is captured is ahead of what is applied: the sums are looked at under the fence.
  test('leave a ledger that does not add up yet to the step under the fence, and count what is on its way', () => {
    const finding = ledgerFinding({ ...open, ledger: { addsUp: false, deadLettered: 0, tables: [entry] } });
    expect(finding).toEqual({ isOpen: true, figure: '3 changes on their way; to add up under the fence' });
  });

  test.each<[string, Partial<PipelineStatus>, (status: PipelineStatus) => { isOpen: boolean; figure: string }, string]>(
    [
      ['the snapshot', { phase: 'snapshot' }, streamingFinding, "the pipeline's phase is snapshot, not streaming"],
      ['a cutover before', { phase: 'cut-over' }, streamingFinding, "the pipeline's phase is cut-over, not streaming"],
      ['a service that waits', { services: [service('capture', 'retrying')] }, streamingFinding, 'capture is retrying'],
      ['a service that is gone', { services: [service('apply', 'unknown')] }, streamingFinding, 'apply is unknown'],
      ['a table that stands', { tables: [table('paused')] }, streamingFinding, 'public.orders is paused'],
      ['lag', { lag: { ...open.lag, seconds: 5.1 } }, lagFinding, 'lag is 5.1 s, above 5 s'],
      ['lag that is not known', { lag: { ...open.lag, seconds: null } }, lagFinding, 'lag cannot be measured'],
      ['a ledger that is not known', { ledger: null }, ledgerFinding, 'the ledger cannot be read'],
      [
        'a ledger that does not know a table',
        { ledger: { addsUp: false, deadLettered: null, tables: [{ ...entry, applied: undefined }] } },
        ledgerFinding,
        'the ledger does not know public.orders',
      ],
      [
        'dead letters',
        { ledger: { addsUp: true, deadLettered: 3, tables: [] } },
        deadLettersFinding,
        '3 changes are dead letters',
      ],
      ['dead letters that nobody can count', { ledger: null }, deadLettersFinding, 'dead letters cannot be counted'],
    ],
  )('name %s', (_, status, finding, figure) => {
    expect(finding({ ...open, ...status })).toMatchObject({ isOpen: false, figure });
  });
});

import { describe, expect, test } from 'vitest';
import type { RecordedVerification } from '../../verify/record.js';
import { isAging, isStale } from '../table-statistics.js';
import { accessProblems, type TableAccess } from './parity.js';
import { verifiedFinding } from './verified.js';

describe('verifiedFinding', () => {
  const record = (target: string, more: Partial<RecordedVerification> = {}, equal = true): RecordedVerification => ({
    mapping: 'abc',
    ageMs: 60_000,
    finishedAt: '2026-11-22 10:00:00+00',
    report: {
      source: 'public.t',
      target,
      rows: 1,
      targetRows: 1,
      checksum: { source: '0', target: '0' },
      equal,
      differences: [],
      differencesTotal: 0,
      unsettled: 0,
      ms: 1,
    },
    ...more,
  });
  const tables = ['orders', 'users'].map((table) => ({
    source: { schema: 'public', table: 't' },
    target: { schema: 'growth', table },
  }));
  const find = (...records: RecordedVerification[]) =>
    verifiedFinding(records, { tables, mapping: 'abc', withinMs: 3_600_000 });

  test('is open when every table was equal at this mapping and within the time', () => {
    expect(find(record('growth.orders'), record('growth.users', { ageMs: 3_600_000 }))).toEqual({
      isOpen: true,
      figure: '2 tables equal, the oldest 60 min ago',
    });
  });

  test.each([
    ['was never compared', [record('growth.orders')], 'growth.users has not been verified'],
    [
      'was compared at another mapping',
      [record('growth.orders'), record('growth.users', { mapping: 'old' })],
      'growth.users was verified at another mapping',
    ],
    ['was not equal', [record('growth.orders', {}, false), record('growth.users')], 'growth.orders was not equal'],
    [
      'was compared too long ago',
      [record('growth.orders', { ageMs: 7_200_000 }), record('growth.users')],
      'growth.orders was verified 2 h ago',
    ],
  ])('is closed by a table that %s', (_, records, figure) => {
    expect(find(...records)).toMatchObject({ isOpen: false, figure });
  });

  test('names the one target of merged tables once', () => {
    const merged = ['a', 'b'].map((table) => ({ ...tables[0]!, source: { schema: 'public', table } }));
    expect(verifiedFinding([], { tables: merged, mapping: 'abc', withinMs: 1 })).toMatchObject({
      isOpen: false,
      figure: 'growth.orders has not been verified',
    });
  });
});

describe('isStale', () => {
  const table = { schema: 'growth', table: 'orders', analyzedAt: '2026-01-31', liveRows: 1_000_000, changedSince: 0 };

  test('holds for a table that has rows and was never analyzed, or of which a fifth has changed', () => {
    expect(isStale({ ...table, analyzedAt: null })).toBe(true);
    expect(isStale({ ...table, changedSince: 210_001 })).toBe(true);
  });

  test('does not hold for an empty table, nor for a few changes of a small one', () => {
    expect(isStale({ ...table, analyzedAt: null, liveRows: 0 })).toBe(false);
    expect(isStale({ ...table, liveRows: 300, changedSince: 10_000 })).toBe(false);
    expect(isStale({ ...table, changedSince: 210_000 })).toBe(false);
  });

  test('is not near behind an ANALYZE: what is a tenth of the way there is analyzed, too', () => {
    expect(isAging({ ...table, changedSince: 21_001 })).toBe(true);
    expect(isAging({ ...table, changedSince: 21_000 })).toBe(false);
    expect(isAging({ ...table, analyzedAt: null })).toBe(true);
  });
});

describe('accessProblems', () => {
  const access: TableAccess = {
    rowSecurity: 'on',
    policies: ['"own rows" (select to app)'],
    grants: ['SELECT to app'],
    shutOut: [],
  };
  const problems = (target: Partial<TableAccess>) => accessProblems('growth.orders', access, { ...access, ...target });

  test('are none where both sides let in the same', () => {
    expect(problems({})).toEqual([]);
    expect(accessProblems('growth.orders', { ...access, shutOut: ['app'] }, { ...access, shutOut: ['app'] })).toEqual(
      [],
    );
  });

  test('name what the target lacks, and what it has beyond', () => {
    expect(problems({ rowSecurity: 'off', policies: [], grants: ['SELECT to public'], shutOut: ['app'] })).toEqual([
      'row-level security of growth.orders is off, on the source it is on',
      'growth.orders lacks the policy "own rows" (select to app)',
      'growth.orders lacks the grant SELECT to app',
      'only growth.orders has the grant SELECT to public',
      'app may not use the schema of growth.orders',
    ]);
    expect(problems({ policies: [...access.policies, '"all" (all to public)'] })).toEqual([
      'only growth.orders has the policy "all" (all to public)',
    ]);
  });
});

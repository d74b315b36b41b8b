import { describe, expect, test } from 'vitest';
import { type MigrationFacts, migrationReport, toMarkdown } from './migration-report.js';

const AT = '2026-11-22 10:00:00+00';
const compared = (pair: string, isEqual = true) => ({ pair, sourceRows: 10, targetRows: 10, isEqual, comparedAt: AT });
const undone = { at: AT, act: 'cutover', subject: 'aborted', by: 'ann on web1', detail: { seconds: 12.5 } };
const facts = (more: Partial<MigrationFacts> = {}): MigrationFacts => ({
  pipeline: 'shop',
  serving: 'target',
  mapped: ['public.users -> shared.users', 'public.orders -> sales.orders'],
  tables: [compared('public.users -> shared.users'), compared('public.orders -> sales.orders')],
  deadLetters: 0,
  cutover: { at: AT, by: 'ann on web1', writePauseMs: 812, forced: {} },
  acts: [],
  ...more,
});
const met = (more?: Partial<MigrationFacts>) => migrationReport(facts(more)).criteria.map(({ isMet }) => isMet);

describe('the criteria of a migration', () => {
  test('tell of a rollback how long it took, and how long writes were refused', () => {
    const rollback = { at: AT, act: 'rollback', subject: 'done', by: 'ann', detail: { seconds: 3.1, pauseMs: 640 } };
    const { criteria } = migrationReport(facts({ serving: 'source', acts: [rollback, undone] }));
    expect(criteria[2]).toMatchObject({
      found: '3.1 s from the beginning of a rollback to its end; writes paused for 640 ms',
      isMet: true,
    });
  });

  test('are met, missed or not known', () => {
    expect(met()).toEqual([true, true, null, null]);
    expect(met({ acts: [undone] })).toEqual([true, true, true, null]);
    expect(met({ cutover: null })).toEqual([true, null, null, null]);
    expect(met({ cutover: { at: AT, by: 'ann', writePauseMs: 300_000, forced: {} } })).toEqual([
      true,
      false,
      null,
      null,
    ]);
  });

  test.each<[string, Partial<MigrationFacts>, RegExp]>([
    [
      'was not compared',
      { tables: [compared('public.users -> shared.users')] },
      /not compared: public\.orders -> sales\.orders$/,
    ],
    [
      'differs',
      { tables: [compared('public.users -> shared.users', false), compared('public.orders -> sales.orders')] },
      /^1 of 2 .*; different: public\.users/,
    ],
    [
      'lacks rows that were given up',
      {
        acts: [
          { ...undone, act: 'rollout', subject: 'abandon', detail: { ways: ['back'], rows: { 'public.orders': 2 } } },
        ],
      },
      /^2 of 2 .*; rows given up at 2026-11-22 10:00:00\+00, 2 of public\.orders: they are in ferry\.conflict/,
    ],
    ['has changes that were set aside', { deadLetters: 3 }, /^2 of 2 .*, 20 rows; 3 changes in the dead letters$/],
  ])('data integrity is missed where a table %s', (_, more, found) => {
    const report = migrationReport(facts(more));
    expect([report.ok, report.criteria[0]]).toMatchObject([
      false,
      { isMet: false, found: expect.stringMatching(found) },
    ]);
  });
});

test('of queries it knows those that were compared last, and never that all are compatible', () => {
  const compared = (ok: boolean, different: number) => ({
    ...undone,
    act: 'compare-reads',
    detail: { ok, queries: 3, samples: 60, different, unsettled: 1 },
  });
  const queries = (...acts: MigrationFacts['acts']) => migrationReport(facts({ acts })).criteria[3];
  expect(queries(compared(false, 2), compared(true, 0))).toMatchObject({
    isMet: false,
    found: expect.stringContaining('3 queries, 60 samples, 2 different, 1 unsettled'),
  });
  expect(queries(compared(false, 0), compared(false, 2))).toMatchObject({ isMet: null });
});

test('people read it as Markdown, with what was forced and names that hold a bar', () => {
  const forced = { parity: 'grants are cleaned up, SEC-12' };
  const text = toMarkdown(
    migrationReport(
      facts({
        cutover: { at: AT, by: 'ann on web1', writePauseMs: 812, forced },
        tables: [compared('public.a|b -> shared.a|b')],
        mapped: ['public.a|b -> shared.a|b'],
        acts: [undone],
      }),
    ),
  );
  expect(text).toContain(`Cut over at ${AT} by ann on web1; writes paused for 812 ms. The new project serves.`);
  expect(text).toContain('- parity: grants are cleaned up, SEC-12');
  expect(text).toContain(`| public.a\\|b -> shared.a\\|b | 10 | 10 | yes | ${AT} |`);
  expect(text).toContain(
    '| rollback time | less than 10 minutes | 12.5 s from the beginning of a cutover to its end, undone | yes |',
  );
  expect(text).toContain(`| ${AT} | cutover | aborted | ann on web1 |`);
});

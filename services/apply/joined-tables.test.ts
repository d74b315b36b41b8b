import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LSN_ZERO } from '../../core/lsn.js';
import { POSITION_ZERO } from '../../core/position.js';
import type { Tuple } from '../../core/record.js';
import { openGate } from '../../test/support/open-gate.js';
import { RecordBuilder, relationOf } from '../../test/support/record-builder.js';
import { Batch, type Step } from './batch.js';
import { BatchReader } from './batch-reader.js';
import { lettersOf } from './letter.js';

const ACCOUNTS = 1;
const PROFILES = 2;
const GUESTS = 3;
const relations = [
  relationOf(ACCOUNTS, 'public.users', ['id', 'email'], { source: 'auth.accounts' }),
  relationOf(PROFILES, 'public.users', ['id', 'name'], { source: 'shared.profiles' }),
  relationOf(GUESTS, 'public.users', ['id', 'email'], { source: 'auth.guests' }),
];
const mapping = (schema: string, table: string, join: 'rows' | 'part') => ({
  source: { schema, table },
  target: { schema: 'public', table: 'users' },
  rename: new Map(),
  join,
  place: { file: 'mapping/public.yaml', line: 1, column: 1 },
  columnPlaces: new Map(),
});
const mappings = [
  mapping('auth', 'accounts', 'rows'),
  mapping('shared', 'profiles', 'part'),
  mapping('auth', 'guests', 'rows'),
];

const topic = (limitBytes?: number) =>
  relations.reduce((builder, relation) => builder.relation(relation), new RecordBuilder(limitBytes));

function read(records: readonly Buffer[], { isFolding = true, commitsEach = false } = {}): Batch {
  const start = { nextOffset: 0, position: POSITION_ZERO, commitEnd: LSN_ZERO, commitTime: null };
  const batch = new Batch(start, isFolding);
  const users = { columns: ['id', 'email', 'name', 'role'], key: ['id'] };
  const reader = new BatchReader(POSITION_ZERO, openGate('public', { users }, undefined, [], { mappings }), {
    commitsEach,
  });
  for (const [offset, record] of records.entries()) reader.read(record, offset, batch);
  return batch;
}

function brief(step: Step): string {
  if (step.kind === 'checkpoint') return 'checkpoint';
  if (step.kind === 'move') return `move ${text(step.move.from)} to ${text(step.move.to)}`;
  if (step.kind !== 'changes') throw new Error(step.kind);
  const changes = [...step.set.changes.values()];
  return changes
    .map((change) => `${change.kind} ${text(change.kind === 'delete' ? change.key : change.row)}`)
    .join(', ');
}
/** `-` is what is not known. */
const text = (tuple: Tuple) => tuple.map((value) => (value === false ? '-' : (value ?? 'null'))).join(' ');
const stepsOf = (builder: RecordBuilder, options?: Parameters<typeof read>[1]) =>
  read(builder.take(), options).steps.map(brief);

describe('joined tables', () => {
  test('a row is whole when it is inserted, in whatever order a transaction has its parts', () => {
    const steps = stepsOf(
      topic()
        .begin('0/100')
        .row(ACCOUNTS, 'c', { new: ['1', 'ada@x'] })
        .row(PROFILES, 'c', { new: ['2', 'Alan'] })
        .row(PROFILES, 'c', { new: ['1', 'Ada'] })
        .row(ACCOUNTS, 'c', { new: ['2', 'alan@x'] })
        .commit('0/130'),
    );
    expect(steps).toEqual(['partial 1 ada@x Ada -, partial 2 alan@x Alan -']);
  });

  test('a part changes its columns, and takes no row with it', () => {
    const steps = stepsOf(
      topic()
        .begin('0/100')
        .row(PROFILES, 'u', { new: ['1', 'Ada'] })
        .row(PROFILES, 'd', { key: ['1', null] })
        .row(ACCOUNTS, 'u', { new: ['1', 'ada@x'] })
        .row(PROFILES, 'd', { key: ['3', null] })
        .commit('0/130'),
    );
    expect(steps).toEqual(['update 1 ada@x Ada -']);
  });

  test('a row that was deleted and comes again has nothing of what parts had', () => {
    const steps = stepsOf(
      topic()
        .begin('0/100')
        .row(ACCOUNTS, 'd', { key: ['1', null] })
        .row(ACCOUNTS, 'c', { new: ['1', 'ada@x'] })
        .commit('0/130'),
    );
    expect(steps).toEqual(['delete 1 null - -', 'partial 1 ada@x - -']);
  });

  test('a part behind the delete of its row is written behind it, to be refused', () => {
    const steps = stepsOf(
      topic()
        .begin('0/100')
        .row(ACCOUNTS, 'd', { key: ['1', null] })
        .row(PROFILES, 'u', { new: ['1', 'Ada'] })
        .commit('0/130'),
    );
    expect(steps).toEqual(['delete 1 null - -', 'update 1 - Ada -']);
  });

  test.each([
    ['first', ['d', 'c'], ['delete 1 null - -', 'partial 1 ada@x - -']],
    ['last', ['c', 'd'], ['partial 1 ada@x - -']],
  ] as const)('a row that moves between tables stays, deleted %s', (_, ops, expected) => {
    const builder = topic().begin('0/100');
    for (const op of ops) {
      if (op === 'c') builder.row(GUESTS, 'c', { new: ['1', 'ada@x'] });
      else builder.row(ACCOUNTS, 'd', { key: ['1', null] });
    }
    expect(stepsOf(builder.commit('0/130'))).toEqual(expected);
  });

  test('a row that was created in another transaction goes', () => {
    const steps = stepsOf(
      topic()
        .begin('0/100')
        .row(GUESTS, 'c', { new: ['1', 'ada@x'] })
        .commit('0/130')
        .begin('0/200')
        .row(ACCOUNTS, 'd', { key: ['1', null] })
        .commit('0/230'),
    );
    expect(steps).toEqual(['delete 1 null - -']);
  });

  test('a changed key moves the row, with what parts have of it', () => {
    const steps = stepsOf(
      topic()
        .begin('0/100')
        .row(PROFILES, 'u', { new: ['1', 'Ada'] })
        .row(ACCOUNTS, 'u', { key: ['1', null], new: ['5', 'ada@x'] })
        .row(PROFILES, 'u', { key: ['1', null], new: ['5', 'Ada L.'] })
        .commit('0/130'),
    );
    expect(steps).toEqual(['update 1 - Ada -', 'move 1 null - - to 5 ada@x Ada -', 'update 5 - Ada L. -']);
  });

  test('a part may come to the new key before its row', () => {
    const steps = stepsOf(
      topic()
        .begin('0/100')
        .row(PROFILES, 'u', { key: ['1', null], new: ['5', 'Ada'] })
        .row(ACCOUNTS, 'u', { key: ['1', null], new: ['5', 'ada@x'] })
        .commit('0/130'),
    );
    expect(steps).toEqual(['', 'move 1 null - - to 5 ada@x Ada -']);
  });

  test('without folding, a transaction is a step, and is committed whole', () => {
    const builder = topic(1)
      .begin('0/100')
      .row(ACCOUNTS, 'c', { new: ['1', 'ada@x'] })
      .row(PROFILES, 'c', { new: ['1', 'Ada'] })
      .commit('0/130')
      .begin('0/200')
      .row(PROFILES, 'u', { new: ['1', 'Ada L.'] })
      .commit('0/230');
    const batch = read(builder.take(), { isFolding: false, commitsEach: true });
    expect(batch.steps.map(brief)).toEqual([
      'partial 1 ada@x Ada -',
      'checkpoint',
      'update 1 - Ada L. -',
      'checkpoint',
    ]);
    const letters = batch.steps.flatMap((step) =>
      step.kind === 'changes' ? [lettersOf(step, batch.origins.get(step)!)] : [],
    );
    expect(letters.map((own) => own.map(({ event, keys }) => ({ event, keys })))).toMatchObject([
      [
        { event: { op: 'c', join: 'rows', new: ['1', 'ada@x'] }, keys: [['1']] },
        { event: { op: 'c', join: 'part', new: ['1', 'Ada'] }, keys: [['1']] },
      ],
      [{ event: { op: 'u', join: 'part', new: ['1', 'Ada L.'] }, keys: [['1']] }],
    ]);
  });
});

const change = fc.record({
  of: fc.constantFrom('account', 'profile'),
  op: fc.constantFrom('put', 'remove'),
  id: fc.constantFrom('1', '2', '3'),
  value: fc.string({ maxLength: 3 }),
});

test('what is written makes the rows that the tables say, however transactions fall', () => {
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 8 }), { maxLength: 6 }), (transactions) => {
      const accounts = new Map<string, string>();
      const expected = new Map<string, { email: string; name: string | null }>();
      const builder = topic();
      transactions.forEach((changes, i) => {
        builder.begin(`0/${i + 1}00`);
        for (const { of, op, id, value } of changes) {
          const row = expected.get(id);
          if (of === 'account') {
            if (op === 'put') {
              builder.row(ACCOUNTS, row ? 'u' : 'c', { new: [id, value] });
              accounts.set(id, value);
              expected.set(id, { name: null, ...row, email: value });
            } else if (row) {
              builder.row(ACCOUNTS, 'd', { key: [id, null] });
              expected.delete(id);
            }
          } else if (row) {
            builder.row(PROFILES, op === 'put' ? 'u' : 'd', op === 'put' ? { new: [id, value] } : { key: [id, null] });
            if (op === 'put') row.name = value;
          }
        }
        builder.commit(`0/${i + 1}80`);
      });
      expect(written(read(builder.take()).steps)).toEqual(expected);
    }),
  );
});

/** What the target has, once the steps are written to an empty table. */
function written(steps: readonly Step[]): Map<string, { email: string; name: string | null }> {
  const rows = new Map<string, { email: string; name: string | null }>();
  for (const step of steps) {
    if (step.kind !== 'changes') throw new Error(step.kind);
    for (const change of step.set.changes.values()) {
      const [id, email, name] = change.kind === 'delete' ? change.key : change.row;
      const before = rows.get(id as string);
      if (change.kind === 'delete') {
        rows.delete(id as string);
      } else {
        if (change.kind === 'update' && !before) throw new Error(`no row ${id}`);
        rows.set(id as string, {
          email: email === false ? before!.email : email!,
          name: name === false ? (before?.name ?? null) : name!,
        });
      }
    }
  }
  return rows;
}

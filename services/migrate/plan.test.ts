import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findMigration, migrationSet, type SetFile } from './migration-set.js';
import { type AppliedVersion, beforeCopy, type History, planMigrations } from './plan.js';

const file = (name: string, text = 'SELECT 1;'): SetFile => ({ file: name, bytes: Buffer.from(text) });
const set = (...names: string[]) => migrationSet(names.map((name) => file(name)));
const kinds = (problems: readonly { kind: string }[]) => problems.map(({ kind }) => kind);
const NONE: History = { applied: [], open: [] };
const row = (version: string, checksum: string | null = null, run: number | null = null): AppliedVersion => ({
  version,
  file: null,
  checksum,
  run,
});

describe('a set', () => {
  test('is in order, with its flags; what is not SQL is not looked at', () => {
    const { migrations, problems } = migrationSet([
      file('010_b.sql', '-- ferry: no-transaction\nSELECT 1;'),
      file('009_a.sql', '\ufeffSELECT 1;\r\n'),
      file('README.md'),
    ]);
    expect(migrations.map((one) => [one.file, one.isTransactional, one.text])).toEqual([
      ['009_a.sql', true, 'SELECT 1;\n'],
      ['010_b.sql', false, '-- ferry: no-transaction\nSELECT 1;'],
    ]);
    expect(problems).toEqual([]);
  });

  test('has one checksum, whatever ends its lines and marks its bytes', () => {
    const sums = ['a;\nb;\n', 'a;\r\nb;\r\n', '\ufeffa;\nb;\n'].map(
      (text) => migrationSet([file('001_a.sql', text)]).migrations[0]!.checksum,
    );
    expect(new Set(sums).size).toBe(1);
    expect(migrationSet([file('001_a.sql', 'a;\nb; \n')]).migrations[0]!.checksum).not.toBe(sums[0]);
  });

  test.each([
    ['unnamed', ['001_a.sql', 'b.sql']],
    ['unnamed', ['001_a.sql', '001_a.down.sql']],
    ['duplicate', ['001_a.sql', '1_b.sql']],
    ['gap', ['001_a.sql', '003_b.sql']],
    ['release-falls', ['20250101000000_v0_8_0_a.sql', '20250101000001_b.sql', '20250101000002_v0_7_9_c.sql']],
  ])('%s', (kind, names) => {
    expect(kinds(set(...names).problems)).toEqual([kind]);
  });

  test.each([
    [['007_a.sql', '008_b.sql']],
    [['20250101000000_a.sql', '20250301000000_b.sql']],
    [['002_a.sql', '20250301000000_b.sql']],
  ])('%s has no gap', (names) => {
    expect(set(...names).problems).toEqual([]);
  });

  test('says which file is no text', () => {
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('SELECT 1;', 'utf16le')]);
    expect(() => migrationSet([{ file: '001_a.sql', bytes: utf16 }])).toThrow('001_a.sql is UTF-16');
    expect(() => migrationSet([file('001_a.sql', 'SELECT\n\0')])).toThrow('001_a.sql:2: a NUL');
  });

  test('is found by version, file and release', () => {
    const { migrations } = set('1_v0_1_0_a.sql', '2_v0_1_0_b.sql', '3_v0_2_0_c.sql');
    expect(['2', '1_v0_1_0_a.sql', 'v0.1.0', '0.2.0', '0.3.0'].map((one) => findMigration(migrations, one))).toEqual([
      1, 0, 1, 2, -1,
    ]);
  });
});

describe('a plan', () => {
  test('is what the history does not have', () => {
    const { pending, applied, problems } = planMigrations(set('1_a.sql', '2_b.sql', '3_c.sql'), {
      ...NONE,
      applied: [row('1')],
    });
    expect([applied, pending].map((all) => all.map(({ version }) => version))).toEqual([['1'], ['2', '3']]);
    expect(problems).toEqual([]);
  });

  test('refuses a file that was changed, one that is gone and one that comes late', () => {
    const some = set('1_a.sql', '2_b.sql', '3_c.sql');
    const { problems } = planMigrations(some, {
      ...NONE,
      applied: [row('1', 'other'), row('3', some.migrations[2]!.checksum), row('9')],
    });
    expect(problems.map(({ kind, version }) => [kind, version])).toEqual([
      ['changed', '1'],
      ['missing', '9'],
      ['out-of-order', '2'],
    ]);
  });

  test('knows what an interruption leaves', () => {
    const open = { file: '1_a.sql', version: '1', statementsDone: 2 };
    const plan = (run: { isTransactional: boolean; isUndoing?: boolean }, applied: AppliedVersion[] = []) =>
      kinds(planMigrations(set('1_a.sql'), { applied, open: [{ isUndoing: false, ...open, ...run }] }).problems);
    expect(plan({ isTransactional: true })).toEqual([]);
    expect(plan({ isTransactional: false })).toEqual(['interrupted']);
    expect(plan({ isTransactional: false }, [row('1')])).toEqual([]);
    expect(plan({ isTransactional: false, isUndoing: true }, [row('1')])).toEqual(['interrupted']);
    expect(plan({ isTransactional: false, isUndoing: true })).toEqual([]);
  });

  test('lets those that wait for a cutover come behind others, and nobody else', () => {
    const late = '-- ferry: after-copy\nSELECT 1;';
    const some = migrationSet([file('1_a.sql'), file('2_b.sql', late), file('3_c.sql', late), file('4_d.sql')]);
    const versions = (all: readonly { version: string }[]) => all.map(({ version }) => version);
    const ran = (...order: string[]) =>
      planMigrations(some, { ...NONE, applied: order.map((one, at) => row(one, null, at)) });
    expect(versions(beforeCopy(ran().pending))).toEqual(['1', '4']);
    expect([ran('1', '4').problems, versions(ran('1', '4').pending)]).toEqual([[], ['2', '3']]);
    expect(versions(ran('1', '4', '2', '3').applied)).toEqual(['1', '4', '2', '3']);
    expect(kinds(ran('1', '4', '3').problems)).toEqual(['out-of-order']);
    expect(kinds(ran('1', '2', '3').problems)).toEqual([]);
    expect(kinds(ran('2').problems)).toEqual(['out-of-order']);
  });

  test('has what others ran behind the version before it', () => {
    const applied = [row('1'), row('2', null, 9), row('3'), row('4', null, 5)];
    const { applied: found } = planMigrations(set('1_a.sql', '2_b.sql', '3_c.sql', '4_d.sql'), { ...NONE, applied });
    expect(found.map(({ version }) => version)).toEqual(['1', '4', '2', '3']);
  });

  test('takes every file exactly once, in order, and has no problem where a beginning of the set was applied', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.nat(30), (count, done) => {
        const names = Array.from({ length: count }, (_, index) => `${index + 1}_x.sql`);
        const all = set(...names.toReversed());
        const applied = all.migrations.slice(0, done).map(({ version, checksum }) => row(version, checksum));
        const plan = planMigrations(all, { ...NONE, applied });
        expect([...plan.applied, ...plan.pending].map((one) => one.file)).toEqual(names);
        expect(plan.problems).toEqual([]);
      }),
    );
  });
});

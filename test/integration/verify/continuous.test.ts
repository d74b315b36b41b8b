import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ruleKit } from '../../../platform/rule-kit.js';
import { ChangedKeys } from '../../../services/control/verify/changed-keys.js';
import {
  type ContinuousOptions,
  ContinuousVerification,
  type RoundReport,
} from '../../../services/control/verify/continuous.js';
import { withSessions } from '../../../services/control/verify/open-table.js';
import { RecordBuilder, relationOf } from '../../support/record-builder.js';
import { describeWithPostgres } from '../../support/servers.js';
import { mapping, Pair } from './pair.js';

const relation = relationOf(1, 'public.t', ['id', 'v']);

describeWithPostgres('rounds of a verification', () => {
  let pair: Pair;

  beforeAll(async () => {
    pair = await Pair.open();
  });
  afterAll(() => pair?.close());
  beforeEach(() => pair.reset());

  /** Compares in rounds; before each of them something is done, which may say which rows have changed. */
  async function rounds(
    before: readonly ((changed: (...keys: string[]) => void) => Promise<unknown>)[],
    { keyColumns = ['id'], readRunning = async () => () => true }: RoundsOptions = {},
  ): Promise<RoundReport[]> {
    const changed = new ChangedKeys(new Map([['public.t', keyColumns]]));
    const change = (...keys: string[]) => {
      const records = new RecordBuilder().begin('0/100').relation(relation);
      for (const key of keys) records.row(1, 'c', { new: [key, null] });
      for (const record of records.commit().take()) changed.take(record);
    };
    const stop = new AbortController();
    const reports: RoundReport[] = [];
    const due = [...before];
    const options: ContinuousOptions = {
      tables: [mapping()],
      kit: ruleKit,
      applied: { waitUntilApplied: async () => {} },
      connectSource: () => pair.connect('source'),
      connectTarget: () => pair.connect('target'),
      signal: stop.signal,
      changed,
      readChanges: async () => void (await due.shift()!(change)),
      readRunning,
      everyMs: 1,
      onRound: (report) => {
        reports.push(report);
        if (due.length === 0) stop.abort();
      },
    };
    const verification = new ContinuousVerification(options, []);
    await withSessions(options, (source, target) =>
      verification.run({ source, target, signal: stop.signal }, { stopsAtDifference: false }),
    );
    return reports;
  }

  /** Does something behind the source's back, and says which rows have changed. */
  const then =
    (act: () => Promise<unknown>, ...keys: string[]) =>
    async (changed: (...keys: string[]) => void) => {
      await act();
      changed(...keys);
    };
  const spoil = () => pair.target.query('UPDATE growth.t SET v = -1');
  const mend = () => pair.target.query('UPDATE growth.t SET v = 1');
  const nothing = async () => {};
  const seen = (reports: readonly RoundReport[]) =>
    reports.map(({ ok, tables }) => [ok, tables.flatMap(({ differences }) => differences.map(({ key }) => key[0]))]);

  test('a row that differs is looked at in each round until it is equal', async () => {
    await pair.both('id int PRIMARY KEY, v int', 'INSERT INTO @ VALUES (1, 1), (2, 1)');
    const reports = await rounds([then(spoil, '1'), nothing, mend, nothing]);
    expect(seen(reports)).toEqual([
      [false, ['1']],
      [false, ['1']],
      [true, []],
      [true, []],
    ]);
    expect(reports.map(({ tables }) => tables.length)).toEqual([1, 1, 1, 0]);
  });

  test('a key is found however the target writes it', async () => {
    await pair.source.query(
      `CREATE TABLE public.t (id char(5) PRIMARY KEY, v int); INSERT INTO public.t VALUES ('ab', 1)`,
    );
    await pair.target.query(
      `CREATE TABLE growth.t (id text PRIMARY KEY, v int); INSERT INTO growth.t VALUES ('ab', -1)`,
    );
    const reports = await rounds([async (changed) => changed('ab   ', 'gone')]);
    expect(seen(reports)).toEqual([[false, ['ab']]]);
  });

  test('of a table without a key all is compared again', async () => {
    await pair.both('id int, v int', 'INSERT INTO @ VALUES (1, 1), (2, 1)');
    const [first, second] = await rounds([nothing, then(spoil, '1')], {
      keyColumns: [],
    });
    expect(first!.tables).toEqual([]);
    expect(second).toMatchObject({ ok: false, tables: [{ rows: 2, differencesTotal: 4 }] });
  });

  test('what changed in a table that stands waits until it runs', async () => {
    await pair.both('id int PRIMARY KEY, v int', 'INSERT INTO @ VALUES (1, 1)');
    let looks = 0;
    const reports = await rounds([then(spoil, '1'), nothing], {
      readRunning: async () => {
        const isRunning = ++looks > 1;
        return () => isRunning;
      },
    });
    expect(reports.map(({ waiting }) => waiting)).toEqual([['public.t'], []]);
    expect(seen(reports)).toEqual([
      [true, []],
      [false, ['1']],
    ]);
  });

  test('a read that fails ends it, and is no equality', async () => {
    await pair.both('id int PRIMARY KEY, v int', 'INSERT INTO @ VALUES (1, 1)');
    const drop = () => pair.target.query('DROP TABLE growth.t');
    await expect(rounds([then(drop, '1')])).rejects.toMatchObject({
      code: 'target-unfit',
    });
  });
});

interface RoundsOptions {
  readonly keyColumns?: readonly string[];
  readonly readRunning?: ContinuousOptions['readRunning'];
}

import type { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Tuple } from '../../core/record.js';
import { ensureControlSchema } from '../../platform/control-schema.js';
import { connect } from '../../platform/postgres.js';
import { planStep } from '../../services/apply/adapters/planned.js';
import { StepWriter } from '../../services/apply/adapters/step-writer.js';
import { readTargetTables } from '../../services/apply/adapters/target-catalog.js';
import { TwoWay } from '../../services/apply/adapters/two-way.js';
import type { TableStep } from '../../services/apply/batch.js';
import type { NetChange } from '../../services/apply/fold.js';
import { shapeOf, type TableShape } from '../../services/apply/table-shape.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { relationOf } from '../support/record-builder.js';
import { describeWithPostgres, testServers } from '../support/servers.js';

/** Apply's own part of the mode users, on one database: an application writes beside it. */
describeWithPostgres('writing beside applications', () => {
  const PIPELINE = 'shop';
  let database: FreshDatabase;
  let target: Client;
  let application: Client;
  let shape: TableShape;

  beforeEach(async () => {
    database = await freshDatabase(testServers().targetServer, 'two_way');
    target = await connect('target', database.url, { applicationName: 'ferry-test' });
    application = await connect('target', database.url, { applicationName: 'ferry-test' });
    await ensureControlSchema(target);
    await target.query('CREATE SCHEMA shop; CREATE TABLE shop.items (id int PRIMARY KEY, note text)');
    await target.query(`INSERT INTO ferry.two_way (pipeline) VALUES ('${PIPELINE}')`);
    const tables = await readTargetTables(target, 'shop');
    shape = shapeOf(relationOf(1, 'shop.items', ['id', 'note'], { key: ['id'] }), tables.get('items'));
  });

  afterEach(async () => {
    await application.end();
    await target.end();
    await database.drop();
  });

  const now = async () => {
    const sql = `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS now`;
    return (await application.query<{ now: string }>(sql)).rows[0]!.now;
  };
  const stepOf = (change: NetChange, at: string): Extract<TableStep, { kind: 'changes' }> => {
    const key = (change.kind === 'delete' ? change.key : change.row)[0] as string;
    return { kind: 'changes', set: { shape, changes: new Map([[key, change]]), times: new Map([[key, at]]) } };
  };
  const put = (...row: Tuple): NetChange => ({ kind: 'upsert', row });
  const rows = async () => (await application.query('SELECT id, note FROM shop.items ORDER BY id')).rows;

  /** One change in a transaction of its own. @returns whether it was written. */
  async function apply(twoWay: TwoWay, step: Extract<TableStep, { kind: 'changes' }>): Promise<boolean> {
    await target.query(twoWay.begin);
    const isLeft = await twoWay.settle(step);
    if (isLeft) await new StepWriter(target, new Set(['shop.items'])).write(step);
    await target.query('COMMIT');
    return isLeft;
  }

  const twoWayOf = async (pruneEveryMs?: number) => (await TwoWay.of(target, PIPELINE, pruneEveryMs))!;

  test('without the mode there is nothing of it', async () => {
    expect(await TwoWay.of(target, 'another')).toBeUndefined();
  });

  test("what was written before the mode began, or by apply, savepoints' rows too, is nobody's later write", async () => {
    const earlier = await now();
    await application.query("INSERT INTO shop.items VALUES (1, 'before')");
    await target.query('UPDATE ferry.two_way SET began_at = clock_timestamp()');
    const twoWay = await twoWayOf();
    expect(await apply(twoWay, stepOf(put('1', 'a'), earlier))).toBe(true);
    expect(await apply(twoWay, stepOf(put('1', 'b'), earlier))).toBe(true);
    await target.query(twoWay.begin);
    await target.query(`SAVEPOINT one; ${twoWay.marks}; UPDATE shop.items SET note = 'c'; RELEASE one; COMMIT`);
    expect(await apply(twoWay, stepOf(put('1', 'd'), earlier))).toBe(true);
    await application.query("UPDATE shop.items SET note = 'of the application'");
    expect(await apply(twoWay, stepOf(put('1', 'e'), earlier))).toBe(false);
    expect(await rows()).toEqual([{ id: '1', note: 'of the application' }]);
    const { rows: conflicts } = await target.query(
      'SELECT key, why, lost, kept, kept_at > lost_at AS later FROM ferry.conflict',
    );
    expect(conflicts).toEqual([
      {
        key: '{1}',
        why: 'later',
        lost: '{"id": "1", "note": "e"}',
        kept: '{"id": 1, "note": "of the application"}',
        later: 't',
      },
    ]);
    expect(await apply(twoWay, stepOf(put('1', 'f'), await now()))).toBe(true);
  });

  test('a row that an application inserts between the look and the write is not overwritten', async () => {
    const twoWay = await twoWayOf();
    const step = stepOf(put('7', 'of the old project'), await now());
    await target.query(twoWay.begin);
    expect(await twoWay.settle(step)).toBe(true);
    await application.query("INSERT INTO shop.items VALUES (7, 'of the application')");
    const writer = new StepWriter(target, new Set(['shop.items']));
    await expect(writer.write(step)).rejects.toMatchObject({ code: 'transient-sql' });
    await target.query('ROLLBACK');
    expect(await rows()).toEqual([{ id: '7', note: 'of the application' }]);
  });

  test('a row that an application holds is waited for, and its write counts then; not for long', async () => {
    await application.query("INSERT INTO shop.items VALUES (1, 'a')");
    const twoWay = await twoWayOf();
    const at = await now();
    expect((await target.query('SHOW lock_timeout')).rows).toEqual([{ lock_timeout: '500ms' }]);
    await target.query("SET lock_timeout = '20s'");
    await application.query("BEGIN; UPDATE shop.items SET note = 'of the application'");
    const applying = apply(twoWay, stepOf(put('1', 'of the old project'), at));
    applying.catch(() => {});
    await application.query('COMMIT');
    expect(await applying).toBe(false);
    await target.query("SET lock_timeout = '20ms'");
    await application.query("BEGIN; UPDATE shop.items SET note = 'again'");
    await expect(apply(twoWay, stepOf(put('1', 'b'), at))).rejects.toMatchObject({ code: '55P03' });
    await target.query('ROLLBACK');
    await application.query('COMMIT');
  });

  test('a part of a row that is gone is given up, and said', async () => {
    const twoWay = await twoWayOf();
    expect(await apply(twoWay, stepOf({ kind: 'update', row: ['3', false] }, await now()))).toBe(false);
    const { rows: conflicts } = await target.query('SELECT key, op, why, lost, kept FROM ferry.conflict');
    expect(conflicts).toEqual([{ key: '{3}', op: 'update', why: 'gone', lost: '{"id": "3"}', kept: null }]);
  });

  test('an insert is planned as one, so that who is there keeps the row', async () => {
    const step = stepOf(put('1', 'a'), await now());
    await (await twoWayOf()).settle(step);
    expect(planStep(step).map(({ statement }) => statement.text)).toEqual([
      expect.stringMatching(/ON CONFLICT .* DO NOTHING$/),
    ]);
  });

  test('the commit waits for the clock, and what no older change can meet is forgotten', async () => {
    const twoWay = await twoWayOf(0);
    const soon = new Date(Date.parse(await now()) + 300).toISOString().replace('Z', '000Z');
    await twoWay.past(soon);
    expect((await now()) > soon).toBe(true);
    await apply(twoWay, stepOf(put('1', 'a'), await now()));
    await application.query(`DELETE FROM shop.items`);
    await target.query(`INSERT INTO ferry.tombstone (pipeline, table_name, key, xid)
      SELECT '${PIPELINE}', '"shop"."items"', '{1}', xid FROM ferry.applied_xid WHERE xid IS NOT NULL`);
    const left = async () =>
      (
        await target.query(`SELECT count(*) AS xids, (SELECT count(*) FROM ferry.tombstone) AS stones
        FROM ferry.applied_xid WHERE xid IS NOT NULL`)
      ).rows;
    const reached = (time: string) =>
      target.query(
        `INSERT INTO ferry.checkpoint (pipeline, topic, partition, commit_time) VALUES ('${PIPELINE}', 't', 0, ${time})
         ON CONFLICT (pipeline, topic, partition) DO UPDATE SET commit_time = EXCLUDED.commit_time`,
      );
    await reached('clock_timestamp()');
    await twoWay.prune();
    expect(await left()).toEqual([{ xids: '1', stones: '1' }]);
    await reached("clock_timestamp() + interval '2 minutes'");
    await target.query(
      `INSERT INTO ferry.table_state (pipeline, source_table, partition, state) VALUES ('${PIPELINE}', 'x', 0, 'paused')`,
    );
    await twoWay.prune();
    expect(await left()).toEqual([{ xids: '1', stones: '1' }]);
    await target.query("UPDATE ferry.table_state SET state = 'running'");
    await twoWay.prune();
    expect(await left()).toEqual([{ xids: '0', stones: '0' }]);
  });
});

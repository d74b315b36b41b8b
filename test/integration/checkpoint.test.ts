import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseLsn } from '../../core/lsn.js';
import { nthIndex } from '../../core/position.js';
import { ensureControlSchema } from '../../platform/control-schema.js';
import { connect } from '../../platform/postgres.js';
import { advanceCheckpoint, claimCheckpoint, ownership } from '../../services/apply/adapters/checkpoint.js';
import type { Applied, Progress } from '../../services/apply/batch.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { describeWithPostgres, testServers } from '../support/servers.js';

const people = (count: number): Applied =>
  new Map([['people', { source: 'public.people', target: 'shared.people', count, deadLettered: 0 }]]);

const at = (lsn: string, index: number, nextOffset: number): Progress => ({
  nextOffset,
  position: { lsn: parseLsn(lsn), index },
  commitEnd: parseLsn(lsn),
  commitTime: null,
});

describeWithPostgres('the checkpoint of a partition', () => {
  let database: FreshDatabase;
  let target: Client;
  let partition = 0;

  beforeAll(async () => {
    database = await freshDatabase(testServers().targetServer, 'checkpoint');
    target = await connect('target', database.url, { applicationName: 'ferry-test' });
    await ensureControlSchema(target);
  });
  afterAll(async () => {
    await target?.end();
    await database?.drop();
  });

  const claim = (owner: string) => claimCheckpoint(target, 'p', { topic: 'p.domain.shared', partition }, owner, 1);
  const applied = async () =>
    (await target.query('SELECT applied FROM ferry.ledger WHERE partition = $1', [partition])).rows[0]?.applied;

  test('is where the next owner goes on, and the ledger has what was counted', async () => {
    partition++;
    const first = await claim('first');
    await advanceCheckpoint(target, first, at('0/100', 2, 7), people(2));
    await advanceCheckpoint(target, first, at('0/200', 0, 8), people(3));
    expect((await claim('second')).progress).toEqual(at('0/200', 0, 8));
    expect(await applied()).toBe('5');
  });

  test('may stand between two changes of the source, in a target from before that was so, too', async () => {
    partition++;
    await target.query(
      'ALTER TABLE ferry.checkpoint ALTER index TYPE int; ALTER TABLE ferry.table_state ALTER stopped_index TYPE int',
    );
    await advanceCheckpoint(target, await claim('of before'), at('0/100', 7, 3), people(1));
    await ensureControlSchema(target);
    const between = at('0/100', nthIndex(7, 3), 4);
    await advanceCheckpoint(target, await claim('first'), between, people(1));
    expect((await claim('second')).progress).toEqual(between);
    const { rows } = await target.query(
      `SELECT DISTINCT atttypid::regtype::text AS type FROM pg_attribute WHERE attname IN ('index', 'stopped_index')
        AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'ferry'::regnamespace AND relkind = 'r')`,
    );
    expect(rows).toEqual([{ type: 'numeric' }]);
  });

  test('is not moved by an owner that was replaced', async () => {
    partition++;
    const [first, second] = [await claim('first'), await claim('second')];
    expect([await ownership(target, first), await ownership(target, second)]).toEqual(['another', 'ours']);
    await target.query('BEGIN');
    await expect(advanceCheckpoint(target, first, at('0/100', 2, 7), people(2))).rejects.toMatchObject({
      code: 'checkpoint-fenced',
    });
    await target.query('ROLLBACK');
    await advanceCheckpoint(target, second, at('0/100', 2, 7), people(2));
    expect(await applied()).toBe('2');
  });

  test.each([
    ['an earlier transaction', at('0/100', 9, 9)],
    ['an earlier event of the same', at('0/200', 3, 9)],
  ])('never goes back: to %s', async (_, back) => {
    partition++;
    const owner = await claim('owner');
    await advanceCheckpoint(target, owner, at('0/200', 4, 8), people(1));
    await expect(advanceCheckpoint(target, owner, back, people(1))).rejects.toThrow('p.domain.shared');
    expect((await claim('next')).progress).toEqual(at('0/200', 4, 8));
  });
});

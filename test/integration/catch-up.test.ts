import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseLsn } from '../../core/lsn.js';
import { ensureControlSchema } from '../../platform/control-schema.js';
import { openEmbeddedLog } from '../../platform/event-log/embedded/open.js';
import type { EventLog } from '../../platform/event-log/port.js';
import { silentLogger } from '../../platform/logger.js';
import { connect } from '../../platform/postgres.js';
import { advanceCheckpoint, claimCheckpoint } from '../../services/apply/adapters/checkpoint.js';
import { applyPartition } from '../../services/apply/apply-partition.js';
import { type CatchUpOptions, catchUpTables } from '../../services/apply/catch-up.js';
import { WaitsForOthers } from '../../services/apply/waits-for-others.js';
import { MemoryLog } from '../support/memory-log.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { RecordBuilder, relationOf } from '../support/record-builder.js';
import { describeWithPostgres, testServers } from '../support/servers.js';
import { mapping } from './verify/pair.js';

const AT = { topic: 'p.domain.growth', partition: 0 };

describeWithPostgres('a table that catches up', () => {
  let database: FreshDatabase;
  let target: Client;

  beforeAll(async () => {
    database = await freshDatabase(testServers().targetServer, 'catch_up');
    target = await connect('target', database.url, { applicationName: 'ferry-test' });
    await ensureControlSchema(target);
    await target.query('CREATE SCHEMA growth; CREATE TABLE growth.t (id text PRIMARY KEY)');
  });
  afterAll(async () => {
    await target?.end();
    await database?.drop();
  });

  const claim = () => claimCheckpoint(target, 'p', AT, 'test', 1);
  /** @param stop fires as soon as something is written: the turn is over then. */
  const options = async (log: EventLog, stop = new AbortController()): Promise<CatchUpOptions> => ({
    log,
    target,
    claim: await claim(),
    schema: 'growth',
    mappings: [mapping()],
    policy: () => 'halt',
    batchMaxBytes: 1_000_000,
    partitions: 3,
    logger: silentLogger,
    signal: stop.signal,
    passed: () => stop.abort(),
    stillOurs: async () => {},
    mayTake: () => false,
    waitsOf: () => new WaitsForOthers(3),
    deadLetterLimit: 1,
  });

  test('misses nothing of a record that was applied in part, when the others go on in between', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'ferry-catch-up-'));
    await using log = await openEmbeddedLog({ directory, pipeline: 'p' });
    await log.createTopics([{ topic: AT.topic, partitions: 3 }]);
    const created = (lsn: string, id: string) => (builder: RecordBuilder) =>
      builder
        .begin(lsn)
        .row(1, 'c', { new: [id] })
        .commit();
    const builder = new RecordBuilder().relation(relationOf(1, 'growth.t', ['id'], { source: 'public.t' }));
    const values = created('0/200', 'second')(created('0/100', 'first')(builder)).take();
    expect(values).toHaveLength(1);
    await log.append([{ ...AT, values }]);
    // Change by change, it has come to the first transaction's end.
    const middle = { lsn: parseLsn('0/100'), index: 1 };
    const progress = { nextOffset: 0, position: middle, commitEnd: parseLsn('0/130'), commitTime: null };
    await advanceCheckpoint(target, await claim(), progress, new Map());
    await target.query(`INSERT INTO ferry.table_state (pipeline, source_table, partition, state, stopped_offset, stopped_lsn, stopped_index)
      VALUES ('p', 'public.t', 0, 'catching-up', 0, '0/0', -1)`);

    expect(await catchUpTables(await options(log))).toBe(false);
    await applyPartition(await options(log));
    expect((await claim()).progress.position).toEqual({ lsn: parseLsn('0/200'), index: 1 });
    const { signal } = new AbortController();
    expect(await catchUpTables({ ...(await options(log)), signal })).toBe(true);
    const { rows } = await target.query('SELECT id FROM growth.t ORDER BY id');
    expect(rows.map(({ id }) => id)).toEqual(['first', 'second']);
    await rm(directory, { recursive: true });
  });

  test('has caught up where its topic ends with parts of a record that never became whole', async () => {
    const log = new MemoryLog();
    const builder = new RecordBuilder().relation(relationOf(1, 'growth.u', ['id'], { source: 'public.u' }));
    log.put(
      AT.topic,
      builder
        .begin('0/300')
        .row(1, 'c', { new: ['one'] })
        .commit()
        .take(),
    );
    log.endOffset = async () => 3;
    const progress = { nextOffset: 1, position: { lsn: parseLsn('0/300'), index: 1 }, commitEnd: parseLsn('0/330') };
    await target.query('CREATE TABLE growth.u (id text PRIMARY KEY)');
    await target.query("DELETE FROM ferry.checkpoint WHERE pipeline = 'p'");
    await advanceCheckpoint(target, await claim(), { ...progress, commitTime: null }, new Map());
    await target.query(`INSERT INTO ferry.table_state (pipeline, source_table, partition, state, stopped_offset, stopped_lsn, stopped_index)
      VALUES ('p', 'public.u', 0, 'catching-up', 0, '0/0', -1)`);

    const signal = AbortSignal.timeout(5_000);
    const given = { ...(await options(log)), mappings: [mapping({ source: 'public.u', target: 'growth.u' })], signal };
    expect(await catchUpTables(given)).toBe(true);
    expect((await target.query('SELECT id FROM growth.u')).rows).toEqual([{ id: 'one' }]);
  });
});

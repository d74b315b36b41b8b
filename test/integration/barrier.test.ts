import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { LSN_ZERO, parseLsn } from '../../core/lsn.js';
import { justBefore, POSITION_ZERO } from '../../core/position.js';
import { ensureControlSchema } from '../../platform/control-schema.js';
import { silentLogger } from '../../platform/logger.js';
import { connect } from '../../platform/postgres.js';
import { Barrier, TableStandsElsewhere } from '../../services/apply/adapters/barrier.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { describeWithPostgres, testServers } from '../support/servers.js';

const TOPIC = 'p.domain.growth';
const EVENT = { position: { lsn: parseLsn('0/500'), index: 3 }, sources: ['public.t'] };
const JUST_BEFORE = ['0/500', justBefore(EVENT.position).index] as const;
const BEFORE = ['0/400', 7] as const;
const BEHIND = ['0/900', 0] as const;

describeWithPostgres('where partitions wait for each other', () => {
  let database: FreshDatabase;
  let target: Client;

  beforeAll(async () => {
    database = await freshDatabase(testServers().targetServer, 'barrier');
    target = await connect('target', database.url, { applicationName: 'ferry-test' });
    await ensureControlSchema(target);
  });
  afterAll(async () => {
    await target?.end();
    await database?.drop();
  });
  beforeEach(() => target.query('TRUNCATE ferry.checkpoint, ferry.table_state'));

  const checkpoint = (partition: number, [lsn, index]: readonly [string, number]) =>
    target.query(
      `INSERT INTO ferry.checkpoint (pipeline, topic, partition, lsn, index) VALUES ('p', $1, $2, $3, $4)
       ON CONFLICT (pipeline, topic, partition) DO UPDATE SET lsn = EXCLUDED.lsn, index = EXCLUDED.index`,
      [TOPIC, partition, lsn, index],
    );
  const stands = (partition: number, state: string, [lsn, index]: readonly [string, number]) =>
    target.query(
      `INSERT INTO ferry.table_state (pipeline, source_table, partition, state, stopped_lsn, stopped_index)
       VALUES ('p', 'public.t', $1, $2, $3, $4) ON CONFLICT (pipeline, source_table, partition)
       DO UPDATE SET state = EXCLUDED.state, stopped_lsn = EXCLUDED.stopped_lsn, stopped_index = EXCLUDED.stopped_index`,
      [partition, state, lsn, index],
    );

  /** @returns what stops it, or whether the event is this partition's to do. */
  async function pass(
    partition: number,
    event = EVENT,
    { signal = AbortSignal.abort(), logger = silentLogger } = {},
  ): Promise<boolean | 'waits' | 'stands'> {
    const progress = { nextOffset: 0, position: POSITION_ZERO, commitEnd: LSN_ZERO, commitTime: null };
    const claim = { pipeline: 'p', at: { topic: TOPIC, partition }, epoch: '0', progress };
    const barrier = new Barrier(target, claim, { partitions: 3, signal, logger });
    return barrier.pass(event).catch((error: Error) => {
      if (error instanceof TableStandsElsewhere) return 'stands';
      expect(error).toMatchObject({ code: 'connection-lost' });
      return 'waits';
    });
  }

  test('the first does what the event says once all have come to it', async () => {
    await checkpoint(1, BEHIND);
    expect(await pass(0)).toBe('waits');
    await checkpoint(2, BEFORE);
    expect(await pass(0)).toBe('waits');
    await checkpoint(2, JUST_BEFORE);
    expect(await pass(0)).toBe(true);
  });

  test.each([
    ['catching-up', 'waits'],
    ['paused', 'stands'],
    ['halted', 'stands'],
  ])(
    'a table that is %s in another partition has come no further, however far the others have',
    async (state, found) => {
      await checkpoint(1, BEHIND);
      await checkpoint(2, BEHIND);
      await stands(2, state, BEFORE);
      expect(await pass(0)).toBe(found);
      expect(await pass(0, { ...EVENT, sources: ['public.other'] })).toBe(true);
      await stands(2, state, JUST_BEFORE);
      expect(await pass(0)).toBe(true);
    },
  );

  test('the others wait until the first has done it with the table, be it with all or catching up', async () => {
    await checkpoint(0, JUST_BEFORE);
    expect(await pass(1)).toBe('waits');
    await checkpoint(0, ['0/500', 3]);
    expect(await pass(1)).toBe(false);
    await checkpoint(0, BEHIND);
    await stands(0, 'catching-up', JUST_BEFORE);
    expect(await pass(1)).toBe('waits');
    await stands(0, 'running', BEFORE);
    expect(await pass(1)).toBe(false);
  });

  test('who waits for long says where, and for whom, once', async () => {
    await checkpoint(1, BEFORE);
    await checkpoint(2, BEHIND);
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (now += 10_000));
    const stop = new AbortController();
    const warn = vi.fn();
    const waiting = pass(0, EVENT, { signal: stop.signal, logger: { ...silentLogger, warn } as typeof silentLogger });
    try {
      await vi.waitUntil(() => warn.mock.calls.length > 0, { timeout: 30_000 });
      // It looks again some times.
      await sleep(100);
    } finally {
      stop.abort();
      expect(await waiting).toBe('waits');
      vi.restoreAllMocks();
    }
    expect(warn.mock.calls.map(([, message]) => message)).toEqual([
      'p.domain.growth/0 waits at 0/500#3, which all partitions have, for 1',
    ]);
  });

  test('where no table is meant, a table that stands holds nobody up', async () => {
    await checkpoint(1, BEHIND);
    await checkpoint(2, JUST_BEFORE);
    await stands(1, 'halted', BEFORE);
    expect(await pass(0, { ...EVENT, sources: [] })).toBe(true);
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Lsn, parseLsn } from '../../../core/lsn.js';
import { ensureControlSchema } from '../../../platform/control-schema.js';
import { type AppliedProbe, appliedProbe } from '../../../services/control/verify/applied-probe.js';
import type { TableReport } from '../../../services/control/verify/report.js';
import { describeWithPostgres } from '../../support/servers.js';
import { mapping, Pair } from './pair.js';

describeWithPostgres('verification while writes go on', () => {
  let pair: Pair;

  beforeAll(async () => {
    pair = await Pair.open();
  });
  afterAll(() => pair?.close());
  beforeEach(() => pair.reset());

  test('while writes go on, late and busy rows are no differences and a lost change is one', async () => {
    await pair.both(
      'id int PRIMARY KEY, v int, note text',
      `INSERT INTO @ SELECT i, 0, 'n' FROM generate_series(1, 2000) i`,
    );
    await using traffic = await startTraffic(pair, { lostKey: 1500 });
    await pair.source.query('UPDATE public.t SET v = -1 WHERE id = 1500');
    const reports: TableReport[] = [];
    for (let round = 0; round < 3; round++) reports.push(await pair.verifyOne(mapping(), { applied: traffic.applied }));
    expect(traffic.transactions()).toBeGreaterThan(100);
    for (const report of reports) {
      expect(report).toMatchObject({ differencesTotal: 1, unsettled: 0 });
      expect(report.differences).toEqual([{ key: ['1500'], kind: 'different', columns: ['v'] }]);
    }
  });

  test('a row that is written all the while and never seen equal is unsettled, not different', async () => {
    await pair.both('id int PRIMARY KEY, v int', 'INSERT INTO @ VALUES (1, 0)');
    const changing: AppliedProbe = {
      waitUntilApplied: async () => void (await pair.source.query('UPDATE public.t SET v = v + 1')),
    };
    await pair.target.query('UPDATE growth.t SET v = -1');
    expect(await pair.verifyOne(mapping(), { applied: changing, maxAttempts: 4 })).toMatchObject({
      equal: false,
      differencesTotal: 0,
      unsettled: 1,
    });
  });

  test('a row that goes back and forth is no difference', async () => {
    await pair.both('id int PRIMARY KEY, v boolean', 'INSERT INTO @ VALUES (1, true)');
    let looks = 0;
    // The target is one change ahead of the source's first read at each look, and the source is back when it is read again.
    const flapping: AppliedProbe = {
      waitUntilApplied: async () => {
        if (++looks > 3) return void (await pair.target.query('UPDATE growth.t SET v = true'));
        await pair.source.query('UPDATE public.t SET v = NOT v; UPDATE public.t SET v = NOT v');
      },
    };
    await pair.target.query('UPDATE growth.t SET v = false');
    expect(await pair.verifyOne(mapping(), { applied: flapping })).toMatchObject({ equal: true, unsettled: 0 });
  });

  test('the probe waits for every domain topic, and says how far a standing apply lags', async () => {
    await ensureControlSchema(pair.target);
    const tables = [mapping(), mapping({ source: 'public.u', target: 'shared.u' })];
    const probe = appliedProbe(pair.target, {
      pipeline: 'demo',
      mappingVersion: 1,
      tables,
      partitions: 1,
      pollIntervalMs: 5,
      stallTimeoutMs: 200,
    });
    const signal = new AbortController().signal;
    const checkpoint = (schema: string, lsn: string) =>
      pair.target.query(
        `INSERT INTO ferry.checkpoint (pipeline, topic, partition, commit_end) VALUES ('demo', $1, 0, $2)
         ON CONFLICT (pipeline, topic, partition) DO UPDATE SET commit_end = excluded.commit_end`,
        [`demo.domain.${schema}`, lsn],
      );
    await checkpoint('growth', '0/2000');
    await expect(probe.waitUntilApplied(parseLsn('0/1000'), signal)).rejects.toMatchObject({
      code: 'not-ready',
      message: expect.stringContaining('nothing is applied yet'),
    });
    await checkpoint('shared', '0/0FF0');
    await expect(probe.waitUntilApplied(parseLsn('0/1000'), signal)).rejects.toMatchObject({
      code: 'not-ready',
      message: expect.stringContaining('lag 16 bytes'),
    });
    const waiting = probe.waitUntilApplied(parseLsn('0/1000'), signal);
    await checkpoint('shared', '0/1000');
    await waiting;
  });
});

/**
 * An application that writes public.t (one row in each of its transactions, so that row is always changing) and a
 * replicator that brings growth.t to a later state of it again and again, save for one row whose changes it loses.
 */
async function startTraffic(pair: Pair, options: { lostKey: number }) {
  let isStopped = false;
  let transactions = 0;
  let applied = 0n as Lsn;
  const clients = {
    writer: await pair.connect('source'),
    reader: await pair.connect('source'),
    target: await pair.connect('target'),
  };

  const write = async () => {
    for (let i = 0; !isStopped; i++) {
      const id = 1 + ((i * 7919) % 2000);
      if (id === options.lostKey) continue;
      await clients.writer.query(`BEGIN; UPDATE public.t SET v = v + 1 WHERE id = 1;
        INSERT INTO public.t VALUES (${id}, 1, 'again') ON CONFLICT (id) DO UPDATE SET v = public.t.v + 1;
        DELETE FROM public.t WHERE id = ${1 + ((id * 31) % 2000)} AND id NOT IN (1, ${options.lostKey});
        INSERT INTO public.t VALUES (${3000 + (i % 500)}, 1, 'new') ON CONFLICT (id) DO UPDATE SET v = public.t.v + 1;
        COMMIT`);
      transactions++;
      // Writers that take the whole machine would leave the comparison nothing of it.
      await sleep(2);
    }
  };
  const replicate = async () => {
    while (!isStopped) {
      const { rows: lsns } = await clients.reader.query('SELECT pg_current_wal_insert_lsn() AS lsn');
      const { rows } = await clients.reader.query('SELECT id, v, note FROM public.t WHERE id <> $1', [options.lostKey]);
      await clients.target.query('BEGIN');
      await clients.target.query('DELETE FROM growth.t WHERE id <> ALL ($1::int[])', [
        [...rows.map(({ id }) => id), options.lostKey],
      ]);
      await clients.target.query(
        `INSERT INTO growth.t SELECT * FROM unnest($1::int[], $2::int[], $3::text[])
         ON CONFLICT (id) DO UPDATE SET v = excluded.v, note = excluded.note
         WHERE (growth.t.v, growth.t.note) IS DISTINCT FROM (excluded.v, excluded.note)`,
        [rows.map(({ id }) => id), rows.map(({ v }) => v), rows.map(({ note }) => note)],
      );
      await clients.target.query('COMMIT');
      applied = parseLsn(lsns[0].lsn);
      await sleep(30);
    }
  };
  const running = Promise.all([write(), replicate()]);
  const probe: AppliedProbe = {
    waitUntilApplied: async (lsn) => {
      while (applied < lsn) await sleep(5);
    },
  };
  return {
    applied: probe,
    transactions: () => transactions,
    [Symbol.asyncDispose]: async () => {
      isStopped = true;
      await running;
      for (const client of Object.values(clients)) await client.end();
    },
  };
}

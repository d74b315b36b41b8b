import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureControlSchema } from '../../../platform/control-schema.js';
import { connect } from '../../../platform/postgres.js';
import { readLoad, refuseHiddenActivity, VERIFY_SESSIONS } from '../../../services/control/verify/read-load.js';
import { eventually } from '../../support/eventually.js';
import { describeWithPostgres } from '../../support/servers.js';
import { mapping, Pair } from './pair.js';

const OF = { pipeline: 'demo', mappingVersion: 1, tables: [mapping()], partitions: 1 };

describeWithPostgres('the load that verification waits for', () => {
  let pair: Pair;

  beforeAll(async () => {
    pair = await Pair.open();
    await pair.reset();
    await ensureControlSchema(pair.target);
  });
  afterAll(() => pair?.close());

  test('a lag is not known before anything is applied, then it is measured by the source', async () => {
    expect(await readLoad(pair, OF)).toMatchObject({ lagBytes: null, lagMs: null });
    const { rows } = await pair.source.query(
      'SELECT pg_current_wal_insert_lsn() AS lsn, pg_current_wal_insert_lsn() - 4096 AS before',
    );
    await pair.target.query(
      `INSERT INTO ferry.checkpoint (pipeline, topic, partition, commit_end, commit_time)
       VALUES ('demo', 'demo.domain.growth', 0, $1, now() - interval '1 hour')`,
      [rows[0].before],
    );
    const { lagBytes, lagMs } = await readLoad(pair, OF);
    expect(lagBytes).toBeGreaterThanOrEqual(4096);
    expect(lagMs).toBeGreaterThanOrEqual(3_600_000);
  });

  test('sessions that work are counted, those of verification itself are not', async () => {
    const names = [...Array<string>(12).fill(VERIFY_SESSIONS), 'application', 'application'];
    const sleepers = await Promise.all(
      names.map((applicationName) => connect('source', pair.databases.source.url, { applicationName })),
    );
    const sleeping = Promise.all(sleepers.map((one) => one.query('SELECT pg_sleep(60)').catch(() => {})));
    try {
      const active = async () =>
        (
          await pair.source.query(
            `SELECT application_name AS name FROM pg_stat_activity WHERE datname = current_database() AND query ~ '^SELECT pg_sleep' AND state = 'active'`,
          )
        ).rows.length;
      await eventually(async () => (await active()) === names.length, { what: 'the sessions to sleep' });
      // Other tests work at the same server, but a few sessions at a time.
      const load = await readLoad(pair, OF);
      expect(load.active).toBeGreaterThanOrEqual(2);
      expect(load.active).toBeLessThan(40);
      expect(load.connections).toBeGreaterThan(names.length);
      expect(load.maxConnections).toBeGreaterThanOrEqual(load.connections);
    } finally {
      await pair.source.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query ~ '^SELECT pg_sleep'`,
      );
      await sleeping;
      for (const one of sleepers) await one.end().catch(() => {});
    }
  });

  test('a role that sees nobody at work is told so', async () => {
    const reader = `${pair.databases.source.name}_reader`;
    await pair.source.query(`CREATE ROLE ${reader} LOGIN PASSWORD 'reader'`);
    const url = new URL(pair.databases.source.url);
    url.username = reader;
    url.password = 'reader';
    const session = await connect('source', url.href, { applicationName: 'test' });
    try {
      await expect(refuseHiddenActivity(session)).rejects.toMatchObject({
        code: 'privilege-missing',
        remedy: expect.stringContaining(`GRANT pg_read_all_stats TO ${reader}`),
      });
      await pair.source.query(`GRANT pg_read_all_stats TO ${reader}`);
      await refuseHiddenActivity(session);
    } finally {
      await session.end();
      await pair.source.query(`DROP ROLE ${reader}`);
    }
  });

  test('a load that cannot be read is an error', async () => {
    const source = await pair.connect('source');
    await source.end();
    await expect(readLoad({ source, target: pair.target }, OF)).rejects.toMatchObject({ code: 'source-unreachable' });
  });
});

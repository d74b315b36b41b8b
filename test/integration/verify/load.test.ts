import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureControlSchema } from '../../../platform/control-schema.js';
import { connect } from '../../../platform/postgres.js';
import { readLoad, refuseHiddenActivity, VERIFY_SESSIONS } from '../../../services/control/verify/read-load.js';
import { eventually } from '../../support/eventually.js';
import { ownServer } from '../../support/own-server.js';
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
    // It is of the whole server, at which nobody else may work then.
    const server = await ownServer();
    const source = await connect('source', server.url, { applicationName: 'test' });
    const sleepers = await Promise.all(
      names.map((applicationName) => connect('source', server.url, { applicationName })),
    );
    const sleeping = Promise.all(sleepers.map((one) => one.query('SELECT pg_sleep(60)').catch(() => {})));
    try {
      const asleep = async () =>
        (await source.query("SELECT FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep' AND state = 'active'")).rows;
      await eventually(async () => (await asleep()).length === names.length, { what: 'the sessions to sleep' });
      const asking = 1;
      const load = await readLoad({ source, target: pair.target }, OF);
      expect(load.active).toBe(2 + asking);
      expect(load.connections).toBeGreaterThanOrEqual(names.length + asking);
      expect(load.maxConnections).toBeGreaterThanOrEqual(load.connections);
    } finally {
      await source.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'");
      await sleeping;
      for (const one of [...sleepers, source]) await one.end().catch(() => {});
      await server.stop();
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

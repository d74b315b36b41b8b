import { expect, test } from 'vitest';
import { connect } from '../../platform/postgres.js';
import { ownServer } from '../support/own-server.js';
import { freshDatabase } from '../support/postgres.js';
import { describeWithKafka, describeWithPostgres, testServers } from '../support/servers.js';

describeWithPostgres('the PostgreSQL servers of the tests', () => {
  test.each(['sourceServer', 'targetServer'] as const)('%s decodes logically and takes superusers', async (which) => {
    const client = await connect('source', testServers()[which], { applicationName: 'ferry-test' });
    try {
      const { rows } = await client.query(
        "SELECT pg_catalog.current_setting('wal_level') AS wal, pg_catalog.current_setting('is_superuser') AS super",
      );
      expect(rows).toEqual([{ wal: 'logical', super: 'on' }]);
    } finally {
      await client.end();
    }
  });

  test('a fresh database is dropped with its slots and sessions', async () => {
    const { sourceServer } = testServers();
    const database = await freshDatabase(sourceServer, 'support');
    const slot = `${database.name}_slot`;
    const session = await connect('source', database.url, { applicationName: 'ferry-test' });
    await session.query('SELECT pg_catalog.pg_create_logical_replication_slot($1, $2)', [slot, 'pgoutput']);
    await database.drop();
    await expect(session.query('SELECT 1')).rejects.toThrow();
    const server = await connect('source', sourceServer, { applicationName: 'ferry-test' });
    try {
      const { rows } = await server.query(
        `SELECT (SELECT count(*) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1) AS slots,
                (SELECT count(*) FROM pg_catalog.pg_database WHERE datname = $2) AS databases`,
        [slot, database.name],
      );
      expect(rows).toEqual([{ slots: '0', databases: '0' }]);
    } finally {
      await server.end();
    }
  });
});

test('a server of its own crashes and comes back under the same URL', async () => {
  const server = await ownServer();
  try {
    const before = await connect('source', server.url, { applicationName: 'ferry-test' });
    await before.query('CREATE TABLE public.kept ()');
    for (const crash of [true, false]) {
      await server.restart({ crash });
      const after = await connect('source', server.url, { applicationName: 'ferry-test' });
      expect((await after.query("SELECT pg_catalog.to_regclass('public.kept') AS kept")).rows).toEqual([
        { kept: 'public.kept' },
      ]);
      await after.end();
    }
  } finally {
    await server.stop();
  }
});

describeWithKafka('the Kafka of the tests', () => {
  test('names its brokers', () => {
    expect(testServers().brokers).toEqual([expect.stringMatching(/^.+:\d+$/)]);
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { connect } from '../../../platform/postgres.js';
import { readCatalogOnceSeen } from '../../../services/capture/adapters/source-catalog.js';
import { freshDatabase } from '../../support/postgres.js';
import { describeWithPostgres, testServers } from '../../support/servers.js';

describeWithPostgres('the catalog behind a transaction', () => {
  test('is read once others see the transaction, which its WAL may come ahead of', async () => {
    const database = await freshDatabase(testServers().sourceServer, 'catalog');
    const open = () => connect('source', database.url, { applicationName: 'test' });
    const [writer, reader] = [await open(), await open()];
    try {
      await writer.query('CREATE TABLE public.t (id int)');
      await writer.query('BEGIN; ALTER TABLE public.t ADD late text');
      const { rows } = await writer.query(
        "SELECT 'public.t'::regclass::oid::int8 AS oid, pg_current_xact_id()::xid AS xid",
      );
      const [oid, xid] = [Number(rows[0].oid), Number(rows[0].xid)];
      let isRead = false;
      const reading = readCatalogOnceSeen(reader, oid, xid).finally(() => {
        isRead = true;
      });
      await sleep(200);
      expect(isRead).toBe(false);
      await writer.query('COMMIT');
      expect((await reading).get(oid)!.map(({ name }) => name)).toEqual(['id', 'late']);
    } finally {
      await Promise.all([writer.end(), reader.end()]);
      await database.drop();
    }
  });
});

import { expect, test } from 'vitest';
import { ownServer } from '../support/own-server.js';
import { startPipeline } from '../support/pipeline.js';
import { fromPublic } from '../support/pipeline-files.js';
import { describeWithPostgres } from '../support/servers.js';

describeWithPostgres('a source that stops answering while its connections stand', () => {
  test('is reported as unreachable, and capture goes on once it answers again', async () => {
    const server = await ownServer({ wal_level: 'logical' });
    try {
      await using pipeline = await startPipeline({
        driver: 'embedded',
        sourceServer: server.url,
        schemaSql: 'CREATE TABLE public.users (id int PRIMARY KEY, name text)',
        sourceSql: `INSERT INTO public.users SELECT i, 'u' FROM generate_series(1, 100) i`,
        tables: { shared: fromPublic('users') },
      });
      await pipeline.expectApplied();
      await server.freeze();
      try {
        await pipeline.until('capture to find that the source does not answer', async () =>
          (await pipeline.capture.stderr()).includes('source-unreachable'),
        );
      } finally {
        await server.thaw();
      }
      await pipeline.source.query(`UPDATE public.users SET name = 'after' WHERE id <= 10`);
      await pipeline.expectApplied();
      expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
    } finally {
      await server.stop();
    }
  });
});

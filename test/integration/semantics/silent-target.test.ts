import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { type OwnServer, ownServer } from '../../support/own-server.js';
import { type Pipeline, startPipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';

describeWithPostgres('a target that makes apply wait', () => {
  let source: OwnServer;
  let target: OwnServer;
  let pipeline: Pipeline;

  beforeAll(async () => {
    source = await ownServer({ wal_level: 'logical', wal_sender_timeout: '2s' });
    target = await ownServer();
    pipeline = await startPipeline({
      driver: 'embedded',
      sourceServer: source.url,
      targetServer: target.url,
      schemaSql: 'CREATE TABLE public.users (id int PRIMARY KEY, name text)',
      sourceSql: `INSERT INTO public.users SELECT i, 'u' FROM generate_series(1, 100) i`,
      tables: { shared: fromPublic('users') },
    });
  });
  afterAll(async () => {
    await pipeline?.[Symbol.asyncDispose]();
    await Promise.all([source?.stop(), target?.stop()]);
  });

  /** Of capture's stream and apply's session: the same for as long as they stand. */
  async function sessions(): Promise<string[]> {
    const stream = await pipeline.source.query('SELECT active_pid AS pid FROM pg_replication_slots');
    const writer = await pipeline.target.query(
      "SELECT pid FROM pg_stat_activity WHERE application_name = 'ferry apply shared' AND datname = current_database()",
    );
    return [...stream.rows, ...writer.rows].map(({ pid }) => pid as string);
  }

  test('by a lock is waited for, for long, and costs no connection, not even with a wal_sender_timeout of 2 s', async () => {
    await pipeline.expectApplied();
    const before = await sessions();
    expect(before).toHaveLength(2);
    const other = await pipeline.connect('target');
    await other.query('BEGIN; LOCK TABLE shared.users');
    await pipeline.source.query(
      `INSERT INTO public.users SELECT i, repeat('x', 10000) FROM generate_series(1001, 3000) i`,
    );
    // Longer than a quiet session is left alone.
    await other.query('SELECT pg_sleep(16)');
    expect(await sessions()).toEqual(before);
    await other.query('ROLLBACK');
    await pipeline.expectApplied();
    expect(await sessions()).toEqual(before);
  });

  test('by standing still while its connections stand is not waited for, and apply goes on once it answers', async () => {
    await pipeline.source.query(`UPDATE public.users SET name = 'frozen' WHERE id < 50`);
    await target.freeze();
    try {
      await pipeline.source.query(`UPDATE public.users SET name = 'after' WHERE id < 50`);
      await eventually(async () => (await pipeline.apply.stderr()).includes('the server does not answer any more'), {
        what: 'apply to find that the target does not answer',
        timeoutMs: 90_000,
      });
    } finally {
      await target.thaw();
    }
    await pipeline.expectApplied();
  });
});

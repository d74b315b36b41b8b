import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { connect } from '../../../platform/postgres.js';
import { runPreflight } from '../../../services/control/preflight/run-preflight.js';
import { ownServer } from '../../support/own-server.js';
import type { FreshDatabase } from '../../support/postgres.js';
import { describeWithPostgres } from '../../support/servers.js';
import { brief, CheckedPair, only, pipelineOf, problems } from './checked-pair.js';

describeWithPostgres('preflight as a role without privileges', () => {
  let pair: CheckedPair;

  beforeAll(async () => {
    pair = await CheckedPair.open();
  });

  afterAll(async () => {
    await pair?.close();
  });

  beforeEach(() => pair.reset());

  const role = `check_${randomBytes(4).toString('hex')}`;
  const as = (database: FreshDatabase) => {
    const url = new URL(database.url);
    url.username = role;
    url.password = 'secret';
    return connect('source', url.href, { applicationName: 'test' });
  };

  beforeEach(async () => {
    for (const client of [pair.source, pair.target]) {
      await client.query(`DO $$ BEGIN CREATE ROLE ${role} LOGIN PASSWORD 'secret';
          EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`);
    }
  });

  afterEach(async () => {
    for (const client of [pair.source, pair.target]) await client.query(`DROP OWNED BY ${role}`);
    await pair.source.query(`DROP ROLE IF EXISTS ${role}`);
    await pair.target.query(`DROP ROLE IF EXISTS ${role}`);
  });

  test('every missing privilege is named, and the statements it gives are enough', async () => {
    await pair.source.query(
      'CREATE TABLE public.t (id serial PRIMARY KEY); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY',
    );
    await pair.target.query(
      'CREATE TABLE growth.t (id serial PRIMARY KEY); ALTER TABLE growth.t ENABLE ROW LEVEL SECURITY',
    );
    const pipeline = pipelineOf('  t: {from: public.t}\n');
    const mine = { source: await as(pair.databases.source), target: await as(pair.databases.target) };
    try {
      const findings = problems(await pair.check(pipeline, mine));
      expect(brief(findings)).toEqual([
        `error source replication-role ${role}`,
        'error source source-privileges public',
        'error source source-privileges public.t',
        'error source row-security public.t',
        `error source publication ferry_${pipeline.name}`,
        `warn source fence-privileges ${pair.databases.source.name}`,
        'warn source fence-privileges public.t',
        'warn source open-transactions -',
        `error target control-schema ${pair.databases.target.name}`,
        'warn target replica-role session_replication_role',
        'error target target-privileges growth',
        'error target target-privileges growth.t',
        'error target target-privileges growth.t_id_seq',
        'error target row-security growth.t',
      ]);
      for (const { side, remedy } of findings) {
        const statement = remedy!.replace(/^As .*?: /, '').replace(/ \(PostgreSQL.*$| to the role, or .*$/, '');
        const sql = statement.endsWith('pg_read_all_stats') ? `${statement} TO ${role}` : statement;
        await (side === 'source' ? pair.source : pair.target).query(sql);
      }
      expect(problems(await pair.check(pipeline, mine))).toEqual([]);
    } finally {
      await mine.source.end();
      await mine.target.end();
    }
  });
});

describeWithPostgres('preflight of a server that is set up wrongly', () => {
  let server: Awaited<ReturnType<typeof ownServer>>;

  beforeAll(async () => {
    server = await ownServer({
      wal_level: 'replica',
      max_replication_slots: '1',
      max_slot_wal_keep_size: '64MB',
      wal_sender_timeout: '2s',
      max_prepared_transactions: '2',
    });
  });

  afterAll(async () => {
    await server?.stop();
  });

  test('each setting is named with the statement that changes it', async () => {
    const client = await connect('source', server.url, { applicationName: 'test' });
    try {
      await client.query(
        "CREATE TABLE public.t (id int PRIMARY KEY); SELECT pg_create_physical_replication_slot('idle')",
      );
      await client.query('BEGIN');
      await client.query("INSERT INTO public.t VALUES (1); PREPARE TRANSACTION 'it''s open'");
      await client.query('CREATE SCHEMA growth; CREATE TABLE growth.t (id int PRIMARY KEY)');
      const findings = await runPreflight(pipelineOf('  t: {from: public.t}\n'), { source: client, target: client });
      await client.query("ROLLBACK PREPARED 'it''s open'");
      expect(brief(findings)).toEqual([
        'error source wal-level -',
        'error source replication-slot -',
        'warn source wal-retention -',
        'warn source wal-sender-timeout -',
        "warn source prepared-transactions it's open",
      ]);
      expect(only(findings, 'replication-slot').message).toBe('all 1 replication slots are taken; nobody reads idle');
      expect(only(findings, 'prepared-transactions').remedy).toContain("COMMIT PREPARED 'it''s open'");
    } finally {
      await client.end();
    }
  });
});

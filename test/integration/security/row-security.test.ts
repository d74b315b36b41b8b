import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sourceObjectName } from '../../../core/topics.js';
import { connect, quoteIdentifier } from '../../../platform/postgres.js';
import { createLogin, dropLogin } from '../../support/login.js';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';
import { ServiceProcess } from '../../support/service-process.js';

describeWithPostgres('row-level security that hides rows from our role', () => {
  const role = `ferry_rls_${randomBytes(4).toString('hex')}`;
  let pipeline: Pipeline;
  let url: string;

  beforeAll(async () => {
    pipeline = await makePipeline({
      driver: 'embedded',
      schemaSql: 'CREATE TABLE public.t (id int PRIMARY KEY, mine boolean)',
      sourceSql: 'INSERT INTO public.t SELECT i, i > 5 FROM generate_series(1, 10) i',
      tables: { growth: fromPublic('t') },
    });
    url = await createLogin(pipeline.config.source.url, { role, password: 'secret', attributes: 'REPLICATION' });
    await pipeline.source.query(
      `GRANT SELECT ON public.t TO ${role};
       CREATE PUBLICATION ${quoteIdentifier(sourceObjectName(pipeline.config.name))} FOR TABLE public.t`,
    );
  });
  afterAll(async () => {
    await pipeline?.source.query(`DROP OWNED BY ${role}`);
    const { url: server } = pipeline.config.source;
    await pipeline?.[Symbol.asyncDispose]();
    await dropLogin(new URL('/postgres', server).href, role);
  });

  test('a read that began to be filtered fails instead, whoever enabled it meanwhile', async () => {
    const session = await connect('source', url, { applicationName: 'ferry-test' });
    expect((await session.query('SELECT count(*) AS n FROM public.t')).rows).toEqual([{ n: '10' }]);
    await pipeline.source.query(
      'ALTER TABLE public.t ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON public.t USING (mine)',
    );
    await expect(session.query('SELECT count(*) AS n FROM public.t')).rejects.toMatchObject({ code: '42501' });
    await session.end();
  });

  test('capture refuses the table before there is a slot, and goes on once the role may see every row', async () => {
    const capture = new ServiceProcess('capture', {
      config: pipeline.config.directory,
      stderrFile: join(pipeline.config.directory, 'capture.log'),
      env: { ...pipeline.env, SOURCE_URL: url },
    });
    capture.start();
    capture.mayEnd();
    expect(await capture.ended).toMatchObject({ code: 1 });
    expect(await capture.stderrTail()).toContain('row-level security hides rows of public.t from our role');
    const slots = await pipeline.source.query(
      'SELECT FROM pg_catalog.pg_replication_slots WHERE database = current_database()',
    );
    expect(slots.rows).toEqual([]);
    await pipeline.source.query(`ALTER ROLE ${role} BYPASSRLS`);
    capture.start();
    pipeline.transform.start();
    pipeline.apply.start();
    await pipeline.untilStreaming();
    await pipeline.expectApplied();
    await capture.stop();
  });
});

import { join } from 'node:path';
import type { Client } from 'pg';
import { expect, test } from 'vitest';
import { connect } from '../../platform/postgres.js';
import type { Finding } from '../../services/control/preflight/finding.js';
import { runFerry } from '../support/cli.js';
import { ownServer } from '../support/own-server.js';
import { type Pipeline, startPipeline } from '../support/pipeline.js';
import { fromPublic } from '../support/pipeline-files.js';
import { describeWithPostgres } from '../support/servers.js';
import { ServiceProcess } from '../support/service-process.js';
import { standbyOf } from '../support/standby.js';
import { tableDifferences } from '../support/table-differences.js';

/** The same database in another server. */
function inServer(pipeline: Pipeline, server: string): string {
  const url = new URL(server);
  url.pathname = new URL(pipeline.config.source.url).pathname;
  return url.href;
}

function captureFrom(pipeline: Pipeline, url: string): ServiceProcess {
  const capture = new ServiceProcess('capture', {
    config: pipeline.config.directory,
    stderrFile: join(pipeline.config.directory, `capture-${new URL(url).port}.log`),
    env: { ...pipeline.env, SOURCE_URL: url },
  });
  capture.start();
  return capture;
}

async function promote(url: string): Promise<Client> {
  const session = await connect('source', url, { applicationName: 'ferry-test' });
  await session.query('SELECT pg_catalog.pg_promote()');
  return session;
}

describeWithPostgres('a source that fails over', () => {
  test('a standby is waited for; one that lost changes is refused; one that has all goes on without loss', async () => {
    const primary = await ownServer();
    const standby = await standbyOf(primary, 'standby');
    const behind = await standbyOf(primary, 'behind');
    try {
      await using pipeline = await startPipeline({
        driver: 'embedded',
        schemaSql: 'CREATE TABLE public.t (id int PRIMARY KEY, v text)',
        sourceSql: "INSERT INTO public.t SELECT i, 'snapshot' FROM generate_series(1, 100) i",
        tables: { growth: fromPublic('t') },
        sourceServer: primary.url,
      });
      const urls = { standby: inServer(pipeline, standby.url), behind: inServer(pipeline, behind.url) };
      const watched = await connect('source', urls.standby, { applicationName: 'ferry-test' });
      const synced =
        "SELECT FROM pg_catalog.pg_replication_slots WHERE slot_type = 'logical' AND synced AND NOT temporary";
      // It looks each 30 s at last, and where the slot was behind what the standby still has, once more.
      const isKept = async () => (await watched.query(synced)).rows.length === 1;
      await pipeline.until('the standby to keep the slot', isKept, 120_000);
      await behind.down({ crash: false });
      await pipeline.source.query("INSERT INTO public.t SELECT i, 'streamed' FROM generate_series(101, 200) i");
      await pipeline.expectApplied();
      await pipeline.capture.kill();

      const waiting = captureFrom(pipeline, urls.standby);
      await pipeline.until('capture to say that it waits', async () =>
        /the source is a standby: capture makes a publication .*; trying again/.test(await waiting.stderr()),
      );
      const { host, port } = pipeline.source;
      expect(await waiting.stderr()).toContain(`Name the primary in source.url: this one follows ${host}:${port}.`);
      const checked = await runFerry(['check', '-c', pipeline.config.directory, '--json'], {
        ...pipeline.env,
        SOURCE_URL: urls.standby,
      });
      expect(checked.code).toBe(3);
      const { findings } = checked.json<{ findings: readonly Finding[] }>();
      expect(findings.filter(({ level }) => level === 'error')).toMatchObject([
        {
          check: 'primary',
          side: 'source',
          remedy: `Name the primary in source.url: this one follows ${host}:${port}.`,
        },
      ]);
      await pipeline.until('the standby to have all', async () => {
        const { rows } = await watched.query('SELECT count(*) AS n FROM public.t');
        return rows[0].n === '200';
      });
      await primary.down({ crash: true });

      await behind.up();
      const lost = await promote(urls.behind);
      const refused = captureFrom(pipeline, urls.behind);
      refused.mayEnd();
      expect(await refused.ended).toMatchObject({ code: 1 });
      expect(await refused.stderrTail()).toMatch(/failed over to timeline 2, which left it at .* that it never had/);
      await lost.end();

      const promoted = await promote(urls.standby);
      await promoted.query(
        "INSERT INTO public.t VALUES (201, 'after'); UPDATE public.t SET v = 'after' WHERE id <= 10",
      );
      await pipeline.until('the promoted server to be captured', async () => {
        const { rows } = await pipeline.target.query("SELECT count(*) AS n FROM growth.t WHERE v = 'after'");
        return rows[0].n === '11';
      });
      expect(await tableDifferences(promoted, pipeline.target, pipeline.config.tables[0]!)).toEqual([]);
      await waiting.stop();
      await watched.end();
      await promoted.end();
      // Where the test's database is dropped.
      await primary.up();
    } finally {
      await Promise.all([primary.stop(), standby.stop(), behind.stop()]);
    }
  }, 300_000);
});

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrateTarget } from '../../../cli/target-migrations.js';
import { loadPipeline } from '../../../platform/load-pipeline.js';
import { connect } from '../../../platform/postgres.js';
import { runFerry, testEnvironment } from '../../support/cli.js';
import { runMigrationFiles } from '../../support/migration-files.js';
import { type OwnServer, ownServer } from '../../support/own-server.js';
import { Pipeline } from '../../support/pipeline.js';
import { testWithDumper, whyNoDumper } from '../../support/with-dumper.js';
import { CROWDED_SOURCE, MANAGED } from './crowded-source.js';

/** Two tables of coupons that count their rows, each by itself, and what refers to one of them. */
const COUPONS = `
CREATE TABLE public.coupon_codes (
  id serial PRIMARY KEY, code text NOT NULL UNIQUE, percent_off integer NOT NULL, ends_on date, note text);
CREATE TABLE public.coupon_codes_old (
  id bigserial PRIMARY KEY, code varchar(40) NOT NULL UNIQUE, percent_off smallint, "endsOn" date, status text NOT NULL DEFAULT 'open');
CREATE TABLE public.coupon_uses (id bigint PRIMARY KEY, coupon_id integer REFERENCES public.coupon_codes, used_at timestamptz);
INSERT INTO public.coupon_codes (code, percent_off) SELECT 'c' || i, i FROM generate_series(1, 30) i;
INSERT INTO public.coupon_codes_old (code, percent_off, status) SELECT 'c' || i, i, 'shut' FROM generate_series(21, 50) i;
INSERT INTO public.coupon_uses SELECT i, i % 30 + 1, now() FROM generate_series(1, 60) i;
CREATE POLICY "all read" ON public.vendor_api_keys_v2 FOR SELECT USING (true);
CREATE POLICY "none read" ON public.api_keys FOR SELECT USING (false);
INSERT INTO maas.memory_entries (id, title) SELECT md5(i::text)::uuid, 'm' || i FROM generate_series(1, 10) i;
INSERT INTO public.memory_entries (id, title) SELECT md5(i::text)::uuid, 'p' || i FROM generate_series(6, 15) i;
`;

describe('what inspect proposes of a crowded database is moved', () => {
  let server: OwnServer;
  let pipeline: Pipeline;
  let directory: string;
  let reason: string | undefined;

  beforeAll(async () => {
    server = await ownServer({ autovacuum: 'off' });
    const home = await connect('target', server.url, { applicationName: 'test' });
    const { rows } = await home.query<{ major: string }>(
      "SELECT current_setting('server_version_num')::int / 10000 AS major",
    );
    reason = await whyNoDumper(server.url, Number(rows[0]!.major));
    for (const name of ['crowded', 'domains']) await home.query(`CREATE DATABASE ${name}`);
    await home.end();
    const urlOf = (name: string) => Object.assign(new URL(server.url), { pathname: `/${name}` }).href;
    const env = { SOURCE_URL: urlOf('crowded'), TARGET_URL: urlOf('domains') };
    const source = await connect('source', env.SOURCE_URL, { applicationName: 'test' });
    const target = await connect('target', env.TARGET_URL, { applicationName: 'test' });
    await source.query(CROWDED_SOURCE + COUPONS);
    await target.query(MANAGED);
    directory = await mkdtemp(join(tmpdir(), 'ferry-inspect-merged-'));
    const out = join(directory, 'mine');
    const inspected = await runFerry(['inspect', '--watch', '1ms', '--out', out], testEnvironment(env));
    expect(inspected.code, inspected.stderr).toBe(0);
    pipeline = new Pipeline(await loadPipeline(out, env), { source, target }, async () => {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    });
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]() ?? server?.stop());

  const inPlace = testWithDumper(() => reason);
  const values = async (sql: string) =>
    (await pipeline.target.query<Record<string, string>>(sql)).rows.map((row) => Object.values(row)[0]);
  const isAfterCopy = (text: string) => text.includes('-- ferry: after-copy');
  const migrations = () => join(pipeline.config.directory, 'target', 'migrations');

  test('it writes merges with precedence, what makes rows one, and where they came from', async () => {
    const merged = (target: string) => pipeline.config.tables.filter((table) => table.target.table === target);
    expect(merged('api_keys').map(({ source }) => source.table)).toEqual([
      ...['vendor_api_keys_v2', 'vendor_api_keys', 'api_keys', 'stored_api_keys'],
    ]);
    expect(merged('api_keys')[0]!.lineage!.unique).toEqual(['id']);
    expect(merged('coupon_codes').map(({ source }) => source.table)).toHaveLength(2);
    expect(merged('coupon_codes')[0]!.lineage!.unique).toEqual(['code']);
    const { schema } = merged('coupon_codes')[0]!.target;
    const text = await readFile(join(pipeline.config.directory, 'mapping', `${schema}.yaml`), 'utf8');
    expect(text).toContain('lookup: ');
  });

  inPlace('ferry schema makes each of them once, and its migrations run twice', async () => {
    const made = await pipeline.ferry('schema', '--json');
    expect([0, 3], made.stderr).toContain(made.code);
    const { findings } = made.json<{ findings: { kind: string; object: string; why: string }[] }>();
    const left = findings.filter(({ kind }) => kind === 'left').map(({ object }) => object);
    expect(left).toContain('policy "none read" on public.api_keys');
    expect(left).not.toContain('policy "all read" on public.vendor_api_keys_v2');
    await migrateTarget(pipeline.config, 'before');
    await runMigrationFiles(pipeline.target, migrations(), (text) => !isAfterCopy(text));
    const checked = await pipeline.ferry('check', '--json');
    const errors = checked.json<{ findings: { level: string }[] }>().findings.filter(({ level }) => level === 'error');
    expect(errors).toEqual([]);
  });

  inPlace('what it wrote is copied, follows, and is verified equal', async () => {
    pipeline.start();
    await pipeline.untilStreaming();
    await pipeline.source.query(`
      UPDATE public.vendor_api_keys SET key_name = 'later' WHERE key_prefix LIKE 'vk_29%';
      DELETE FROM public.vendor_api_keys_v2 WHERE key_prefix = 'vk_11';
      INSERT INTO public.coupon_codes_old (code, percent_off) VALUES ('late', 5)`);
    await pipeline.untilApplied();
    const [api, coupons, memory] = ['api_keys', 'coupon_codes', 'memory_entries'].map((table) => {
      const { target } = pipeline.config.tables.find((one) => one.target.table === table)!;
      return `${target.schema}.${target.table}`;
    });
    expect(await values(`SELECT count(*) FROM ${api}`)).toEqual(['300']);
    expect(await values(`SELECT origin FROM ${api} WHERE key_prefix = 'vk_11'`)).toEqual(['vendor_api_keys']);
    expect(await values(`SELECT origin || ' ' || count(*) FROM ${coupons} GROUP BY origin ORDER BY 1`)).toEqual([
      'coupon_codes 30',
      'coupon_codes_old 21',
    ]);
    expect(
      await values(`SELECT DISTINCT coalesce(status, 'none') FROM ${coupons} WHERE origin = 'coupon_codes'`),
    ).toEqual(['open']);
    expect(await values(`SELECT origin || ' ' || count(*) FROM ${memory} GROUP BY origin ORDER BY 1`)).toHaveLength(2);
    const verified = await pipeline.ferry('verify', '--json');
    expect(verified.code, verified.stdout + verified.stderr).toBe(0);
  });

  inPlace('what waits for the copy runs, twice as well: each use of a coupon refers to one', async () => {
    await migrateTarget(pipeline.config, 'after');
    await runMigrationFiles(pipeline.target, migrations(), isAfterCopy);
    expect(await values("SELECT convalidated FROM pg_constraint WHERE conname = 'coupon_uses_coupon_id_fkey'")).toEqual(
      ['t'],
    );
    const policies = "SELECT policyname FROM pg_policies WHERE tablename = 'api_keys'";
    expect(await values(policies)).toEqual(['all read']);
  });
});

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { inspectCommand } from '../../../cli/inspect.js';
import { mapCommand } from '../../../cli/map.js';
import { loadPipeline } from '../../../platform/load-pipeline.js';
import { connect } from '../../../platform/postgres.js';
import { inspectSource } from '../../../services/control/inspect/inspect-source.js';
import type { InspectReport } from '../../../services/control/inspect/report.js';
import { runPreflight } from '../../../services/control/preflight/run-preflight.js';
import { type OwnServer, ownServer } from '../../support/own-server.js';
import { CROWDED_SOURCE } from './crowded-source.js';

describe('a crowded database, inspected', () => {
  let server: OwnServer;
  let source: Client;
  let folder: string;
  let env: { SOURCE_URL: string; TARGET_URL: string };
  let first: InspectReport & { readonly files: readonly string[] };

  beforeAll(async () => {
    // It would take transaction numbers, and estimate rows that the test wants counted.
    server = await ownServer({ autovacuum: 'off' });
    folder = await mkdtemp(join(tmpdir(), 'ferry-inspect-'));
    const home = await connect('target', server.url, { applicationName: 'test' });
    await home.query('CREATE DATABASE crowded');
    await home.end();
    const url = new URL(server.url);
    url.pathname = '/crowded';
    env = { SOURCE_URL: url.href, TARGET_URL: server.url };
    source = await connect('source', url.href, { applicationName: 'test' });
    await source.query(CROWDED_SOURCE);
    await source.query('SELECT pg_stat_force_next_flush()');
    first = await reported('--out', join(folder, 'mine'), '--picture', join(folder, 'domains.md'));
  });

  afterAll(async () => {
    await source?.end();
    await server?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  /** What the command prints. */
  async function inspect(...args: string[]): Promise<string> {
    const printed: string[] = [];
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => printed.push(String(chunk)) > 0);
    vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => printed.push(String(chunk)) > 0);
    try {
      await inspectCommand().parseAsync(['--source', env.SOURCE_URL, '--watch', '1ms', ...args], { from: 'user' });
      return printed.join('');
    } finally {
      write.mockRestore();
      vi.restoreAllMocks();
    }
  }

  const reported = async (...args: string[]) =>
    JSON.parse((await inspect('--json', ...args)).trimEnd().split('\n').at(-1)!) as InspectReport & { files: string[] };

  test('a first configuration is written, loads, and passes what can be checked', async () => {
    const out = join(folder, 'mine');
    const { tables, domains, merges, files } = first;
    expect(domains.map(({ schema }) => schema)).toEqual(expect.arrayContaining(['security', 'billing', 'shared']));
    expect(merges).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          into: 'api_keys',
          tables: ['public.vendor_api_keys_v2', 'public.vendor_api_keys', 'public.api_keys', 'public.stored_api_keys'],
        }),
      ]),
    );
    expect(tables.find(({ name }) => name === 'auth.users')!.left).toContain('the platform');
    expect(tables.find(({ name }) => name === 'public.schema_migrations')!.left).toContain('migration tool');
    expect(tables.find(({ name }) => name === 'public.vendor_api_keys')).toMatchObject({ rows: 300, key: ['id'] });
    expect((await readdir(join(out, 'mapping'))).map((file) => `mapping/${file}`).sort()).toEqual(files.slice(1));
    expect(await readFile(join(folder, 'domains.md'), 'utf8')).toMatch(/^```mermaid\nflowchart LR\n {2}subgraph d0\["/);
    for (const file of files) expect(await readFile(join(out, file), 'utf8')).not.toContain('127.0.0.1');

    const memory = await readFile(join(out, 'mapping/memory.yaml'), 'utf8');
    expect(memory).toContain('  memory_entries:\n    merge:\n      - from: public.memory_entries\n');
    expect(memory).toContain('    unique: [id]\n');

    const pipeline = await loadPipeline(out, env);
    const moved = tables.filter(({ left }) => left === null);
    expect(pipeline.tables.map(({ target }) => `${target.schema}.${target.table}`).sort()).toEqual(
      moved.map(({ target }) => target).sort(),
    );
    const target = await connect('target', env.TARGET_URL, { applicationName: 'test' });
    try {
      const findings = await runPreflight(pipeline, { source, target });
      expect(findings.filter(({ level, side }) => level === 'error' && side === 'source')).toEqual([]);
      const onTarget = findings.filter(({ level, side }) => level === 'error' && side === 'target');
      expect(new Set(onTarget.map(({ check }) => check))).toEqual(new Set(['tables-exist', 'extension-types']));
    } finally {
      await target.end();
    }
    await expect(reported('--out', out)).rejects.toMatchObject({ code: 'usage' });
  });

  test('what names public is found with its line, and what leaves it to search_path, too', () => {
    const { hardcoded, findings } = first;
    const lines = (object: string) =>
      hardcoded.filter((one) => one.object === object).map(({ kind, line, names }) => [kind, line, ...names]);
    expect(lines('public.key_owner(text)')).toEqual([
      ['function', 6, 'public.api_keys'],
      ['function', 8, 'public.%I'],
    ]);
    expect(lines('owners read on public.orders')).toEqual([['policy', 1, 'public.is_vendor']]);
    expect(lines('touched on public.users')).toEqual([['trigger', 1, 'public.users', 'public.touch']]);
    expect(lines('public.spending').flatMap(([, , ...names]) => names)).toEqual(['public.users', 'public.orders']);
    expect(lines('public.count_orders()').length).toBeGreaterThan(0);
    expect(findings).toContainEqual(
      expect.objectContaining({ object: 'public.silent()', message: expect.stringContaining('messages') }),
    );
    expect(findings).toContainEqual(
      expect.objectContaining({
        object: 'public.key_owner(text)',
        message: expect.stringContaining('search_path=public'),
      }),
    );
  });

  test('what will not survive a move is named, each with why', () => {
    const why = (object: string) =>
      first.findings.filter((finding) => finding.object === object).map(({ check, message }) => `${check}: ${message}`);
    expect(why('public.chat_drafts')).toEqual([expect.stringContaining('table: no key')]);
    expect(why('public.chat_cache')).toEqual([expect.stringContaining('table: unlogged')]);
    expect(why('public.payment_holds')).toEqual([expect.stringContaining('table: REPLICA IDENTITY NOTHING')]);
    expect(why('public.rates')).toEqual([expect.stringContaining('table: a foreign table')]);
    expect(why('public.products')).toEqual([
      'generated-column: computed by the target, not copied: title_key',
      'foreign-key: (vendor_id) will refer from commerce to vendors',
    ]);
    expect(why('public.orders')).toContain('policy-trigger: 1 policy: owners read; row-level security');
    expect(why('public.spending')).toEqual(['view: reads tables of several domains: commerce, shared']);
    expect(why('public.order_numbers')).toEqual(['sequence: no column owns it; used by public.orders']);
    expect(why('public.forgotten')).toEqual([expect.stringContaining('sequence: no column owns or uses it')]);
    expect(why('citext')).toEqual(['extension: columns of public.products are of its types']);
    expect(why('pg_largeobject')).toEqual([expect.stringContaining('large-objects: 1 large object')]);
    expect(why('public.profiles')).toContain('foreign-key: (user_id) refers to auth.users, which does not move');
  });

  test('writes are counted between two readings', async () => {
    const client = await connect('source', env.SOURCE_URL, { applicationName: 'test' });
    let writes: Promise<unknown> | undefined;
    const write = () =>
      source.query('INSERT INTO public.webhook_logs (id) VALUES (1); SELECT pg_stat_force_next_flush(); SELECT 1');
    try {
      const { report } = await inspectSource(client, {
        watchMs: 1_000,
        onProgress: ({ doing }) => {
          if (doing === 'counting rows') writes = write();
        },
      });
      await writes;
      const written = report.tables.filter(({ writesPerSecond }) => writesPerSecond > 0).map(({ name }) => name);
      expect(written).toEqual(['public.webhook_logs']);
    } finally {
      await client.end();
    }
  });

  test('people read it without a password in it, and nothing was written into the source', async () => {
    const before = await source.query(
      'SELECT pg_current_xact_id_if_assigned(), pg_snapshot_xmax(pg_current_snapshot()) AS next',
    );
    const text = await inspect();
    const after = await source.query(
      'SELECT pg_current_xact_id_if_assigned(), pg_snapshot_xmax(pg_current_snapshot()) AS next',
    );
    expect(after.rows).toEqual(before.rows);
    expect(text).not.toContain(decodeURIComponent(new URL(env.SOURCE_URL).password));
    expect(text).toContain('proposed domains:');
    expect(text).toContain('what seems to be there more than once:');
    expect(text).toContain('what will not come along by itself:');
  });

  test('where a role may not read, it says so and goes on', async () => {
    await source.query(
      "CREATE ROLE looker LOGIN PASSWORD 'secret'; GRANT SELECT ON public.orders, public.vendors TO looker",
    );
    const url = new URL(env.SOURCE_URL);
    url.username = 'looker';
    url.password = 'secret';
    const client = await connect('source', url.href, { applicationName: 'test' });
    try {
      const { report } = await inspectSource(client, { watchMs: 1, onProgress: () => {} });
      const of = (check: string) =>
        report.findings.filter((finding) => finding.check === check).map(({ object }) => object);
      expect(of('replication-role')).toEqual(['looker']);
      expect(of('source-privileges')).toContain('public.messages');
      expect(of('row-security')).toEqual(['public.orders']);
      expect(report.domains.length).toBeGreaterThan(3);
    } finally {
      await client.end();
    }
  });

  test('map explain reads what was written', async () => {
    const target = await connect('target', env.TARGET_URL, { applicationName: 'test' });
    await target.query('CREATE SCHEMA commerce; CREATE TABLE commerce.orders (id uuid PRIMARY KEY)');
    await target.end();
    const printed: string[] = [];
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => printed.push(String(chunk)) > 0);
    vi.stubEnv('SOURCE_URL', env.SOURCE_URL);
    vi.stubEnv('TARGET_URL', env.TARGET_URL);
    try {
      const args = ['explain', 'public.orders', '-c', join(folder, 'mine'), '--json'];
      await mapCommand().parseAsync(args, { from: 'user' });
      expect(JSON.parse(printed.join(''))).toMatchObject({
        ok: true,
        tables: [{ source: 'public.orders', isMove: true }],
      });
    } finally {
      write.mockRestore();
      vi.unstubAllEnvs();
    }
  });
});

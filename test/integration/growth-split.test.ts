import { join } from 'node:path';
import { pipeline as pipe } from 'node:stream/promises';
import type { Client } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrateTarget } from '../../cli/target-migrations.js';
import { type TableMapping, targetColumn } from '../../core/mapping.js';
import { displayName } from '../../core/relation.js';
import { ensureControlSchema } from '../../platform/control-schema.js';
import { type LoadedPipeline, loadPipeline } from '../../platform/load-pipeline.js';
import { packageRoot } from '../../platform/package-root.js';
import { connect, quoteIdentifier, quoteName } from '../../platform/postgres.js';
import { auditWrites } from '../../services/demo/audit.js';
import { loadFixture } from '../../services/demo/fixture.js';
import { growthSplit } from '../../services/demo/growth-split/application.js';
import { startWriter } from '../../services/demo/writer.js';
import { eventually } from '../support/eventually.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { describeWithPostgres, testServers } from '../support/servers.js';

const DIRECTORY = join(packageRoot(), 'config', 'growth-split');

describeWithPostgres('the growth split', () => {
  let databases: { source: FreshDatabase; target: FreshDatabase };
  let source: Client;
  let target: Client;
  let pipeline: LoadedPipeline;

  beforeEach(async () => {
    const { sourceServer, targetServer } = testServers();
    databases = {
      source: await freshDatabase(sourceServer, 'growth_source'),
      target: await freshDatabase(targetServer, 'growth_target'),
    };
    const urls = { SOURCE_URL: databases.source.url, TARGET_URL: databases.target.url };
    pipeline = await loadPipeline(DIRECTORY, urls);
    source = await connect('source', urls.SOURCE_URL, { applicationName: 'ferry-test' });
    target = await connect('target', urls.TARGET_URL, {
      applicationName: 'ferry-test',
      settings: { session_replication_role: 'replica' },
    });
  });

  afterEach(async () => {
    await Promise.all([source.end(), target.end()]);
    await Promise.all([databases.source.drop(), databases.target.drop()]);
  });

  async function copyTable(mapping: TableMapping): Promise<void> {
    const columns = await columnsOf(mapping);
    const names = columns.map(quoteIdentifier).join(', ');
    const renamed = columns.map((column) => quoteIdentifier(targetColumn(mapping, column))).join(', ');
    await pipe(
      source.query(copyTo(`COPY (SELECT ${names} FROM ${quoteName(mapping.source)}) TO STDOUT`)),
      target.query(copyFrom(`COPY ${quoteName(mapping.target)} (${renamed}) FROM STDIN`)),
    );
  }

  /** Without the generated ones: nobody may write them. */
  async function columnsOf(mapping: TableMapping): Promise<string[]> {
    const { rows } = await source.query<{ attname: string }>(
      `SELECT attname FROM pg_attribute
       WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
      [quoteName(mapping.source)],
    );
    return rows.map((row) => row.attname);
  }

  /** Sets every sequence of a copied table behind the ids that the source has given. */
  async function setSequences(): Promise<void> {
    for (const mapping of pipeline.tables) {
      for (const column of await columnsOf(mapping)) {
        const sequence = 'SELECT pg_get_serial_sequence($1, $2) AS name';
        const { rows: from } = await source.query(sequence, [quoteName(mapping.source), column]);
        if (!from[0].name) continue;
        const { rows: to } = await target.query(sequence, [quoteName(mapping.target), targetColumn(mapping, column)]);
        const { rows: last } = await source.query(`SELECT last_value FROM ${from[0].name}`);
        await target.query('SELECT setval($1, $2)', [to[0].name, last[0].last_value]);
      }
    }
  }

  async function fenceSource(): Promise<void> {
    await source.query(`CREATE FUNCTION public.fence() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'schemaferry: % is being cut over', TG_TABLE_NAME USING ERRCODE = '40001'; END $$`);
    // One by one: together, their locks and those of the application would wait for each other.
    for (const { source: table } of pipeline.tables) {
      await source.query(`CREATE TRIGGER fence BEFORE INSERT OR UPDATE OR DELETE ON ${quoteName(table)}
        EXECUTE FUNCTION public.fence()`);
    }
  }

  test('14 tables and exactly the rows asked for, the same every time', async () => {
    expect(await loadFixture(DIRECTORY, databases.source.url, { rows: 2_345 })).toEqual({ tables: 14, rows: 2_345 });
    expect(pipeline.tables.map((mapping) => displayName(mapping.source)).sort()).toEqual(
      (
        await source.query(
          "SELECT 'public.' || tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
        )
      ).rows.map((row) => row.name),
    );
    // Of all rows' text, taken once: who changes the data on purpose changes it here.
    const { rows } = await source.query<{ md5: string }>(
      `SELECT md5(string_agg(md5, '' ORDER BY md5 COLLATE "C")) AS md5 FROM (${pipeline.tables
        .map((mapping) => `SELECT md5(t::text) FROM ${quoteName(mapping.source)} AS t`)
        .join(' UNION ALL ')}) AS row_texts`,
    );
    expect(rows[0]!.md5).toBe('0f4e12fc81d4d8e709affebd4a11a30d');
  });

  test('rows that are too few are refused', async () => {
    await expect(loadFixture(DIRECTORY, databases.source.url, { rows: 999 })).rejects.toMatchObject({ code: 'usage' });
  });

  test('the application moves with the flag, loses nothing, and goes on with new ids', async () => {
    await loadFixture(DIRECTORY, databases.source.url, { rows: 3_000 });
    await migrateTarget(pipeline, 'before');
    await ensureControlSchema(target);
    const writer = await startWriter({
      application: growthSplit,
      sourceUrl: databases.source.url,
      targetUrl: databases.target.url,
      pipeline: pipeline.name,
      ratePerSecond: 200,
      connections: 4,
      seed: 1,
    });
    await eventually(async () => (await writer.status()).writesOnSource >= 300, { what: 'writes on the source' });

    await fenceSource();
    await eventually(async () => (await writer.status()).refused > 0, { what: 'refused writes' });
    for (const mapping of pipeline.tables) await copyTable(mapping);
    await setSequences();
    await migrateTarget(pipeline, 'after');
    await target.query('INSERT INTO ferry.cutover (pipeline, serving) VALUES ($1, $2)', [pipeline.name, 'target']);
    await target.query(`SELECT pg_notify('ferry_cutover', $1)`, [pipeline.name]);
    await eventually(async () => (await writer.status()).writesOnTarget >= 300, { what: 'writes on the target' });

    const report = await writer.stop();
    expect(report).toMatchObject({ side: 'target', failed: 0, unknown: 0, errors: {} });
    expect(report.pauseMs).toBeGreaterThan(0);
    expect(await auditWrites(growthSplit, { side: 'target', url: databases.target.url }, report.claim)).toMatchObject({
      ok: true,
      acknowledged: report.committed,
      found: report.committed,
    });
  });
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { quoteLiteral } from '../../../platform/postgres.js';
import { commonExtensions } from '../../support/extensions.js';
import { makePipeline, type Pipeline } from '../../support/pipeline.js';
import { fromPublic } from '../../support/pipeline-files.js';
import { describeWithPostgres } from '../../support/servers.js';
import { EXTENSION_KEY_KINDS, KEY_KINDS, KEY_TYPES, type KeyKind } from './every-key.js';

/** Out of line, and so not in the WAL of an update that leaves it. */
const BIG = "pg_catalog.repeat('0123456789', 1000)";

interface KeyedTable extends KeyKind {
  readonly name: string;
}

const literal = ({ type }: KeyKind, key: string) => `${quoteLiteral(key)}::${type.replace(/ COLLATE.*/, '')}`;
/** By the text: the type's own equality would not tell a key from its twin. */
const hasKey = (kind: KeyKind, key: string) => `k::text COLLATE "C" = (${literal(kind, key)})::text`;

describeWithPostgres('keys of every type, in four partitions', () => {
  let pipeline: Pipeline;
  let tables: readonly KeyedTable[];

  beforeAll(async () => {
    const extensions = await commonExtensions(Object.keys(EXTENSION_KEY_KINDS));
    const kinds = [...KEY_KINDS, ...extensions.flatMap((name) => EXTENSION_KEY_KINDS[name]!)];
    tables = kinds.map((kind, i) => ({ ...kind, name: `public.k${i}` }));
    pipeline = await makePipeline({
      driver: 'embedded',
      partitions: 4,
      schemaSql: [
        ...extensions.map((name) => `CREATE EXTENSION ${name} SCHEMA public`),
        KEY_TYPES,
        ...tables.map(({ name, type }) => `CREATE TABLE ${name} (k ${type} PRIMARY KEY, n int, big text)`),
        ...tables.map(({ name }) => `ALTER TABLE ${name} ALTER big SET STORAGE EXTERNAL`),
      ].join(';'),
      sourceSql: tables.map((table) => table.keys.map((key) => insert(table, key)).join(';')).join(';'),
      tables: { growth: fromPublic(...tables.map((_, i) => `k${i}`)) },
      // Small pages: each next one begins behind it, in the order of its type.
      capture: { snapshotChunkRows: 2, snapshotParallelTables: 8 },
    });
    pipeline.start();
    await pipeline.untilStreaming();
  });
  afterAll(() => pipeline?.[Symbol.asyncDispose]());

  const insert = (table: KeyedTable, key: string) =>
    `INSERT INTO ${table.name} VALUES (${literal(table, key)}, 1, ${BIG})`;
  const commit = (statements: readonly string[]) =>
    pipeline.source.query(statements.map((sql) => `BEGIN; ${sql}; COMMIT`).join(';'));
  const twins = () => tables.filter(({ twin }) => twin !== undefined) as (KeyedTable & { readonly twin: string })[];

  test('the snapshot pages through each of them', async () => {
    await pipeline.expectApplied();
  });

  test('updates and deletes find their rows', async () => {
    await commit(
      tables.flatMap((table) => [
        `UPDATE ${table.name} SET n = 2 WHERE ${hasKey(table, table.keys[0]!)}`,
        `DELETE FROM ${table.name} WHERE ${hasKey(table, table.keys[1]!)}`,
        insert(table, table.keys[1]!),
      ]),
    );
    await pipeline.expectApplied();
  });

  for (const [change, what] of [
    [`n = n + 1`, 'its TOAST value stays'],
    [`big = 'whole'`, 'the whole row is known'],
  ] as const) {
    test(`a key takes another text that is equal, and takes it back; ${what}`, async () => {
      const take = (table: KeyedTable, from: string, to: string) =>
        `UPDATE ${table.name} SET k = ${literal(table, to)}, ${change} WHERE ${hasKey(table, from)}`;
      for (let round = 0; round < 3; round++) {
        await commit(
          twins().flatMap((table) => [
            take(table, table.keys[0]!, table.twin),
            `UPDATE ${table.name} SET n = 7 WHERE ${hasKey(table, table.twin)}`,
            `${take(table, table.twin, table.keys[0]!)}; ${take(table, table.keys[0]!, table.twin)}`,
          ]),
        );
        await pipeline.untilApplied();
        await commit(twins().map((table) => take(table, table.twin, table.keys[0]!)));
      }
      await pipeline.expectApplied();
    });
  }

  test('a key goes, and comes back in a text that is equal', async () => {
    await commit(
      twins().flatMap((table) => {
        const remove = (key: string) => `DELETE FROM ${table.name} WHERE ${hasKey(table, key)}`;
        const key = table.keys[0]!;
        return [`${remove(key)}; ${insert(table, table.twin)}`, remove(table.twin), insert(table, key), remove(key)];
      }),
    );
    await commit(twins().map((table) => insert(table, table.twin)));
    await pipeline.expectApplied();
    const verified = await pipeline.ferry('verify', '--json');
    expect(verified.code, verified.stderr).toBe(0);
    expect((await pipeline.status()).ledger).toMatchObject({ addsUp: true });
  });

  test('and all of it again by a replay', async () => {
    const replayed = await pipeline.ferry('replay', '--yes', '--json');
    expect(replayed.json(), replayed.stderr).toMatchObject({ ok: true });
    await pipeline.expectApplied();
  });
});

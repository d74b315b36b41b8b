import { finished } from 'node:stream/promises';
import fc from 'fast-check';
import type { Client } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { copyLine, parseCopyField } from '../../core/copy-text.js';
import type { Tuple } from '../../core/record.js';
import { connect, quoteName } from '../../platform/postgres.js';
import { StepWriter } from '../../services/apply/adapters/step-writer.js';
import { readTargetTables } from '../../services/apply/adapters/target-catalog.js';

import type { TableStep } from '../../services/apply/batch.js';
import { type ChangeSet, fold } from '../../services/apply/fold.js';
import * as statements from '../../services/apply/statements.js';
import { shapeOf, type TableShape } from '../../services/apply/table-shape.js';
import type { TablePlan } from '../../services/capture/snapshot/chunk.js';
import { chunkSql, readChunk } from '../../services/capture/snapshot/chunk-reader.js';
import { readTablePlan } from '../../services/capture/snapshot/table-plan.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { relationOf } from '../support/record-builder.js';
import { describeWithPostgres, testServers } from '../support/servers.js';
import { anyText, HOSTILE_TEXTS } from '../support/texts.js';

/** A schema, a table and columns whose names must be quoted, and types whose values are easily hurt. */
const SCHEMA = `
  CREATE SCHEMA "my ""schema""";
  CREATE TYPE "my ""schema"""."Kind" AS ENUM ('z', 'it''s', 'a');
  CREATE DOMAIN "my ""schema""".short AS varchar(3);
  CREATE TABLE "my ""schema"""."select" (
    "when" timestamptz, "a""b" "my ""schema"""."Kind", n numeric, f float8, t text, b bytea, j jsonb, v varchar(5),
    c char(4), bits bit(3), tags text[], kinds "my ""schema"""."Kind"[], r tstzrange, s "my ""schema""".short,
    doubled numeric GENERATED ALWAYS AS (n * 2) STORED,
    PRIMARY KEY ("a""b", "when"));
  CREATE TABLE "my ""schema""".pairs (b text COLLATE "C", a int, body text, big text, PRIMARY KEY (a, b));
  CREATE TABLE "my ""schema""".numbered (id int PRIMARY KEY, serial int GENERATED ALWAYS AS IDENTITY, note text);
  CREATE TABLE "my ""schema""".keys (a int, b text, PRIMARY KEY (a, b))`;

const AWKWARD: Record<string, string | null>[] = [
  {
    when: 'infinity',
    'a"b': "it's",
    n: '123456789012345678901234567890.123456789',
    f: '0.1',
    t: '\ufeff "a"\\b\n\t{}',
    b: '\\x00ff5c27',
    j: '{"a": 1.00, "b": ["\\"", null]}',
    v: 'ab   ',
    c: 'x   ',
    bits: '101',
    tags: '{"a,b",NULL,"NULL","\\"\\\\",""}',
    kinds: `{z,it's}`,
    r: '["2026-01-31 12:00:00.000001+00",)',
    s: 'abc',
  },
  {
    when: '-infinity',
    'a"b': 'a',
    n: 'NaN',
    f: '-Infinity',
    t: '',
    b: '\\x',
    j: 'null',
    v: '',
    c: '    ',
    bits: null,
    tags: '{}',
    kinds: null,
    r: 'empty',
    s: null,
  },
  {
    when: '2026-01-31 12:00:00.123456+00',
    'a"b': 'z',
    n: '1.50',
    f: '1.7976931348623157e+308',
    t: null,
    b: null,
    j: null,
    v: null,
    c: null,
    bits: null,
    tags: null,
    kinds: null,
    r: null,
    s: null,
  },
];

describeWithPostgres('generated SQL on a real server', () => {
  const schema = 'my "schema"';
  let database: FreshDatabase;
  let client: Client;
  let shapes: Record<string, TableShape>;

  beforeAll(async () => {
    database = await freshDatabase(testServers().targetServer, 'statements');
    client = await connect('target', database.url, { applicationName: 'ferry-test' });
    await client.query(SCHEMA);
    const tables = await readTargetTables(client, schema);
    shapes = Object.fromEntries(
      [...tables].map(([name, table]) => [
        name,
        shapeOf(relationOf(1, `${schema}.${name}`, [...table.columns.keys()], { key: table.keys[0] }), table),
      ]),
    );
  });
  afterAll(async () => {
    await client?.end();
    await database?.drop();
  });
  beforeEach(async () => {
    await client.query(
      Object.values(shapes)
        .map((shape) => `TRUNCATE ${quoteName(shape.table)}`)
        .join(';'),
    );
  });

  const select = () => shapes.select!;
  const tupleOf = (row: Record<string, string | null>): Tuple => select().columns.map(({ name }) => row[name]!);

  /** All rows of a table as tuples, generated columns left out, in the order of their keys. */
  async function rowsOf(shape: TableShape): Promise<(string | null)[][]> {
    const names = shape.columns.map(({ name }) => `"${name.replaceAll('"', '""')}"`);
    const key = shape.keyIndexes.map((index) => names[index]);
    const { rows } = await client.query<Record<string, string | null>>(
      `SELECT ${names.join(', ')} FROM ${quoteName(shape.table)} ORDER BY ${key.join(', ')}`,
    );
    return rows.map((row) => shape.columns.map(({ name }) => row[name]!));
  }

  async function run({ text, values, mustTouch }: statements.Statement): Promise<number> {
    const { rowCount } = await client.query(text, values as unknown[]);
    if (mustTouch !== undefined) expect(rowCount).toBe(mustTouch);
    return rowCount!;
  }

  async function copy(sql: string, text: Buffer): Promise<void> {
    const stream = client.query(copyFrom(sql));
    stream.end(text);
    await finished(stream);
  }

  async function copyOut(sql: string): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of client.query(copyTo(sql))) parts.push(part);
    return Buffer.concat(parts);
  }

  // In the order of the key: the enum's own, not the alphabet's.
  const [infinite, negative, plain] = AWKWARD as [(typeof AWKWARD)[0], (typeof AWKWARD)[0], (typeof AWKWARD)[0]];
  const stored = () => [plain, infinite, negative].map(tupleOf);

  test('upserts, whether the rows are there or not, keep every value as it is', async () => {
    await run(statements.upsertStatement(select(), [tupleOf({ ...infinite, t: 'before', n: null }), tupleOf(plain)]));
    await run(statements.upsertStatement(select(), AWKWARD.map(tupleOf)));
    expect(await rowsOf(select())).toEqual(stored());
  });

  test('COPY, straight and over the staging table, keeps every value as it is, in any order of columns', async () => {
    const names = select().columns.map(({ name }) => name);
    const straight = statements.copyText([tupleOf(infinite)]);
    await copy(statements.copyStatement(select(), names), straight);
    const reversed = [...names].reverse();
    const staging = statements.stagingStatements(select(), 'ferry_stage_1', reversed);
    await client.query(staging.create);
    for (const row of [{ ...infinite, t: 'before' }, ...AWKWARD]) {
      await client.query(staging.clear);
      await copy(staging.copy, statements.copyText([reversed.map((name) => row[name]!)]));
      await client.query(staging.upsert);
    }
    await client.query('DROP TABLE pg_temp.ferry_stage_1');
    expect(await rowsOf(select())).toEqual(stored());
  });

  test('updates set what is known and keep the rest', async () => {
    await run(statements.upsertStatement(select(), AWKWARD.map(tupleOf)));
    const known = (row: Record<string, string | null>, ...names: string[]) =>
      select().columns.map(({ name }) =>
        names.includes(name) || name === 'when' || name === 'a"b' ? row[name]! : false,
      );
    await run(
      statements.updateStatement(select(), [
        known({ ...infinite, t: 'changed', tags: '{x}' }, 't', 'tags'),
        known({ ...negative, t: null, tags: null }, 't', 'tags'),
      ]),
    );
    await run(statements.updateStatement(select(), [known(plain)]));
    expect(await rowsOf(select())).toEqual(
      [plain, { ...infinite, t: 'changed', tags: '{x}' }, { ...negative, t: null, tags: null }].map(tupleOf),
    );
  });

  test('moves and deletes find rows by a key of several types', async () => {
    await run(statements.upsertStatement(select(), AWKWARD.map(tupleOf)));
    const to = select().columns.map(({ name }) =>
      name === 'when' ? 'epoch' : name === 'a"b' ? 'a' : name === 'n' ? '7' : false,
    );
    await run(statements.moveStatement({ shape: select(), from: tupleOf(infinite), to }));
    expect(await run(statements.deleteStatement(select(), [tupleOf(negative), tupleOf(infinite)]))).toBe(1);
    expect(await rowsOf(select())).toEqual(
      [plain, { ...infinite, when: '1970-01-01 00:00:00+00', 'a"b': 'a', n: '7' }].map(tupleOf),
    );
  });

  test('a value that is too long is refused, never cut', async () => {
    const tooLong = { 22001: { v: 'abcdef', s: 'abcd', c: 'abcde' }, 22026: { bits: '1010' } };
    for (const [code, columns] of Object.entries(tooLong)) {
      for (const [column, value] of Object.entries(columns)) {
        const row = tupleOf({ ...plain, [column]: value });
        await expect(run(statements.upsertStatement(select(), [row])), column).rejects.toMatchObject({ code });
        const names = select().columns.map(({ name }) => name);
        const straight = copy(statements.copyStatement(select(), names), statements.copyText([row]));
        await expect(straight, column).rejects.toMatchObject({ code });
      }
    }
    expect(await rowsOf(select())).toEqual([]);
  });

  test('a table of nothing but a key', async () => {
    const keys = shapes.keys!;
    await run(statements.upsertStatement(keys, [['1', 'x']]));
    await run(
      statements.upsertStatement(keys, [
        ['1', 'x'],
        ['2', 'y'],
      ]),
    );
    await run(statements.moveStatement({ shape: keys, from: ['2', 'y'], to: ['3', 'y'] }));
    expect(await rowsOf(keys)).toEqual([
      ['1', 'x'],
      ['3', 'y'],
    ]);
  });

  test('identity columns that are GENERATED ALWAYS are inserted, renumbered and moved', async () => {
    const numbered = shapes.numbered!;
    await run(
      statements.upsertStatement(numbered, [
        ['1', '70', 'a'],
        ['2', '71', 'b'],
      ]),
    );
    // An upsert alone leaves the number; what follows it does not.
    const changed: Tuple[] = [
      ['1', '99', 'A'],
      ['2', '71', 'B'],
    ];
    await run(statements.upsertStatement(numbered, changed));
    expect(await run(statements.renumberStatement(numbered, () => changed)!)).toBe(1);
    await run(statements.moveStatement({ shape: numbered, from: ['2', null, null], to: ['3', '71', false] }));
    expect(await rowsOf(numbered)).toEqual([
      ['1', '99', 'A'],
      ['3', '71', 'B'],
    ]);
  });

  test('tables are truncated together, or emptied where a foreign key forbids that', async () => {
    const numbered = shapes.numbered!;
    await client.query(`INSERT INTO ${quoteName(numbered.table)} (id) VALUES (1), (2)`);
    await client.query(statements.truncateStatement([numbered, shapes.keys!], true));
    await client.query(`INSERT INTO ${quoteName(numbered.table)} (id) VALUES (1)`);
    expect((await rowsOf(numbered))[0]![1]).toBe('1');
    await client.query(statements.emptyStatement([numbered, shapes.keys!], true));
    await client.query(`INSERT INTO ${quoteName(numbered.table)} (id) VALUES (1)`);
    expect(await rowsOf(numbered)).toEqual([['1', '1', null]]);
  });

  test('COPY text of ours is what the server reads and writes', async () => {
    await client.query('CREATE TEMP TABLE texts (place int, a text, b text)');
    const value = fc.oneof(anyText, fc.constant(null));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 20 }), async (given) => {
        const rows = [...given, ...HOSTILE_TEXTS.map((text) => [text, text] as const)];
        const ours = rows.map((row, i) => copyLine([String(i), ...row])).join('');
        await client.query('TRUNCATE pg_temp.texts');
        await copy('COPY pg_temp.texts FROM STDIN', Buffer.from(ours));
        const found = await client.query<{ a: string; b: string }>('SELECT a, b FROM pg_temp.texts ORDER BY place');
        expect(found.rows.map(({ a, b }) => [a, b])).toEqual(rows.map((row) => [...row]));
        const theirs = await copyOut('COPY (SELECT * FROM pg_temp.texts ORDER BY place) TO STDOUT');
        expect(theirs.toString()).toBe(ours);
        const read = theirs.toString().split('\n').slice(0, -1);
        expect(read.map((line) => line.split('\t').slice(1).map(parseCopyField))).toEqual(rows.map((row) => [...row]));
      }),
      { numRuns: 20 },
    );
  });

  test('chunks read a table once, in the order of its key, whatever the key is', async () => {
    await run(statements.upsertStatement(select(), AWKWARD.map(tupleOf)));
    await client.query(`
      INSERT INTO "my ""schema""".pairs (a, b, body)
      SELECT i % 3 - 1, chr(64 + i) || repeat('\\''', i % 4), 'body ' || i FROM generate_series(1, 40) i`);
    for (const name of ['select', 'pairs', 'keys']) {
      const plan = await readTablePlan(client, { schema, table: name });
      const read: string[][] = [];
      for (let after: readonly string[] | undefined; ; ) {
        const chunk = (await readChunk(client, plan, { after, limit: 2 }, AT_EASE))!;
        read.push(...keysOf(plan, chunk.text));
        if (chunk.rows < 2) break;
        expect(chunk.mark).toEqual({ after: after ?? null, upTo: read.at(-1), final: false });
        after = chunk.mark?.upTo;
      }
      const whole = (await readChunk(client, plan, { after: undefined, limit: 1_000 }, AT_EASE))!;
      expect(read).toEqual(keysOf(plan, whole.text));
      expect(read.length).toBe({ select: 3, pairs: 40, keys: 0 }[name]);
      const keys = read.length > 0 ? read.slice(-2) : [['1', 'x']];
      const some = await readChunk(client, plan, { keys }, AT_EASE);
      expect(some).toMatchObject({ rows: Math.min(2, read.length), mark: undefined });
      expect(chunkSql(plan, { after: undefined, limit: 1 })).toContain('ORDER BY');
    }
  });

  test('folded changes leave what single changes leave', async () => {
    const pairs = shapes.pairs!;
    const change = fc.record({
      kind: fc.constantFrom('create', 'update', 'delete', 'move'),
      which: fc.nat({ max: 20 }),
      key: fc.tuple(fc.constantFrom('a', "b'", '"\\'), fc.constantFrom('1', '2')),
      setsBig: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(change, { maxLength: 12 }), { maxLength: 4 }), async (batches) => {
        await client.query(`TRUNCATE ${quoteName(pairs.table)}`);
        const writer = new StepWriter(client, new Set([pairs.source]));
        const source = new Map<string, string[]>();
        for (const [b, batch] of batches.entries()) {
          for (const step of stepsOf(pairs, source, batch, `v${b}`)) await writer.write(step);
          const rows = (await rowsOf(pairs)).map((row) => JSON.stringify(row)).sort();
          expect(rows).toEqual([...source.values()].map((row) => JSON.stringify(row)).sort());
        }
      }),
      { numRuns: 25 },
    );
  });
});

/** Keys of COPY lines, in key order. */
function keysOf(plan: TablePlan, text: Buffer): string[][] {
  const lines = text.toString().split('\n').slice(0, -1);
  const indexes = plan.key.map((name) => plan.columns.indexOf(name));
  return lines.map((line) => indexes.map((index) => parseCopyField(line.split('\t')[index]!)!));
}

interface Change {
  readonly kind: string;
  readonly which: number;
  readonly key: readonly [string, string];
  readonly setsBig: boolean;
}

/** Makes changes at a source of rows [b, a, body, big], and folds them. */
function stepsOf(
  shape: TableShape,
  source: Map<string, string[]>,
  changes: readonly Change[],
  stamp: string,
): TableStep[] {
  const steps: TableStep[] = [];
  let set: ChangeSet = { shape, changes: new Map() };
  const close = () => {
    steps.push({ kind: 'changes', set });
    set = { shape, changes: new Map() };
  };
  for (const [i, { kind, which, key, setsBig }] of changes.entries()) {
    const before = [...source.values()][which % Math.max(1, source.size)];
    const wanted = [...key, `${stamp}.${i}`, `big ${stamp}.${i}`];
    const id = (row: string[]) => JSON.stringify(row.slice(0, 2));
    if (kind === 'create') {
      if (source.has(id(wanted))) continue;
      source.set(id(wanted), wanted);
      fold(set, { rel: 1, ix: 0, op: 'c', new: wanted });
      continue;
    }
    if (!before) continue;
    source.delete(id(before));
    const old = [before[0]!, before[1]!, null, null];
    if (kind === 'delete') {
      fold(set, { rel: 1, ix: 0, op: 'd', key: old });
      continue;
    }
    const to = kind === 'move' && !source.has(id(wanted)) ? key : before;
    const after = [to[0]!, to[1]!, wanted[2]!, setsBig ? wanted[3]! : before[3]!];
    source.set(id(after), after);
    const sent = [...after.slice(0, 3), setsBig ? after[3]! : (false as const)];
    const move = fold(set, { rel: 1, ix: 0, op: 'u', new: sent, ...(id(after) === id(before) ? {} : { key: old }) });
    if (!move) continue;
    close();
    steps.push({ kind: 'move', move });
  }
  close();
  return steps;
}

/** A chunk that is larger is not what these tests are about. */
const AT_EASE = { maxBytes: 1024 * 1024, maxRowBytes: 1024 * 1024, cancel: async () => {} };

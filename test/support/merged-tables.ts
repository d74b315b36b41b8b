import { expect } from 'vitest';
import type { OneWay } from '../../core/mapping/invert/one-way.js';
import { eventually } from './eventually.js';
import type { MovingPair } from './moving-pair.js';

/** Two tables of keys that are one by their hash, and two of things whose key is made; `note` travels nowhere. */
export const MERGED_OLD = `
  CREATE TABLE public.keys (id serial PRIMARY KEY, hash text, label text NOT NULL, note text DEFAULT 'old');
  CREATE TABLE public.vendor_keys (id int PRIMARY KEY, hash text, label text NOT NULL);
  CREATE TABLE public.devices (id int PRIMARY KEY, name text);
  CREATE TABLE public.gadgets (maker text, no int, title text, PRIMARY KEY (no, maker));
  INSERT INTO public.keys (hash, label, note) SELECT 'h' || i, 'key ' || i, 'note ' || i FROM generate_series(1, 10) i;
  INSERT INTO public.vendor_keys SELECT 1000 + i, CASE WHEN i > 4 THEN 'v' ELSE 'h' END || i, 'vendor ' || i FROM generate_series(2, 10) i;
  INSERT INTO public.devices SELECT i, 'device ' || i FROM generate_series(1, 5) i;
  INSERT INTO public.gadgets SELECT 'm "' || i, i, 'gadget ' || i FROM generate_series(1, 5) i`;

export const MERGED_NEW = `
  CREATE SCHEMA sec;
  CREATE TABLE sec.keys (id serial PRIMARY KEY, hash text UNIQUE, label text NOT NULL);
  CREATE TABLE sec.things (id uuid PRIMARY KEY, name text)`;

const NAMESPACE = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
export const MERGED_MAPPING = `schema: sec
tables:
  keys: { merge: [{ from: public.keys, drop: [note] }, { from: public.vendor_keys }], unique: [hash] }
  things:
    merge:
      - { from: public.devices, columns: { id: { uuid: [id], namespace: ${NAMESPACE} } } }
      - { from: public.gadgets, rename: { title: name }, drop: [maker, no], columns: { id: { uuid: [maker, no], namespace: ${NAMESPACE} } } }
`;

/** What the mapping makes of the old tables; of one hash the first table's. */
const MERGED = `
  SELECT DISTINCT ON (hash) id, hash, label FROM (
    SELECT 1 AS rank, id, hash, label FROM public.keys UNION ALL SELECT 2, id, hash, label FROM public.vendor_keys) k
  ORDER BY hash, rank, id`;
const STANDING = 'SELECT id, hash, label FROM sec.keys ORDER BY hash';
const NAMES = 'SELECT name FROM public.devices UNION ALL SELECT title FROM public.gadgets ORDER BY 1';
const THINGS = 'SELECT name FROM sec.things ORDER BY 1';

type Side = 'source' | 'target';

/** Merged tables of a pair, there and back. */
export class MergedTables {
  readonly #pair: MovingPair;

  constructor(pair: MovingPair) {
    this.#pair = pair;
  }

  expectNamed(oneWay: readonly OneWay[]): void {
    const own = oneWay.filter(({ target }) => target.startsWith('sec.'));
    expect(own.map(({ level, source, follows }) => `${level} ${source}: ${follows}`)).toEqual([
      'kept public.keys: public.keys.note keeps what it has, and has its default in a row that is new in sec.keys',
      'rows public.vendor_keys: a row that is new in sec.keys comes back to public.keys, not to public.vendor_keys',
      'new-rows public.devices: a row that is new in sec.things, or gets another key there, is refused in public.devices',
      'rows public.gadgets: a row that is new in sec.things comes back to public.devices, not to public.gadgets',
      'new-rows public.gadgets: a row that gets another key in sec.things is refused in public.gadgets',
    ]);
  }

  /** What the applications of the new project write, and what the old one has of it then. */
  async expectComesBack(): Promise<void> {
    await this.#pair.target.query(`
      UPDATE sec.keys SET label = 'changed' WHERE id IN (1, 2, 1010);
      UPDATE sec.keys SET hash = 'h3b' WHERE id = 3;
      DELETE FROM sec.keys WHERE id IN (4, 5, 1005, 1006);
      INSERT INTO sec.keys VALUES (1006, 'new 6', 'born in the new project');
      INSERT INTO sec.keys (hash, label) VALUES ('new', 'fresh');
      UPDATE sec.keys SET id = 1700 WHERE id = 1007;
      UPDATE sec.things SET name = name || '!' WHERE name IN ('device 1', 'gadget 1');
      DELETE FROM sec.things WHERE name IN ('device 2', 'gadget 2')`);
    const [fresh] = await this.#rows('target', `SELECT id FROM sec.keys WHERE hash = 'new'`);
    await this.#eventually('source', NAMES, () => this.#rows('target', THINGS));
    await this.#eventuallyLines('public.keys', [
      '(1,h1,changed,"note 1")',
      '(2,h2,changed,"note 2")',
      '(3,h3b,"key 3","note 3")',
      ...[6, 7, 8, 9, 10].map((i) => `(${i},h${i},"key ${i}","note ${i}")`),
      '(1006,"new 6","born in the new project",old)',
      `(${fresh!.id},new,fresh,old)`,
    ]);
    await this.#eventuallyLines('public.vendor_keys', [
      ...[2, 3, 4].map((i) => `(${1000 + i},h${i},"vendor ${i}")`),
      '(1008,v8,"vendor 8")',
      '(1009,v9,"vendor 9")',
      '(1010,v10,changed)',
      '(1700,v7,"vendor 7")',
    ]);
    expect(await this.#behind()).toEqual([]);
  }

  /** The old project serves again: who stood behind others counts there. */
  async expectStandAgain(): Promise<void> {
    expect(await this.#behind()).toEqual([{ id: '1003' }, { id: '1004' }]);
    await this.expectMerged();
    const { target, source } = this.#pair;
    for (const sql of [
      `UPDATE sec.keys SET label = 'late' WHERE id = 1`,
      'DELETE FROM sec.keys WHERE id = 1',
      'TRUNCATE sec.things',
    ]) {
      await expect(target.query(sql)).rejects.toThrow('are refused');
    }
    await source.query(`
      INSERT INTO public.keys (hash, label) VALUES ('h4', 'before it again');
      UPDATE public.keys SET label = 'old again' WHERE id = 1006;
      UPDATE public.vendor_keys SET hash = 'v3' WHERE id = 1003;
      DELETE FROM public.keys WHERE id = 7;
      UPDATE public.gadgets SET title = 'gadget 3!' WHERE no = 3`);
  }

  /** The new tables have what the mapping makes of the old ones. */
  async expectMerged(): Promise<void> {
    await this.#eventually('target', STANDING, () => this.#rows('source', MERGED));
    await this.#eventually('target', THINGS, () => this.#rows('source', NAMES));
  }

  /** After another cutover, rows that came with the rollback among them. */
  async expectComesBackAgain(): Promise<void> {
    await this.#pair.target.query(`
      UPDATE sec.keys SET label = 'new again' WHERE id IN (1, 1003, 1006);
      TRUNCATE sec.things`);
    await this.#eventually('source', NAMES, async () => []);
    await this.#eventually('source', MERGED, () => this.#rows('target', STANDING));
  }

  /** A thing that no old table has a key for, where refused changes are set aside. */
  async expectSetAside(): Promise<void> {
    await this.#pair.target.query(`INSERT INTO sec.things VALUES ('${NAMESPACE}', 'born in the new project')`);
    await this.#pair.until('the thing to be set aside', ({ ledger }) => (ledger?.deadLettered ?? 0) > 0, {
      config: this.#pair.back,
    });
    const listed = await this.#pair.runPlain('dead-letter', 'list', '-c', this.#pair.back, '--json');
    expect(listed.json()).toMatchObject({ letters: [{ tables: ['public.devices'], sqlstate: '23502' }] });
  }

  #behind(): Promise<Record<string, string>[]> {
    return this.#rows('target', 'SELECT id FROM sec.keys WHERE id IN (1003, 1004) ORDER BY id');
  }

  async #rows(side: Side, sql: string): Promise<Record<string, string>[]> {
    return (await this.#pair[side].query(sql)).rows;
  }

  async #eventually(side: Side, sql: string, expected: () => Promise<object[]>): Promise<void> {
    const isSame = async () => JSON.stringify(await this.#rows(side, sql)) === JSON.stringify(await expected());
    await eventually(isSame, { what: `${side} to have what is expected: ${sql}` }).catch(async (error) => {
      expect(await this.#rows(side, sql)).toEqual(await expected());
      throw error;
    });
  }

  #eventuallyLines(table: string, lines: readonly string[]): Promise<void> {
    const expected = lines.map((line) => ({ line }));
    return this.#eventually('source', `SELECT t::text AS line FROM ${table} t ORDER BY id`, async () => expected);
  }
}

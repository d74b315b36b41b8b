import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mapChange, mapRows } from '../../test/support/mapped-change.js';
import { anyText } from '../../test/support/texts.js';
import { mappingSchema } from '../config/schema.js';
import { tableMappings } from '../config/table-mappings.js';
import { parseYamlFile } from '../config/yaml-file.js';
import { copyLine, parseCopyField } from '../copy-text.js';
import type { RowLine, RowsLine } from '../record.js';
import type { Relation, ReplicaIdentity } from '../relation.js';
import { RowMapper } from './row-mapper.js';

const kit = { sha1: (bytes: Uint8Array) => createHash('sha1').update(bytes).digest(), functions: new Map() };
const OIDS: Readonly<Record<string, number>> = { int: 23, text: 25, uuid: 2950 };

/** `id* int, name text`: the star says key. */
function relation(columns: string, identity: ReplicaIdentity = 'd'): Relation {
  return {
    id: 7,
    schema: 'public',
    table: 't',
    identity,
    columns: columns.split(', ').map((text, i) => {
      const [name, type] = text.split(' ');
      const key = identity === 'f' || name!.endsWith('*');
      return {
        name: name!.replace('*', ''),
        type: OIDS[type!]!,
        typmod: -1,
        key,
        declared: { attnum: i + 1, type: type! },
      };
    }),
  };
}

function mapper(table: string, of: Relation): RowMapper {
  const text = `schema: growth\ntables:\n  t: ${table}\n`;
  const [mapping] = tableMappings(parseYamlFile('mapping/growth.yaml', text, mappingSchema, {}));
  return new RowMapper(of, mapping!, kit);
}

const USERS = relation('id* int, first text, last text, note text');
/** Of a change that has one in the target. */
const streamed = (rules: RowMapper, line: RowLine) => mapChange(rules, line)!;
const row = (op: RowLine['op'], more: Partial<RowLine>): RowLine => ({ rel: 7, ix: 3, op, ...more });

describe('a row', () => {
  const rules = mapper(
    '{from: public.t, rename: {first: given}, drop: [note], columns: {last: {from: last, steps: [upper]}, kind: {constant: person}}}',
    USERS,
  );

  test('has the columns that move, then those of rules', () => {
    expect(rules.columns).toEqual([
      { ...USERS.columns[0] },
      { ...USERS.columns[1], name: 'given' },
      { name: 'last', type: 25, typmod: -1, key: false },
      { name: 'kind', type: 25, typmod: -1, key: true },
    ]);
  });

  test('is created, updated and deleted', () => {
    expect(streamed(rules, row('c', { new: ['1', 'Ada', 'Byron', 'x'] }))).toEqual(
      row('c', { new: ['1', 'Ada', 'BYRON', 'person'] }),
    );
    expect(streamed(rules, row('d', { key: ['1', null, null, null] }))).toEqual(
      row('d', { key: ['1', null, null, 'person'] }),
    );
    expect(
      streamed(rules, row('u', { key: ['1', null, null, null], new: ['2', null, 'King', 'x'], everywhere: true })),
    ).toEqual(row('u', { everywhere: true, key: ['1', null, null, 'person'], new: ['2', null, 'KING', 'person'] }));
  });

  test('keeps what has not changed, whether it moves or a rule reads it', () => {
    expect(streamed(rules, row('u', { new: ['1', false, false, false] })).new).toEqual(['1', false, false, 'person']);
  });

  test('keeps the order of members that scanners read', () => {
    const change = row('u', { everywhere: true, key: ['1', null, null, null], new: ['2', null, 'King', 'x'] });
    expect(JSON.stringify(streamed(rules, change))).toMatch(/^\{"rel":7,"ix":3,"op":"u","everywhere":true,"key":/);
  });
});

describe('under replica identity full', () => {
  const full = relation('id int, first text, last text, note text', 'f');
  const rules = mapper('{from: public.t, pick: [id, note], columns: {name: {template: "{first} {last}"}}}', full);

  test('the old row says what has not changed', () => {
    const old = ['1', 'Ada', 'Byron', 'long'];
    expect(streamed(rules, row('u', { old, new: ['1', false, 'King', false] }))).toEqual(
      row('u', { old: ['1', 'long', 'Ada Byron'], new: ['1', 'long', 'Ada King'] }),
    );
    expect(streamed(rules, row('d', { old }))).toEqual(row('d', { old: ['1', 'long', 'Ada Byron'] }));
  });

  test('a row is told by what moves', () => {
    expect(rules.columns.map(({ name, key }) => [name, key])).toEqual([
      ['id', true],
      ['note', true],
      ['name', false],
    ]);
  });
});

describe('with a condition', () => {
  const of = relation('id* int, a uuid, b int');
  const rules = mapper('{from: public.t, drop: [a], where: b <> 0, columns: {c: {template: "{a}/{b}"}}}', of);

  test('a row that left it is deleted by its key, old or now', () => {
    expect(streamed(rules, row('u', { new: ['1', 'x', '0'] }))).toEqual(row('d', { key: ['1', null, null] }));
    expect(streamed(rules, row('u', { key: ['2', null, null], new: ['1', 'x', null] }))).toEqual(
      row('d', { key: ['2', null, null] }),
    );
    expect(streamed(rules, row('d', { key: ['2', null, null], everywhere: true }))).toEqual(
      row('d', { everywhere: true, key: ['2', null, null] }),
    );
  });

  test('a row that stays is changed, and one that was never there is nothing', () => {
    expect(streamed(rules, row('u', { new: ['1', 'x', '5'] }))).toEqual(row('u', { new: ['1', '5', 'x/5'] }));
    expect(streamed(rules, row('c', { new: ['1', 'x', '0'] }))).toBeUndefined();
  });

  test('that the old row tells, a row that comes is created whole', () => {
    const full = mapper(
      '{from: public.t, where: kind = 1, columns: {note: {from: note, steps: [upper]}}}',
      relation('id int, kind int, note text', 'f'),
    );
    const old = ['1', '0', 'long'];
    expect(streamed(full, row('u', { old, new: ['1', '1', false] }))).toEqual(row('c', { new: ['1', '1', 'LONG'] }));
    expect(streamed(full, row('u', { old: ['1', '1', 'x'], new: old }))).toEqual(row('d', { old: ['1', '1', 'X'] }));
  });

  test("of a snapshot's rows those that fulfil it are mapped", () => {
    const line: RowsLine = { rel: 7, ix: 0, op: 'r', rows: 3, bytes: 0, columns: ['b', 'id', 'a'] };
    const text = Buffer.from('0\t1\tx\n1\t2\ty\n\\N\t3\tz\n');
    expect(mapRows(rules, line, text)).toEqual({
      line: { ...line, rows: 1, bytes: 8, columns: ['id', 'b', 'c'] },
      text: Buffer.from('2\t1\ty/1\n'),
    });
  });
});

describe('with lineage', () => {
  const NS = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
  const made = `columns: {id: {uuid: [b, a], namespace: ${NS}}}`;
  const uuidOf = (rules: RowMapper, values: readonly string[]) => rules.whole(values)!.at(-2)!;

  test('a key is made, and rows are found by the one of the source', () => {
    const rules = mapper(`{from: public.t, lineage: true, drop: [a], ${made}}`, relation('a* text, b* text, n text'));
    expect(rules.columns.map(({ name, key }) => [name, key])).toEqual([
      ['b', true],
      ['n', false],
      ['id', false],
      ['ferry_key', true],
    ]);
    const id = uuidOf(rules, ['x', 'y', 'n']);
    expect(streamed(rules, row('c', { new: ['x', 'y', 'n'] }))).toEqual(row('c', { new: ['y', 'n', id, '["x","y"]'] }));
    expect(streamed(rules, row('u', { new: ['x', 'y', false] }))).toEqual(
      row('u', { new: ['y', false, id, '["x","y"]'] }),
    );
    expect(streamed(rules, row('d', { key: ['x', 'z', null] }))).toEqual(
      row('d', { key: ['z', null, null, '["x","z"]'] }),
    );
  });

  test('under replica identity full the mapping says the key', () => {
    const rules = mapper(
      '{from: public.t, lineage: true, key: [b, a], drop: [a, b]}',
      relation('a text, b text, n text', 'f'),
    );
    expect(streamed(rules, row('u', { old: ['x', 'y', 'm'], new: ['x', 'z', 'n'] }))).toEqual(
      row('u', { old: ['m', '["y","x"]'], new: ['n', '["z","x"]'] }),
    );
  });

  test('a snapshot’s rows have it, too', () => {
    const rules = mapper('{from: public.t, lineage: true}', relation('a* text, n text'));
    const line: RowsLine = { rel: 7, ix: 0, op: 'r', rows: 1, bytes: 0, columns: ['n', 'a'] };
    const mapped = mapRows(rules, line, Buffer.from(copyLine(['1', 'a"\t\\'])));
    expect(mapped.line.columns).toEqual(['a', 'n', 'ferry_key']);
    expect(mapped.text.toString().trimEnd().split('\t').map(parseCopyField)).toEqual([
      'a"\t\\',
      '1',
      JSON.stringify(['a"\t\\']),
    ]);
  });
});

describe('refused with the place in the mapping', () => {
  const problem = (table: string, of = USERS) => {
    try {
      mapper(table, of);
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error('it was accepted');
  };
  test.each([
    [
      '{from: public.t, drop: [id]}',
      'mapping/growth.yaml:3:3: public.t -> growth.t: its key column id must move as it is',
    ],
    [
      '{from: public.t, columns: {id: {from: id, steps: [{prefix: x}]}}}',
      'mapping/growth.yaml:3:3: public.t -> growth.t: its key column id',
    ],
    [
      '{from: public.t, columns: {name: {from: frist}}}',
      'mapping/growth.yaml:3:33: public.t -> growth.t.name: the source table has no column frist; did you mean first?',
    ],
    ['{from: public.t, columns: {name: {call: f, args: [first]}}}', 'growth.t.name: there is no function f'],
    ['{from: public.t, columns: {name: {template: "{first} {last}"}}}', 'does not carry first where that is large'],
  ])('%s', (table, message) => {
    expect(problem(table)).toContain(message);
  });

  test.each([
    ['{from: public.t, lineage: true}', relation('id int, a text', 'f'), 'nothing says which columns its key has'],
    ['{from: public.t, lineage: true, key: [a]}', relation('id* int, a text'), 'does not carry a, of which `key` says'],
    ['{from: public.t, drop: [id]}', USERS, 'its key column id must move as it is'],
  ])('%s', (table, of, message) => {
    expect(problem(table, of)).toContain(message);
  });

  test('two columns of one size each need nothing', () => {
    const of = relation('id* int, a uuid, b int');
    expect(mapper('{from: public.t, columns: {c: {template: "{a}-{b}"}}}', of).whole(['1', 'u', '2'])).toEqual([
      '1',
      'u',
      '2',
      'u-2',
    ]);
  });

  test('a table without a key', () => {
    const of = {
      ...USERS,
      identity: 'f',
      columns: USERS.columns.map((column) => ({ ...column, key: false })),
    } as const;
    expect(problem('{from: public.t, drop: [note]}', of)).toContain('a table without a key moves as it is');
  });
});

test('a value that a rule can make nothing of is refused with table, column and row, and is not said', () => {
  const rules = mapper('{from: public.t, columns: {first: {from: first, steps: [{map: {a: b}}]}}}', USERS);
  const change = () => streamed(rules, row('c', { new: ['41', 'secret', null, null] }));
  expect(change).toThrow(
    expect.objectContaining({
      code: 'mapping-refused',
      message: 'mapping/growth.yaml:3:33: public.t -> growth.t.first: the row (id = 41): `map` does not have its value',
      details: { table: 'public.t', column: 'first', key: 'id = 41' },
    }),
  );
});

describe("a snapshot's rows", () => {
  const rules = mapper(
    '{from: public.t, drop: [note], columns: {last: {from: last, steps: [{suffix: "\\n!"}]}}}',
    USERS,
  );
  const line = (columns: readonly string[], rows: number, bytes: number): RowsLine => ({
    rel: 7,
    ix: 0,
    op: 'r',
    rows,
    bytes,
    columns,
    chunk: { final: true },
  });

  const copied = (of: RowsLine, text: Buffer) => mapRows(rules, of, text);

  test('any values pass as a stream passes them', () => {
    const value = fc.option(anyText.filter((text) => !text.includes('\0')));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat().map(String), value, value, value)), (rows) => {
        const text = Buffer.from(rows.map(copyLine).join(''));
        const mapped = copied(line(['id', 'first', 'last', 'note'], rows.length, text.length), text);
        expect(mapped.line).toMatchObject({
          columns: ['id', 'first', 'last'],
          rows: rows.length,
          bytes: mapped.text.length,
        });
        const lines = mapped.text.toString().split('\n').slice(0, -1);
        expect(lines.map((one) => one.split('\t').map(parseCopyField))).toEqual(
          rows.map((one) => streamed(rules, row('c', { new: one })).new),
        );
      }),
    );
  });

  test('in another order, and of before a column was added', () => {
    const text = Buffer.from('x\t1\n');
    expect(copied(line(['last', 'id'], 1, 4), text)).toMatchObject({
      line: { columns: ['id', 'last'], chunk: { final: true } },
      text: Buffer.from('1\tx\\n!\n'),
    });
    expect(() => copied(line(['id'], 1, 2), Buffer.from('1\n'))).toThrow('copied rows have no column last');
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mapChange } from '../../../test/support/mapped-change.js';
import { mappedSides, sideTable } from '../../../test/support/mapped-sides.js';
import { cases, orNull, sidesOf, text, yaml } from '../../../test/support/treated-table.js';
import type { TableMapping } from '../../mapping.js';
import type { RowLine } from '../../record.js';
import type { Relation } from '../../relation.js';
import { invertMappings } from '../invert.js';
import { RowMapper } from '../row-mapper.js';
import type { SideTable } from './sides.js';

const KIT = { sha1: () => new Uint8Array(), functions: new Map() };

function mapperOf(mapping: TableMapping, { identity, columns }: SideTable): RowMapper {
  const of = columns.map(({ name, type, typmod, key }) => ({ name, type, typmod, key: key || identity === 'f' }));
  const relation: Relation = { id: 1, ...mapping.source, identity, columns: of };
  return new RowMapper(relation, mapping, KIT);
}

/** A tuple by its columns' names, in the order of others. */
function inOrder(values: RowLine['new'], from: readonly string[], to: readonly string[]) {
  return to.map((name) => (from.includes(name) ? values![from.indexOf(name)]! : null));
}
const namesOf = (table: { readonly columns: readonly { readonly name: string }[] }) =>
  table.columns.map(({ name }) => name);

test('what the mapping makes of a row, its inverse makes the row of; what it does not is named', () => {
  fc.assert(
    fc.property(cases, (one) => {
      const sides = sidesOf(one);
      const { tables, oneWay } = invertMappings([sides]);
      const forward = mapperOf(sides.mapping, sides.source);
      const back = mapperOf(tables[0]!, sides.target);
      const row = ['7', ...one.row];
      const now = inOrder(forward.whole(row), namesOf(forward), namesOf(sides.target));
      const again = back.whole(now as (string | null)[])!;

      const old = namesOf(sides.source);
      expect(again).toEqual(namesOf(back).map((name) => row[old.indexOf(name)]));
      expect(namesOf(back).toSorted()).toEqual(
        ['id', ...one.columns.flatMap(({ comesBack }, i) => (comesBack ? [`c${i}`] : []))].toSorted(),
      );

      const named = (level: string) => oneWay.filter((found) => found.level === level).map(({ column }) => column!);
      expect([...namesOf(back), ...named('kept'), ...named('new-rows')].toSorted()).toEqual(old.toSorted());
      const { rules, rename } = tables[0]!;
      const read = [...(rules!.pick ?? []), ...[...rules!.columns.values()].map(({ from }) => from!)];
      expect([...new Set([...read, ...named('column')])].toSorted()).toEqual(namesOf(sides.target).toSorted());
      expect(rename.get('key')).toBe('id');
    }),
    { numRuns: 200 },
  );
});

test('changes come back as changes of the same row', () => {
  fc.assert(
    fc.property(cases, fc.constantFrom('c', 'u', 'd'), (one, op) => {
      const sides = sidesOf(one);
      const forward = mapperOf(sides.mapping, sides.source);
      const back = mapperOf(invertMappings([sides]).tables[0]!, sides.target);
      const row = ['7', ...one.row];
      const key = ['6', ...one.row.map(() => null)];
      const line: RowLine = { rel: 1, ix: 0, op, ...(op === 'c' ? {} : { key }), ...(op === 'd' ? {} : { new: row }) };
      const made = mapChange(forward, line)!;
      const order = (tuple: RowLine['new']) => tuple && inOrder(tuple, namesOf(forward), namesOf(sides.target));
      const [madeKey, madeRow] = [order(made.key), order(made.new)];
      const change = { rel: 1, ix: 0, op, ...(madeKey ? { key: madeKey } : {}), ...(madeRow ? { new: madeRow } : {}) };
      const again = mapChange(back, change)!;

      const old = namesOf(sides.source);
      expect(again.op).toBe(op);
      expect(again.key?.[namesOf(back).indexOf('id')]).toBe(op === 'c' ? undefined : '6');
      expect(again.new).toEqual(op === 'd' ? undefined : namesOf(back).map((name) => row[old.indexOf(name)]));
    }),
  );
});

test('the parts of a split row, joined by their key, are the row', () => {
  const columns = ['a', 'b', 'c', 'd'];
  const split = fc.record({
    picked: fc.array(fc.subarray(columns), { minLength: 1, maxLength: 3 }),
    row: fc.array(orNull(text), { minLength: 4, maxLength: 4 }),
  });
  fc.assert(
    fc.property(split, ({ picked, row }) => {
      const mapping = picked.map((of, i) => [`s${i}`, `  t: ${yaml({ from: 'public.t', pick: ['id', ...of] })}\n`]);
      const shape = (of: readonly string[]) => sideTable(`id* int4${of.map((name) => `, ${name} text`).join('')}`);
      const all = mappedSides(Object.fromEntries(mapping), {
        'public.t': shape(columns),
        ...Object.fromEntries(picked.map((of, i) => [`s${i}.t`, shape(of)])),
      });
      const { tables } = invertMappings(all);
      expect(tables.map(({ join }) => join)).toEqual(
        tables.length === 1 ? [undefined] : ['rows', ...tables.slice(1).map(() => 'part')],
      );
      const joined = tables.flatMap((back) => {
        const sides = all.find(({ mapping }) => mapping.target.schema === back.source.schema)!;
        const now = mapperOf(sides.mapping, sides.source).whole(['7', ...row])!;
        const mapper = mapperOf(back, sides.target);
        const again = mapper.whole(now)!;
        return namesOf(mapper).flatMap((name, i): [string, string | null][] =>
          name === 'id' ? [] : [[name, again[i]!]],
        );
      });
      const moved = columns.filter((name) => picked.flat().includes(name));
      expect(joined.toSorted()).toEqual(moved.map((name) => [name, row[columns.indexOf(name)]]));
    }),
  );
});

test('a value that no rule of the way back has is refused', () => {
  const [sides] = mappedSides(
    { growth: '  t: {from: public.t, columns: {a: {from: a, steps: [{map: {x: y}}]}}}\n' },
    { 'public.t': sideTable('id* int4, a text'), 'growth.t': sideTable('id* int4, a text') },
  );
  const back = mapperOf(invertMappings([sides!]).tables[0]!, sides!.target);
  expect(() => back.whole(['1', 'secret'])).toThrow(
    'mapping/growth.yaml:3:33: growth.t -> public.t.a: the row (id = 1): `map` does not have its value',
  );
});

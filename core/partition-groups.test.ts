import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TableMapping } from './mapping.js';
import { partitionGroups } from './partition-groups.js';

/** `schema.target: source, source`, as mappings. */
function mappingsOf(...lines: readonly string[]): TableMapping[] {
  return lines.flatMap((line) => {
    const [target, sources] = line.split(': ') as [string, string];
    const [schema, table] = target.split('.') as [string, string];
    const names = sources.split(', ');
    const lineage = names.length > 1 ? { lineage: { sources: names, unique: [], key: undefined } } : {};
    return names.map((source) => ({
      source: { schema: 'public', table: source },
      target: { schema, table },
      ...lineage,
    }));
  }) as unknown as TableMapping[];
}

const groupsOf = (...lines: readonly string[]) => Object.fromEntries(partitionGroups(mappingsOf(...lines)));

test('what is merged is a group of its own, and others are none', () => {
  expect(groupsOf('sec.keys: a, b', 'sec.users: c', 'log.events: d, e, f')).toEqual({
    ...{ 'public.a': 'sec.keys', 'public.b': 'sec.keys' },
    ...{ 'public.d': 'log.events', 'public.e': 'log.events', 'public.f': 'log.events' },
  });
});

test('a table that is merged with others in another schema brings them together', () => {
  const all = { 'public.a': 'a.t', 'public.b': 'a.t', 'public.c': 'a.t', 'public.d': 'a.t', 'public.e': 'a.t' };
  expect(groupsOf('z.t: a, b', 'a.t: c, d', 'm.t: b, e, d', 'n.t: a')).toEqual(all);
});

test('what a table is joined with where one brings parts, or that is said to be in one partition, is a group; other rows are none', () => {
  const joined = (...said: Pick<TableMapping, 'join' | 'partitions'>[]) =>
    Object.fromEntries(
      partitionGroups(
        said.map((more, i) => ({
          ...mappingsOf('public.users: t')[0]!,
          source: { schema: 'new', table: `t${i}` },
          ...more,
        })),
      ),
    );
  expect(joined({ join: 'rows' }, { join: 'rows' })).toEqual({});
  expect(joined({ partitions: 1 })).toEqual({ 'new.t0': 'public.users' });
  const both = { 'new.t0': 'public.users', 'new.t1': 'public.users' };
  expect(joined({ join: 'rows' }, { join: 'part' })).toEqual(both);
  expect(joined({ join: 'rows', partitions: 1 }, { join: 'rows' })).toEqual(both);
});

test('whatever is merged: tables that meet are of one group, those that do not are not, in any order', () => {
  const merge = fc.uniqueArray(fc.constantFrom(...'abcdefgh'), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(merge, { minLength: 1, maxLength: 6 }), fc.nat(), (merges, turn) => {
      const lines = merges.map((sources, i) => `s${i}.t: ${sources.join(', ')}`);
      const groups = groupsOf(...lines);
      const turned = [...lines.slice(turn % lines.length), ...lines.slice(0, turn % lines.length)];
      expect(groupsOf(...turned)).toEqual(groups);
      const real = merges.filter(({ length }) => length > 1);
      expect(new Set(Object.keys(groups))).toEqual(new Set(real.flat().map((source) => `public.${source}`)));
      // By another way: as far as one comes from table to table.
      for (const start of new Set(real.flat())) {
        const reached = new Set([start]);
        for (const _ of real)
          for (const one of real) if (one.some((s) => reached.has(s))) for (const s of one) reached.add(s);
        for (const other of new Set(real.flat())) {
          expect(groups[`public.${other}`] === groups[`public.${start}`]).toBe(reached.has(other));
        }
      }
    }),
  );
});

import { expect, test } from 'vitest';
import { candidateTable, homeOf, lineageTable } from './lineage-table.js';

const target = { schema: 'security_service', table: 'api_keys' };

test('candidates stand under the names of their tables', () => {
  expect(lineageTable(target)).toEqual({ schema: 'ferry', table: 'security_service.api_keys' });
  expect(candidateTable(target, 'public.api_keys')).toEqual({
    schema: 'ferry',
    table: 'security_service.api_keys < public.api_keys',
  });
});

test('long names stay apart, in 63 bytes', () => {
  const names = ['a', 'b'].map((end) => candidateTable(target, `public.${'schlüssel'.repeat(9)}${end}`).table);
  expect(new Set(names).size).toBe(2);
  expect(names.every((name) => Buffer.byteLength(name) <= 63)).toBe(true);
});

test('rows of a relation with lineage go to its candidates', () => {
  const column = { name: 'id', type: 23, typmod: -1, key: true };
  const relation = { ...target, id: 7, identity: 'd', source: 'public.t', columns: [column] } as const;
  expect(homeOf(relation)).toBe(relation);
  expect(homeOf({ ...relation, columns: [column, { ...column, name: 'ferry_key' }] })).toEqual(
    candidateTable(target, 'public.t'),
  );
});

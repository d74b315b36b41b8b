import { expect, test } from 'vitest';
import type { TableMapping } from '../../../core/mapping.js';
import { ruleKit } from '../../../platform/rule-kit.js';
import type { ColumnCatalog, TableCatalog } from './table-catalog.js';
import { planShape } from './table-shape.js';

const place = { file: 'mapping/growth.yaml', line: 4, column: 3 };
const mapping = (rename: Record<string, string> = {}): TableMapping => ({
  source: { schema: 'public', table: 't' },
  target: { schema: 'growth', table: 'u' },
  rename: new Map(Object.entries(rename)),
  place,
  columnPlaces: new Map(Object.keys(rename).map((name) => [name, { ...place, line: 7 }])),
});

const column = (name: string, more: Partial<ColumnCatalog> = {}): ColumnCatalog => ({
  name,
  oid: 23,
  type: 'integer',
  plainType: 'integer',
  category: 'N',
  builtin: true,
  labels: undefined,
  generated: false,
  keyPlace: undefined,
  collation: undefined,
  ...more,
});

const table = (
  schema: string,
  name: string,
  columns: ColumnCatalog[],
  more: Partial<TableCatalog> = {},
): TableCatalog => ({
  name: { schema, table: name },
  only: true,
  estimatedRows: 10,
  encoding: 'UTF8',
  columns,
  ...more,
});

test('columns are paired by the mapping in the order of the source, the key in the order of its index', () => {
  const source = table('public', 't', [column('b', { keyPlace: 2 }), column('a', { keyPlace: 1 }), column('v')]);
  const target = table('growth', 'u', [column('v'), column('a2'), column('b')], { only: false });
  const shape = planShape(mapping({ a: 'a2' }), source, target, ruleKit);
  expect(shape.columns).toEqual(['b', 'a', 'v']);
  expect(shape.source).toMatchObject({ from: 'ONLY "public"."t" AS t', columns: ['t."b"', 't."a"', 't."v"'] });
  expect(shape.target).toMatchObject({ from: '"growth"."u" AS t', columns: ['t."b"', 't."a2"', 't."v"'] });
  expect(shape.source.key.map((key) => key.expression)).toEqual(['t."a"', 't."b"']);
  expect(shape.target.key.map((key) => key.expression)).toEqual(['t."a2"', 't."b"']);
});

test('columns that either side generates are left out', () => {
  const source = table('public', 't', [column('id', { keyPlace: 1 }), column('g', { generated: true }), column('h')]);
  const target = table('growth', 'u', [column('id'), column('h', { generated: true })]);
  expect(planShape(mapping(), source, target, ruleKit).columns).toEqual(['id']);
});

test('two encodings are recoded on both sides', () => {
  const columns = [column('id', { keyPlace: 1 })];
  const shape = planShape(
    mapping(),
    table('public', 't', columns, { encoding: 'LATIN1' }),
    table('growth', 'u', columns),
    ruleKit,
  );
  expect([shape.source.recode, shape.target.recode]).toEqual([true, true]);
});

test('a renamed column that the source has not is reported where the mapping names it', () => {
  const columns = [column('id', { keyPlace: 1 })];
  expect(() =>
    planShape(mapping({ nmae: 'name' }), table('public', 't', columns), table('growth', 'u', columns), ruleKit),
  ).toThrow(
    expect.objectContaining({
      code: 'mapping-invalid',
      message: 'mapping/growth.yaml:7:3: public.t has no column nmae',
    }),
  );
});

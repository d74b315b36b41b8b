import type { RuleKit } from '../../../core/mapping/rule-kit.js';
import { LINEAGE_KEY, routeName, type TableMapping } from '../../../core/mapping.js';
import { candidateTable } from '../../../platform/lineage-table.js';
import { quoteIdentifier, quoteName } from '../../../platform/postgres.js';
import { planMapped } from './mapped-shape.js';
import type { Key } from './queries.js';
import type { TableCatalog } from './table-catalog.js';
import type { TableShape } from './table-shape.js';

/** How rows of the target are found by the keys of the source, and these by them, where they are not the same. */
export interface OtherKeys {
  toTarget(key: Key): Key;
  toSource(key: Key): Key;
}

/**
 * A table that is compared with its candidates, and these with the target table by {@link compareStanding}; in a way back
 * candidates with the old table.
 */
export type LineageShape = TableShape & Required<Pick<TableShape, 'mapped' | 'otherKeys'>>;

/**
 * Plans the comparison of a table with lineage: rows are walked by the source's key, and the candidates are found by it.
 * @param from the source's rows, as SQL, `t`.
 * @throws what planMapped throws.
 */
export function planLineage(
  mapping: TableMapping,
  sides: { readonly source: TableCatalog; readonly target: TableCatalog; readonly from: string },
  kit: RuleKit,
): LineageShape {
  const { source, target, from } = sides;
  const keyed = source.columns.filter(({ keyPlace }) => keyPlace !== undefined);
  // As rows were mapped on their way: in the order of the columns, where the mapping does not name them.
  const names = mapping.lineage!.key ?? keyed.map(({ name }) => name);
  const inOrder = [...keyed].sort((a, b) => a.keyPlace! - b.keyPlace!);
  const places = names.map((name) => inOrder.findIndex((column) => column.name === name));
  const mapped = planMapped({ ...mapping, lineage: { ...mapping.lineage!, key: names } }, sides, kit);
  const recode = source.encoding !== target.encoding;
  const candidates = quoteName(candidateTable(mapping.target, routeName(mapping)));
  return {
    mapping,
    columns: mapped.columns,
    isKeyless: false,
    keyColumns: inOrder.map(({ name, type }) => ({ name, type })),
    source: {
      from,
      columns: mapped.source,
      key: inOrder.map(({ name, plainType }) => ({
        expression: `t.${quoteIdentifier(name)}`,
        literalType: plainType,
      })),
      recode,
    },
    target: {
      from: `ONLY ${candidates} AS t`,
      columns: mapped.target,
      key: [{ expression: `t.${LINEAGE_KEY}`, literalType: 'text' }],
      recode,
    },
    estimatedRows: source.estimatedRows,
    mapped,
    otherKeys: {
      toTarget: (key) => [JSON.stringify(places.map((place) => key[place]))],
      toSource: ([candidate]) => {
        const values = JSON.parse(candidate!) as string[];
        return inOrder.map((_, place) => values[places.indexOf(place)]!);
      },
    },
  };
}

/**
 * Plans the comparison of candidates, which a way back takes for rows, with the old table: they are walked by their key, which
 * has that of the old row in it.
 */
export function planCandidates(
  mapping: TableMapping,
  sides: {
    readonly source: TableCatalog;
    readonly target: TableCatalog;
    readonly from: Record<'source' | 'target', string>;
  },
  kit: RuleKit,
): LineageShape {
  const { source, target, from } = sides;
  const mapped = planMapped(mapping, sides, kit);
  // As the inversion writes them: by their place in the candidate's key.
  const made = [...mapping.rules!.columns].filter(([, rule]) => rule.from === LINEAGE_KEY);
  const placeOf = (name: string) => made.find(([column]) => column === name)?.[1].steps?.[0]?.json ?? '';
  const key = target.columns
    .filter(({ name }) => placeOf(name) !== '')
    .sort((a, b) => placeOf(a.name).localeCompare(placeOf(b.name), 'en', { numeric: true }));
  const recode = source.encoding !== target.encoding;
  return {
    mapping,
    columns: mapped.columns,
    isKeyless: false,
    keyColumns: [{ name: LINEAGE_KEY, type: 'text' }],
    source: {
      from: from.source,
      columns: mapped.source,
      key: [{ expression: `t.${LINEAGE_KEY}`, literalType: 'text' }],
      recode,
    },
    target: {
      from: from.target,
      columns: mapped.target,
      key: key.map(({ name, plainType }) => ({ expression: `t.${quoteIdentifier(name)}`, literalType: plainType })),
      recode,
    },
    estimatedRows: source.estimatedRows,
    mapped,
    otherKeys: {
      toTarget: ([candidate]) => (JSON.parse(candidate!) as string[]).slice(0, key.length),
      toSource: (found) => [JSON.stringify(found)],
    },
  };
}

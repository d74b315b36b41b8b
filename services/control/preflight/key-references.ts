import type { ColumnRule } from '../../../core/mapping/column-rule.js';
import { inputsOf } from '../../../core/mapping/compile-rule.js';
import { movedName } from '../../../core/mapping/table-rules.js';
import { withInputs } from '../../../core/mapping/with-inputs.js';
import { formatPlace, routeName, type TableMapping } from '../../../core/mapping.js';
import { displayName, formatQualifiedName, type QualifiedName } from '../../../core/relation.js';
import { defineCheck } from './context.js';
import type { Finding, Report } from './finding.js';
import { jsonRows } from './json-rows.js';

/** A foreign key of the source: its columns and, in the same order, those that they refer to. */
export interface Reference {
  readonly name: string;
  readonly child: QualifiedName;
  readonly parent: QualifiedName;
  readonly columns: readonly string[];
  readonly refersTo: readonly string[];
}

const REFERENCES = `
  SELECT f.conname AS name, json_build_object('schema', cn.nspname, 'table', c.relname) AS child,
         json_build_object('schema', pn.nspname, 'table', p.relname) AS parent,
         ARRAY(SELECT a.attname FROM unnest(f.conkey) WITH ORDINALITY k (attnum, place)
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum ORDER BY k.place) AS columns,
         ARRAY(SELECT a.attname FROM unnest(f.confkey) WITH ORDINALITY k (attnum, place)
               JOIN pg_attribute a ON a.attrelid = p.oid AND a.attnum = k.attnum ORDER BY k.place) AS "refersTo"
  FROM pg_constraint f
  JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
  JOIN pg_class p ON p.oid = f.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
  WHERE f.contype = 'f' AND f.conparentid = 0
  ORDER BY cn.nspname, c.relname, f.conname`;

/** Columns that refer to a key which a rule makes are made by the same rule, or they would refer to nothing. */
export const keyReferences = defineCheck(
  { name: 'key-references', side: 'source', passed: 'what refers to a key goes where the key goes' },
  async ({ source, pipeline: { tables } }, report) =>
    (await jsonRows<Reference>(source, REFERENCES)).flatMap((reference) => judgeReference(reference, tables, report)),
);

/** What is wrong with where the two sides of a foreign key go. Pure. */
export function judgeReference(reference: Reference, tables: readonly TableMapping[], report: Report): Finding[] {
  const of = (side: QualifiedName) => tables.filter((table) => displayName(table.source) === displayName(side));
  const parents = of(reference.parent);
  return of(reference.child).flatMap((child) => findings(reference, child, parents, report));
}

function findings(
  reference: Reference,
  child: TableMapping,
  parents: readonly TableMapping[],
  report: Report,
): Finding[] {
  if (parents.length === 0) return [];
  const unfit = parents.map((parent) => unfitColumn(reference, child, parent));
  // A table that goes to several is referred to in one of them.
  const [first] = unfit;
  if (first && !unfit.includes(undefined)) return [misled(reference, child, first, report)];
  return parents.flatMap((parent) => mayBeBehind(reference, child, parent, report));
}

/** What is made of a key's column, and what is made of the column that refers to it otherwise. */
interface Unfit {
  readonly column: string;
  readonly refersTo: string;
  /** Columns that the rule of the key is over, in its order, as the referring table has them. */
  readonly of: readonly string[];
  /** The target's column that the key becomes. */
  readonly becomes: string;
}

function unfitColumn(reference: Reference, child: TableMapping, parent: TableMapping): Unfit | undefined {
  const names = new Map(reference.refersTo.map((column, i) => [column, reference.columns[i]!]));
  for (const [refersTo, column] of names) {
    const made = whatMoves(child, column);
    const keys = whatMoves(parent, refersTo);
    if (made.length === 0 || keys.length === 0) continue;
    const followed = keys.some(([, key]) => made.some(([, rule]) => isSame(withInputs(key, names), rule)));
    if (followed) continue;
    const [name, rule] = keys[0]!;
    const of = [...new Set(inputsOf(rule))].map((input) => names.get(input) ?? input);
    return { column, refersTo, of, becomes: `${formatQualifiedName(parent.target)}.${name}` };
  }
  return undefined;
}

/** Target columns and the rules that make them of a source column; a column that moves is its own value. */
function whatMoves(mapping: TableMapping, column: string): [string, ColumnRule][] {
  const name = movedName(mapping, column);
  const ruled = [...(mapping.rules?.columns ?? [])].filter(([, rule]) => inputsOf(rule).includes(column));
  return name === undefined ? ruled : [[name, { from: column }], ...ruled];
}

/** The target's type reads what both make. */
function isSame({ cast: _, ...one }: ColumnRule, { cast: __, ...other }: ColumnRule): boolean {
  const said = (rule: object) => JSON.stringify(Object.entries(rule).sort(([a], [b]) => (a < b ? -1 : 1)));
  return said(one) === said(other);
}

function misled(reference: Reference, child: TableMapping, unfit: Unfit, report: Report): Finding {
  const { column, refersTo, becomes, of: columns } = unfit;
  const name = whatMoves(child, column)[0]![0];
  const object = `${displayName(child.target)}.${name}`;
  const message =
    `${formatPlace(child.rules?.places.get(name) ?? child.place)}: ${displayName(reference.child)}.${column} refers to ` +
    `${displayName(reference.parent)}.${refersTo} (${reference.name}), which becomes ${becomes}: ${object} is not made in the same way`;
  const of = `{lookup: ${becomes}, of: [${columns.join(', ')}]}`;
  return report.error(message, { object, remedy: `Write columns: {${name}: ${of}}.` });
}

/** A reference to a row that does not stand, because another one is before it, refers to nothing. */
function mayBeBehind(reference: Reference, child: TableMapping, parent: TableMapping, report: Report): Finding[] {
  const { lineage } = parent;
  const isFirst = lineage?.sources[0] === routeName(parent);
  if (!lineage || lineage.unique.length === 0 || isFirst) return [];
  if (reference.columns.every((column) => whatMoves(child, column).length === 0)) return [];
  const message =
    `${formatPlace(parent.place)}: rows of ${displayName(parent.source)} do not stand where others are before them, and ` +
    `${displayName(reference.child)} refers to them (${reference.name})`;
  return [
    report.warn(message, {
      object: displayName(parent.target),
      remedy: `See which are behind others (ferry verify counts them), and add the foreign key of ${displayName(child.target)} afterwards.`,
    }),
  ];
}

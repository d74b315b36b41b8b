import type { ColumnRule } from '../../../core/mapping/column-rule.js';
import { inputsOf } from '../../../core/mapping/compile-rule.js';
import { movedName } from '../../../core/mapping/table-rules.js';
import { withInputs } from '../../../core/mapping/with-inputs.js';
import { formatPlace, routeName, type TableMapping, targetColumn } from '../../../core/mapping.js';
import { displayName, formatQualifiedName, type QualifiedName } from '../../../core/relation.js';
import { defineCheck } from './context.js';
import type { Finding, Report } from './finding.js';
import { jsonRows } from './json-rows.js';

/** A foreign key: its columns and, in the same order, those that they refer to. */
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
  async ({ source, target, pipeline: { tables } }, report) => {
    const made = await jsonRows<Reference>(target, REFERENCES);
    const references = await jsonRows<Reference>(source, REFERENCES);
    return references.flatMap((reference) => judgeReference(reference, { tables, made }, report));
  },
);

/** What a foreign key of the source is judged by. */
export interface Moved {
  readonly tables: readonly TableMapping[];
  /** The foreign keys that the target has already. */
  readonly made: readonly Reference[];
}

/** What is wrong with where the two sides of a foreign key go. Pure. */
export function judgeReference(reference: Reference, { tables, made }: Moved, report: Report): Finding[] {
  const of = (side: QualifiedName) => tables.filter((table) => displayName(table.source) === displayName(side));
  const parents = of(reference.parent);
  return of(reference.child).flatMap((child) => {
    const bound = made.filter((one) => displayName(one.child) === displayName(child.target));
    return findings(reference, { child, parents, bound: new Set(bound.flatMap(({ columns }) => columns)) }, report);
  });
}

interface Sides {
  readonly child: TableMapping;
  readonly parents: readonly TableMapping[];
  /** Columns of the child's target table that foreign keys are on. */
  readonly bound: ReadonlySet<string>;
}

function findings(reference: Reference, { child, parents, bound }: Sides, report: Report): Finding[] {
  if (parents.length === 0) return [];
  const unfit = parents.map((parent) => unfitColumn(reference, { child, parent, bound }));
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
  /** The one that refers to it, as its place or a foreign key of the target says, and is made otherwise. */
  readonly astray: string;
}

function unfitColumn(
  reference: Reference,
  { child, parent, bound }: Omit<Sides, 'parents'> & { readonly parent: TableMapping },
): Unfit | undefined {
  const names = new Map(reference.refersTo.map((column, i) => [column, reference.columns[i]!]));
  for (const [refersTo, column] of names) {
    const keys = madeOf(parent, refersTo, reference.refersTo);
    const made = madeOf(child, column, reference.columns);
    if (keys.some(([, key]) => made.some(([, rule]) => isSame(withInputs(key, names), rule)))) continue;
    const astray = made.find(([name]) => name === targetColumn(child, column) || bound.has(name));
    if (!astray || keys.length === 0) continue;
    const [becomes, rule] = keys[0]!;
    const of = [...new Set(inputsOf(rule))].map((input) => names.get(input) ?? input);
    return { column, refersTo, of, becomes: `${formatQualifiedName(parent.target)}.${becomes}`, astray: astray[0] };
  }
  return undefined;
}

/**
 * What may be a key in the target, or refer to one: a column that moves, or rules over columns of the foreign key alone,
 * with the columns of the target that they fill. One that reads other columns as well makes something else.
 */
function madeOf(mapping: TableMapping, column: string, keyed: readonly string[]): [string, ColumnRule][] {
  const ofKey = (inputs: readonly string[]) =>
    inputs.includes(column) && inputs.every((input) => keyed.includes(input));
  const ruled = [...(mapping.rules?.columns ?? [])].filter(([, rule]) => ofKey(inputsOf(rule)));
  const name = movedName(mapping, column);
  return name === undefined ? ruled : [[name, { from: column }], ...ruled];
}

/** The target's type reads what both make. */
function isSame({ cast: _, ...one }: ColumnRule, { cast: __, ...other }: ColumnRule): boolean {
  const said = (rule: object) => JSON.stringify(Object.entries(rule).sort(([a], [b]) => (a < b ? -1 : 1)));
  return said(one) === said(other);
}

function misled(reference: Reference, child: TableMapping, unfit: Unfit, report: Report): Finding {
  const { column, refersTo, becomes, of: columns, astray: name } = unfit;
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
  if (reference.columns.every((column) => madeOf(child, column, reference.columns).length === 0)) return [];
  // Of rows that are one by what is referred to, one stands.
  const isWhatMakesOne = (column: string) =>
    madeOf(parent, column, reference.refersTo).some(([name]) => lineage.unique.includes(name));
  if (reference.refersTo.every(isWhatMakesOne)) return [];
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

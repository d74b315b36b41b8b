import { FerryError } from '../errors.js';
import { LINEAGE_KEY, type Lineage, type TableMapping } from '../mapping.js';
import { type Column, type Relation, sourceName } from '../relation.js';
import type { ColumnRule } from './column-rule.js';
import { type CompiledRule, compileRule, isConstant, type WholeRow } from './compile-rule.js';
import { onlyValues } from './demands.js';
import { isFixedSize } from './fixed-size.js';
import type { Refusals } from './refusals.js';
import type { RuleKit } from './rule-kit.js';
import type { Output } from './table-rules.js';

/** A target column over one version of a relation: a source column's index, or a rule. */
export type CompiledOutput =
  | { readonly column: Column; readonly index: number }
  | { readonly column: Column; readonly rule: CompiledRule };

/** OID of text: what a rule makes is text that the target's column reads. */
const TEXT = 25;

const WITH_LINEAGE = 'Or say `lineage: true`: the target keeps then which row of the source each row is of.';

interface Scene {
  readonly relation: Relation;
  readonly mapping: TableMapping;
  readonly kit: RuleKit;
  readonly refusals: Refusals;
}

/**
 * Compiles the columns that a mapping fills from a relation, and the lineage's behind them.
 * @throws FerryError `mapping-invalid`, with the mapping's place, for rules that do not fit the relation.
 */
export function compileOutputs(outputs: readonly Output[], scene: Scene): CompiledOutput[] {
  const { lineage } = scene.mapping;
  const declared = new Set<string>();
  const compiled = outputs.map((output) =>
    output.kind === 'move' ? compileMove(output, scene, declared) : compileRuled(output, scene),
  );
  const all = lineage ? [...compiled, lineageKey(lineage, scene)] : compiled;
  refuseLostKey(all, scene);
  return all;
}

function compileMove(
  { column: from, name }: Extract<Output, { kind: 'move' }>,
  { relation: { columns } }: Scene,
  declared: Set<string>,
): CompiledOutput {
  const index = columns.findIndex((column) => column.name === from);
  const { declared: known, ...column } = columns[index]!;
  // Versions are told apart by the numbers of columns, so each number stands once.
  const first = known && !declared.has(from);
  declared.add(from);
  return { index, column: { ...column, name, ...(first ? { declared: known } : {}) } };
}

function compileRuled({ name, rule: from }: Extract<Output, { kind: 'rule' }>, scene: Scene): CompiledOutput {
  const { relation, kit, refusals } = scene;
  const { columns, identity } = relation;
  const rule = compiledOr(
    () => compileRule(from, columns, kit),
    (error) => refusals.invalid(name, error.message, error.remedy),
  );
  // Every change carries its key, however large.
  const mayLack = rule.inputs.find((i) => !columns[i]!.key && !isFixedSize(columns[i]!));
  if (identity !== 'f' && rule.inputs.length > 1 && mayLack !== undefined) {
    throw refusals.invalid(
      name,
      `a change of its other columns does not carry ${columns[mayLack]!.name} where that is large and has not changed`,
      `ALTER TABLE ${sourceName(relation)} REPLICA IDENTITY FULL, before the pipeline begins; or let the rule read one column.`,
    );
  }
  const isKey = (isConstant(from) && columns.some(({ key }) => key)) || isOfLineage(from, relation);
  return { rule, column: { name, type: TEXT, typmod: -1, key: isKey } };
}

/** In a way back: what a candidate's key says of the key of its row. */
function isOfLineage({ from }: ColumnRule, { columns }: Relation): boolean {
  return from === LINEAGE_KEY && columns.some(({ name, key }) => key && name === LINEAGE_KEY);
}

function compiledOr(compile: () => CompiledRule, say: (error: FerryError) => FerryError): CompiledRule {
  try {
    return compile();
  } catch (error) {
    throw error instanceof FerryError ? say(error) : error;
  }
}

/** What tells rows of the source apart, and rows of merged tables with their table: every change carries it. */
function lineageKey({ key }: Lineage, { relation: { columns, identity }, refusals }: Scene): CompiledOutput {
  const keyed = columns.filter((column) => column.key).map(({ name }) => name);
  const isAll = identity === 'f' && keyed.length === columns.length;
  if (!key && isAll) {
    const remedy = 'Say `key: [id]`, the columns of its primary key, beside `from`.';
    throw refusals.invalid(undefined, 'under REPLICA IDENTITY FULL nothing says which columns its key has', remedy);
  }
  const inputs = (key ?? keyed).map((name) => columns.findIndex((column) => column.name === name));
  const uncarried = key?.find((name) => !keyed.includes(name));
  if (uncarried !== undefined) {
    throw refusals.invalid(
      undefined,
      `a change of a row does not carry ${uncarried}, of which \`key\` says that it tells rows apart`,
    );
  }
  const evaluate = (row: WholeRow) => JSON.stringify(inputs.map((i) => row[i]));
  return { rule: { inputs, evaluate }, column: { name: LINEAGE_KEY, type: TEXT, typmod: -1, key: true } };
}

function refuseLostKey(
  outputs: readonly CompiledOutput[],
  { relation: { identity, columns }, mapping, refusals }: Scene,
): void {
  if (!columns.some(({ key }) => key)) {
    throw refusals.invalid(undefined, 'a table without a key moves as it is, without rules');
  }
  if (identity === 'f' || mapping.lineage) return;
  const moved = new Set(outputs.flatMap((output) => ('index' in output ? [output.index] : [])));
  const fixed = onlyValues(mapping.rules?.where?.condition);
  const told = outputs.flatMap((output) => ('rule' in output && output.column.key ? output.rule.inputs : []));
  const lost = columns.find((column, i) => column.key && !moved.has(i) && !fixed.has(column.name) && !told.includes(i));
  if (!lost) return;
  const what = `its key column ${lost.name} must move as it is: rows are found by it`;
  throw refusals.invalid(undefined, what, WITH_LINEAGE);
}

import type { ColumnRule } from '../../../core/mapping/column-rule.js';
import { inputsOf } from '../../../core/mapping/compile-rule.js';
import { columnsOf } from '../../../core/mapping/expression.js';
import { type Output, outputsOf, readColumns } from '../../../core/mapping/table-rules.js';
import { formatPlace, isMove, type TableMapping } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import type { ColumnCatalog, TableCatalog } from '../verify/table-catalog.js';

/** What becomes of a source table in one table of the target. */
export interface Explanation {
  /** `schema.table`. */
  readonly source: string;
  readonly target: string;
  /** file:line:column. */
  readonly place: string;
  /** Rows move as bytes: nothing is read of them. */
  readonly isMove: boolean;
  /** What is joined with other tables in the target; null for a table that has its target to itself. */
  readonly join: 'rows' | 'part' | null;
  /** Null for a table whose rows stand in the target alone. */
  readonly lineage: ExplainedLineage | null;
  /** Where only some rows move: the columns that decide. */
  readonly filteredBy: readonly string[];
  readonly columns: readonly ExplainedColumn[];
  /** Source columns that go nowhere. */
  readonly left: readonly string[];
  /** Target columns that nothing fills, generated ones aside; none of a part, which fills its own. */
  readonly unfilled: readonly string[];
}

/** Of which rows of the source those of the target are. */
export interface ExplainedLineage {
  /** The source tables, the one that has precedence first; several where tables are merged. */
  readonly sources: readonly string[];
  /** Target columns in which rows are one. */
  readonly unique: readonly string[];
}

export interface ExplainedColumn {
  readonly target: string;
  /** As SQL; null where the target has no such column. */
  readonly targetType: string | null;
  /** Source columns and their types. */
  readonly from: readonly { readonly column: string; readonly type: string | null }[];
  /** The rule as JSON; null for a column that moves. */
  readonly rule: ColumnRule | null;
}

/** Pure. */
export function explainTable(mapping: TableMapping, source: TableCatalog, target: TableCatalog): Explanation {
  const read = source.columns.filter(({ generated }) => !generated).map(({ name }) => name);
  const outputs = outputsOf(mapping, read);
  const { where } = mapping.rules ?? {};
  const filteredBy = where ? columnsOf(where.condition) : [];
  const used = new Set([...readColumns(outputs), ...filteredBy]);
  const filled = new Set(outputs.map(({ name }) => name));
  const unfilled = target.columns.filter(({ name, generated }) => !generated && !filled.has(name));
  return {
    source: displayName(mapping.source),
    target: displayName(mapping.target),
    place: formatPlace(mapping.place),
    isMove: isMove(mapping),
    join: mapping.join ?? null,
    lineage: mapping.lineage ? { sources: mapping.lineage.sources, unique: mapping.lineage.unique } : null,
    filteredBy,
    columns: outputs.map((output) => explainColumn(output, source, target)),
    left: read.filter((column) => !used.has(column)),
    unfilled: mapping.join === 'part' ? [] : unfilled.map(({ name }) => name),
  };
}

function explainColumn(output: Output, source: TableCatalog, target: TableCatalog): ExplainedColumn {
  const inputs = output.kind === 'move' ? [output.column] : inputsOf(output.rule);
  return {
    target: output.name,
    targetType: typeOf(target.columns, output.name),
    from: [...new Set(inputs)].map((column) => ({ column, type: typeOf(source.columns, column) })),
    rule: output.kind === 'move' ? null : output.rule,
  };
}

function typeOf(columns: readonly ColumnCatalog[], name: string): string | null {
  return columns.find((column) => column.name === name)?.type ?? null;
}

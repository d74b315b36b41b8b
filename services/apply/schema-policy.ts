import { formatPlace, type TableMapping } from '../../core/mapping.js';
import type { Column } from '../../core/relation.js';
import { isWidening, type SchemaChange, type SchemaChangePolicy } from '../../core/schema-change.js';
import { quoteIdentifier, quoteLiteral, quoteName } from '../../platform/postgres.js';
import type { TargetTable } from './table-shape.js';

/** Why a table stands still, for the operator. */
export interface StopReason {
  /** change: whoever resumes the table has seen to it. refused: the target is tried again. */
  readonly kind: 'change' | 'refused';
  readonly message: string;
  readonly remedy: string;
}

export type Verdict =
  /** Nothing is lost by going on. */
  | { readonly action: 'pass' }
  /** The target is changed in the same way first. */
  | { readonly action: 'propagate'; readonly statements: readonly string[] }
  | { readonly action: 'halt'; readonly reason: StopReason };

/** What stands where a table's columns change. */
export interface ChangeScene {
  readonly policy: SchemaChangePolicy;
  readonly mapping: TableMapping;
  readonly table: TargetTable;
  /** Other partitions have rows of the table, too, and may still be at those of before. */
  readonly isShared: boolean;
}

/** Decides by policy what follows on a change of a table's columns. Pure. */
export function judgeChanges(changes: readonly SchemaChange[], scene: ChangeScene): Verdict {
  const open = changes.filter((change) => !isHarmless(change, scene));
  if (open.length === 0) return { action: 'pass' };
  if (scene.policy === 'ignore' && open.every(losesNothing)) return { action: 'pass' };
  if (scene.policy === 'propagate') {
    const statements = open.map((change) => (isSafe(change, scene) ? ddlOf(change, scene) : undefined));
    if (!statements.includes(undefined)) return { action: 'propagate', statements: statements.flat() as string[] };
  }
  return { action: 'halt', reason: reasonOf(open, scene) };
}

/** Changes nothing that a policy could be about. */
function isHarmless(change: SchemaChange, { table, policy }: ChangeScene): boolean {
  if (change.kind === 'change-identity') return true;
  if (change.kind === 'rename-table') return policy !== 'halt';
  // Whoever added it to the target beforehand has decided; its rows are equal where the source gave them nothing.
  return change.kind === 'add-column' && table.columns.has(change.column.name) && isEmptyBefore(change.column);
}

function isEmptyBefore({ declared }: Column): boolean {
  return declared !== undefined && declared.missing === undefined && !declared.computed;
}

function losesNothing(change: SchemaChange): boolean {
  return change.kind === 'drop-column'
    ? change.isCertain
    : change.kind === 'change-type' && isWidening(change.from, change.to);
}

/** The target's rows become what the source's became, by the same statement; rows of before still fit where some come. */
function isSafe(change: SchemaChange, { isShared }: ChangeScene): boolean {
  switch (change.kind) {
    case 'add-column':
      return change.column.declared !== undefined && !change.column.declared.computed;
    case 'drop-column':
      return change.isCertain && !isShared;
    case 'rename-column':
      return !isShared;
    case 'change-type':
      return isWidening(change.from, change.to) && change.to.declared !== undefined;
    default:
      return false;
  }
}

/** What the target's table needs; empty where it has it already, as in a replay or for another partition. */
function ddlOf(change: SchemaChange, { table }: ChangeScene): string[] {
  const alter = `ALTER TABLE ${quoteName(table)}`;
  switch (change.kind) {
    case 'add-column': {
      const { name, declared } = change.column;
      if (table.columns.has(name)) return [];
      const type = declared?.type ?? '<type>';
      const withDefault = declared?.missing === undefined ? '' : ` DEFAULT ${quoteLiteral(declared.missing)}::${type}`;
      const notNull = declared?.notNull && withDefault ? ' NOT NULL' : '';
      return [`${alter} ADD COLUMN ${quoteIdentifier(name)} ${type}${withDefault}${notNull}`];
    }
    case 'drop-column':
      return table.columns.has(change.column.name)
        ? [`${alter} DROP COLUMN ${quoteIdentifier(change.column.name)}`]
        : [];
    case 'rename-column':
      if (!table.columns.has(change.from.name) || table.columns.has(change.to.name)) return [];
      return [`${alter} RENAME COLUMN ${quoteIdentifier(change.from.name)} TO ${quoteIdentifier(change.to.name)}`];
    case 'change-type':
      return [`${alter} ALTER COLUMN ${quoteIdentifier(change.to.name)} TYPE ${change.to.declared?.type ?? '<type>'}`];
    case 'change-key': {
      const key = change.to.map(quoteIdentifier).join(', ');
      return [`${alter} DROP CONSTRAINT <its primary key>${key ? `, ADD PRIMARY KEY (${key})` : ''}`];
    }
    default:
      return [];
  }
}

function reasonOf(changes: readonly SchemaChange[], scene: ChangeScene): StopReason {
  const { mapping, table } = scene;
  const source = quoteFree(mapping);
  const resume = `ferry table resume ${source}`;
  const ddl = changes.flatMap((change) => ddlOf(change, scene)).map((statement) => `${statement};`);
  const edits = changes.flatMap((change) => mappingEdit(change, mapping));
  const unseen = changes.flatMap((change) => (isSafe(change, scene) ? [] : changedValues(change)));
  const steps = [
    ...(ddl.length > 0 ? [`On the target: ${ddl.join(' ')}`] : []),
    ...(edits.length > 0 ? [`${ddl.length > 0 ? 'Or' : 'Edit'} ${edits.join('; ')}`] : []),
    ...(changes.some((change) => change.kind === 'rename-table')
      ? [`${resume}; from: may follow to the new name at a later start of the services, once the table runs.`]
      : []),
    ...(changes.every((change) => change.kind === 'rename-table') ? [] : [`Then ${resume}.`]),
    ...(changes.some((change) => change.kind === 'change-key')
      ? [`Or, since a replay cannot take rows of before to another key: ferry table resnapshot ${source}.`]
      : []),
    ...(unseen.length > 0
      ? [
          `Values that the change gave to rows of before are not in the WAL; this writes them there: UPDATE ${quoteName(mapping.source)} SET ${unseen.join(', ')};`,
        ]
      : []),
  ];
  return {
    kind: 'change',
    message: `${source}: ${changes.map(describeChange).join(', ')}; the target table ${table.schema}.${table.table} stands before it`,
    remedy: steps.join(' '),
  };
}

/** What writes the values that rows got by the change, as they are. */
function changedValues(change: SchemaChange): string[] {
  if (change.kind !== 'add-column' && change.kind !== 'change-type') return [];
  const name = quoteIdentifier(change.kind === 'add-column' ? change.column.name : change.to.name);
  return [`${name} = ${name}`];
}

function quoteFree({ source }: TableMapping): string {
  return `${source.schema}.${source.table}`;
}

/** @returns what may be written in the mapping instead of changing the target; empty where nothing may. */
function mappingEdit(change: SchemaChange, mapping: TableMapping): string[] {
  const place = formatPlace(mapping.place);
  if (change.kind !== 'rename-column') return [];
  return [
    `${place}: rename: { ${JSON.stringify(change.to.name)}: ${JSON.stringify(change.from.name)} } to keep the target's name`,
  ];
}

/** A change in a few words. */
export function describeChange(change: SchemaChange): string {
  switch (change.kind) {
    case 'add-column':
      return `column ${change.column.name}${typeOf(change.column)} was added`;
    case 'drop-column':
      return `column ${change.column.name} was dropped`;
    case 'rename-column':
      return `column ${change.from.name} was renamed to ${change.to.name}`;
    case 'change-type':
      return `column ${change.to.name} changed its type${typeOf(change.from, ' from')}${typeOf(change.to, ' to')}`;
    case 'change-key':
      return change.to.length > 0
        ? `the key changed from (${change.from.join(', ')}) to (${change.to.join(', ')})`
        : `the key (${change.from.join(', ')}) was dropped`;
    case 'change-identity':
      return `the replica identity changed from ${change.from} to ${change.to}`;
    case 'rename-table':
      return `the table was renamed from ${change.from} to ${change.to}`;
    default:
      return change satisfies never;
  }
}

function typeOf({ declared }: Column, word = ''): string {
  return declared ? `${word} ${declared.type}` : '';
}

import type { Node, RangeVar } from 'libpg-query';
import type { ParsedStatement } from '../../../core/schema/grammar.js';
import { lineAt } from '../file-text.js';
import type { SchemaObject } from '../inventory.js';
import type { Part, Script } from '../script.js';
import { restoreDropped } from './dropped.js';
import { type Inverse, inverseOf } from './inverse.js';
import { findReplaced, type Replaced } from './replaced.js';
import { settle } from './settle.js';

/** A line that a person takes out, once what it says is seen to. */
export const REVIEW = '-- REVIEW';

/**
 * Writes the script that undoes a migration: its statements' inverses, last one first. What goes with a table that the
 * migration has made needs none.
 */
export function rollbackText(script: Script, known: Known = {}): string {
  const made = new Set<string>();
  const blocks: Block[] = [];
  const added = movesSome(script) ? undefined : known.added;
  for (const part of script.parts) {
    for (const written of part.statements) {
      const statement = added ? settle(written, added) : written;
      if (!statement) continue;
      const inverse = goesWith(statement, made) ? { undo: [] } : wayBack(statement, known);
      for (const name of madeBy(statement)) made.add(name);
      const { kind } = statement;
      // A thousand rows that were added are looked at once.
      const alike = ROWS.has(kind)
        ? blocks.find((one) => one.kind === kind && one.inverse.review === inverse.review)
        : undefined;
      if (alike) alike.more++;
      else blocks.push({ kind, mark: markOf(part, statement), inverse, more: 0 });
    }
  }
  const heading = `-- Undoes ${script.file}. Generated: read it before you need it.\n`;
  return [
    heading,
    ...blocks
      .toReversed()
      .map(blockText)
      .filter((one) => one !== ''),
  ].join('\n');
}

/** What was found around the migration, and tells more than its text. */
export interface Known {
  /** What it made, by the catalog. */
  readonly added?: readonly SchemaObject[];
  /** The dump before it. */
  readonly before?: string;
  /** What the dumps before and after know of functions and views. */
  readonly replaced?: readonly Replaced[];
}

/** Then what was made has another name in the end. */
const movesSome = ({ parts }: Script): boolean =>
  parts.some(({ statements }) =>
    statements.some(({ kind }) => kind === 'RenameStmt' || kind === 'AlterObjectSchemaStmt'),
  );

/** True when a file replaces something, so that the dumps around it must be looked at. */
export const replacesSome = ({ parts }: Script): boolean =>
  parts.some(({ statements }) => statements.some(({ node }) => node.replace === true));

function wayBack(statement: ParsedStatement, { before, replaced = [] }: Known): Inverse {
  const { node } = statement;
  const restored = before === undefined ? undefined : restoreDropped(statement, before);
  if (restored) return restored;
  const found = node.replace === true ? findReplaced(replaced, statement) : undefined;
  if (!found) return inverseOf(statement);
  return found.undo === undefined
    ? inverseOf({ ...statement, node: { ...node, replace: false } })
    : { undo: found.undo };
}

/** What changes rows, and can be marked alone. */
const ROWS = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'CopyStmt', 'SelectStmt']);

interface Block {
  readonly kind: string;
  /** Where the statement stands, and how it begins. */
  readonly mark: string;
  readonly inverse: Inverse;
  /** Statements of its kind behind it. */
  more: number;
}

const MARK_LENGTH = 80;

function markOf(part: Part, { start, end }: ParsedStatement): string {
  const first = part.sql
    .slice(start, Math.min(end, start + MARK_LENGTH))
    .split('\n')[0]!
    .trim();
  return `line ${part.line + lineAt(part.sql, start) - 1}, ${first}`;
}

function blockText({ mark, inverse: { undo, review }, more }: Block): string {
  const others = more > 0 ? ` (and ${more} more like it)` : '';
  const marks = review === undefined ? [] : [`${REVIEW} ${mark}${others}: ${review}`];
  return [...marks, ...undo].map((text) => `${text}\n`).join('');
}

const nameOf = ({ schemaname, relname }: RangeVar): string => JSON.stringify([schemaname ?? '', relname]);

function madeBy({ kind, node }: ParsedStatement): string[] {
  if (node.if_not_exists === true) return [];
  if (kind === 'CreateSchemaStmt') return [schemaKey(node.schemaname)];
  if (kind === 'CreateStmt') return [nameOf(node.relation as RangeVar)];
  return kind === 'CreateTableAsStmt' ? [nameOf((node.into as { rel: RangeVar }).rel)] : [];
}

/** True of what is gone with the tables that were made before it. A foreign key is not: two tables may hold each other. */
function goesWith({ kind, node }: ParsedStatement, made: ReadonlySet<string>): boolean {
  const isMade = (relation: unknown) => relation !== undefined && made.has(nameOf(relation as RangeVar));
  switch (kind) {
    case 'AlterTableStmt':
      return isMade(node.relation) && !JSON.stringify(node).includes('CONSTR_FOREIGN');
    case 'InsertStmt':
    case 'CopyStmt':
    case 'UpdateStmt':
    case 'DeleteStmt':
    case 'IndexStmt':
    case 'CreateTrigStmt':
      return isMade(node.relation);
    case 'CreatePolicyStmt':
      return isMade(node.table);
    case 'GrantStmt':
      return (
        (node.objects as Node[] | undefined)?.every((one) => isMade((one as { RangeVar?: RangeVar }).RangeVar)) ?? false
      );
    case 'CommentStmt':
      return isCommentOn(node, made);
    default:
      return false;
  }
}

const schemaKey = (name: unknown): string => `schema ${String(name)}`;

/** A column's, policy's or trigger's name has its own behind that of its table. */
function isCommentOn({ object, objtype }: ParsedStatement['node'], made: ReadonlySet<string>): boolean {
  if (objtype === 'OBJECT_SCHEMA') return made.has(schemaKey((object as { String: { sval: string } }).String.sval));
  const items = (object as { List?: { items?: { String?: { sval?: string } }[] } } | undefined)?.List?.items ?? [];
  const names = items.map((one) => one.String?.sval ?? '');
  const tables = [names, names.slice(0, -1)].map((name) => JSON.stringify(name.length === 1 ? ['', ...name] : name));
  return tables.some((name) => made.has(name));
}

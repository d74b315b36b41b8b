import type { Position } from '../../core/position.js';
import { type RelationLine, type RowLine, type RowOp, relationToLine, type Tuple } from '../../core/record.js';
import type { TableStep } from './batch.js';
import type { Join, TableShape } from './table-shape.js';

/** Where a change stands: its record in the log, and its position in the source's stream. */
export interface Place {
  readonly offset: number;
  readonly position: Position;
  /** Commit time at the source, ISO 8601. */
  readonly time: string | null;
}

/** A change as the dead letters keep it: with its relation, so that it can be written once the target takes it. */
export type LetterEvent =
  | {
      readonly op: RowOp;
      readonly relation: RelationLine;
      /** Of a joined table. */
      readonly join?: Join['role'];
      readonly new?: Tuple;
      readonly key?: Tuple;
      readonly old?: Tuple;
    }
  | {
      readonly op: 'r';
      readonly relation: RelationLine;
      readonly columns: readonly string[];
      readonly row: readonly (string | null)[];
    }
  | { readonly op: 't'; readonly relations: readonly RelationLine[]; readonly restartIdentity: boolean };

/** Why the target refused a change; never a row's values. */
export interface Refusal {
  readonly sqlstate?: string;
  readonly message: string;
  readonly column?: string;
  readonly constraint?: string;
}

/**
 * Values of a row's key as text, in the target's key order. null stands for any value, where equal ones may differ as text:
 * all rows that are the same otherwise are held up together then.
 */
export type Key = readonly (string | null)[];

/** What a change is about: rows of one table, or whole tables. */
export interface Subject {
  /** Display names of target tables. */
  readonly tables: readonly string[];
  /** undefined: all rows. */
  readonly keys: readonly Key[] | undefined;
}

/** A change that is not written: the target refuses it, or it must come after one that was refused. */
export interface Letter extends Subject {
  readonly place: Place;
  readonly shapes: readonly TableShape[];
  readonly event: LetterEvent;
  /** undefined: it follows one that was refused. */
  readonly refusal?: Refusal;
}

export function rowLetter(shape: TableShape, row: RowLine, place: Place): Letter {
  const { op, new: now, key, old } = row;
  const { join } = shape;
  const given = { ...(now ? { new: now } : {}), ...(key ? { key } : {}), ...(old ? { old } : {}) };
  return {
    place,
    shapes: [shape],
    tables: [shape.name],
    keys: keysOf(shape, row),
    event: { op, relation: relationToLine(shape.relation), ...(join ? { join: join.role } : {}), ...given },
  };
}

/** A row of a snapshot. */
export function copiedLetter(
  shape: TableShape,
  columns: readonly string[],
  row: readonly (string | null)[],
  place: Place,
): Letter {
  return {
    place,
    shapes: [shape],
    tables: [shape.name],
    keys: [keyOfCopied(shape, columns, row)],
    event: { op: 'r', relation: relationToLine(shape.relation), columns, row },
  };
}

export function truncateLetter(shapes: readonly TableShape[], restartIdentity: boolean, place: Place): Letter {
  const relations = shapes.map(({ relation }) => relationToLine(relation));
  return {
    place,
    shapes,
    tables: shapes.map(({ name }) => name),
    keys: undefined,
    event: { op: 't', relations, restartIdentity },
  };
}

/** Where a step comes from, and of a row's change the row. */
export interface Origin {
  readonly place: Place;
  readonly row?: RowLine;
  /** Of the row, where the step's is not. */
  readonly shape?: TableShape;
  /** What came into the same step before: of joined tables, whose rows are written whole. */
  readonly before?: Origin;
}

/** What a step would be as a letter. A snapshot's rows are letters of their own each: not by this. */
export function letterOf(step: Exclude<TableStep, { kind: 'rows' }>, { place, row, shape }: Origin): Letter {
  switch (step.kind) {
    case 'changes':
    case 'counts':
      return rowLetter(shape ?? step.set.shape, row!, place);
    case 'move':
      return rowLetter(shape ?? step.move.shape, row!, place);
    case 'truncate':
      return truncateLetter(step.shapes, step.restartIdentity, place);
    default:
      return step satisfies never;
  }
}

/** One for each change in the step, in their order. */
export function lettersOf(step: Exclude<TableStep, { kind: 'rows' }>, origin: Origin): Letter[] {
  const { before } = origin;
  return [...(before ? lettersOf(step, before) : []), letterOf(step, origin)];
}

/** The keys that a change is about: what it had before and what it has now. */
function keysOf({ keyIndexes, columns }: TableShape, { new: now, key, old }: RowLine): Key[] {
  const tuples = [key ?? old, now].filter((tuple): tuple is Tuple => tuple !== undefined);
  const keys = tuples.map((tuple) =>
    keyIndexes.map((index) => (columns[index]!.isEqualAsText ? (tuple[index] as string | null) : null)),
  );
  return keys.length === 2 && keyText(keys[0]!) === keyText(keys[1]!) ? [keys[0]!] : keys;
}

export function keyOfCopied(shape: TableShape, names: readonly string[], row: readonly (string | null)[]): Key {
  return shape.key.map((name) =>
    shape.table.columns.get(name)!.isEqualAsText ? (row[names.indexOf(name)] ?? null) : null,
  );
}

/** An injective text of a key. */
export function keyText(key: Key): string {
  return JSON.stringify(key);
}

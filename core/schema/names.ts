/** Where an object stands: its schema and its name there, unquoted. */
export interface Place {
  readonly schema: string;
  readonly name: string;
  /** Where the table stands that it goes with, of an index, a sequence, a partition: a table may go to several of one schema. */
  readonly owner?: Place;
}

/** The columns of a table, as far as SQL that reads it must know them. */
export interface TableColumns {
  readonly columns: ReadonlySet<string>;
  /** What the mapping calls otherwise: source name -> target name; undefined: it does not move. */
  readonly changes: ReadonlyMap<string, string | undefined>;
}

/** What names of the source mean in the target. A name without a schema is looked up as the statement would. */
export interface Names {
  /** Table, view, sequence, index: where it goes; undefined: it keeps its name. */
  relation(schema: string | undefined, name: string): Place | undefined;
  routine(schema: string | undefined, name: string): Place | undefined;
  type(schema: string | undefined, name: string): Place | undefined;
  /** The schema of an operator that an extension has made; undefined of PostgreSQL's own. */
  operator(name: string): string | undefined;
  /** Whether it names rows: a table, a view, a composite type. */
  isRow(schema: string | undefined, name: string): boolean;
  /** The columns of a table or view of the source; undefined: nobody knows them. */
  columns(schema: string | undefined, name: string): TableColumns | undefined;
}

/** Of what goes with a table, and of tables by themselves: whether two places are of one table of the target. */
export function areKin(a: Place, b: Place): boolean {
  return (a.owner ?? b.owner) !== undefined && samePlace(rootOf(a), rootOf(b));
}

const rootOf = (place: Place): Place => (place.owner ? rootOf(place.owner) : place);

export const samePlace = (a: Place, b: Place): boolean => a.schema === b.schema && a.name === b.name;

export const displayPlace = ({ schema, name }: Place): string => `${schema}.${name}`;

import { RowMapper } from '../../core/mapping/row-mapper.js';
import type { RuleKit } from '../../core/mapping/rule-kit.js';
import { isMove, routeName, type TableMapping, targetColumn } from '../../core/mapping.js';
import { type RelationLine, relationFromLine, relationToLine } from '../../core/record.js';
import { displayName, type Relation, sourceName } from '../../core/relation.js';

/** What the mappings make of one version of a source relation. */
export interface CompiledRelation {
  /** The source table, `schema.table`. */
  readonly source: string;
  /** Where its rows go; none when no mapping takes the table. */
  readonly routes: readonly CompiledRoute[];
}

/** One table of the target that a source relation's rows go to. */
export interface CompiledRoute {
  /** What the ledger counts its rows under. */
  readonly name: string;
  /** The domain schema. */
  readonly schema: string;
  /** Which it is of the tables of its schema that the relation goes to, from 0. */
  readonly nth: number;
  /** Of the relation in the domain topic. */
  readonly id: number;
  /** Its line there. */
  readonly line: string;
  /** Columns that change their name; undefined when none does, and a snapshot's rows pass as they are. */
  readonly rename: ReadonlyMap<string, string> | undefined;
  /** Makes the target's rows of the source's; undefined where they move as bytes. */
  readonly mapper: RowMapper | undefined;
}

/**
 * Compiles once for each relation version; rows are then routed without looking at the mapping again.
 * @throws FerryError `mapping-invalid` for rules that do not fit the relation.
 */
export function compileRelation(line: RelationLine, tables: readonly TableMapping[], kit: RuleKit): CompiledRelation {
  const relation = relationFromLine(line);
  const source = sourceName(relation);
  const mappings = tables.filter((table) => displayName(table.source) === source);
  const routes = mappings.map((mapping, i) => {
    const { schema } = mapping.target;
    const nth = mappings.slice(0, i).filter(({ target }) => target.schema === schema).length;
    return compileRoute(relation, mapping, { nth, kit });
  });
  return { source, routes };
}

/** Ids of relations are OIDs: the next of the same one begins behind all of them. */
const OIDS = 2 ** 32;

function compileRoute(
  relation: Relation,
  mapping: TableMapping,
  { nth, kit }: { readonly nth: number; readonly kit: RuleKit },
): CompiledRoute {
  const name = routeName(mapping);
  const mapper = isMove(mapping) ? undefined : new RowMapper(relation, mapping, kit);
  const columns =
    mapper?.columns ?? relation.columns.map((column) => ({ ...column, name: targetColumn(mapping, column.name) }));
  const id = relation.id + nth * OIDS;
  return {
    name,
    schema: mapping.target.schema,
    nth,
    id,
    line: JSON.stringify(relationToLine({ ...relation, ...mapping.target, id, source: name, columns })),
    rename: mapping.rename.size > 0 ? mapping.rename : undefined,
    mapper,
  };
}

import type { SyntaxNode } from '../grammar.js';
import { type DumpStatement, listPlace, type SourceObject } from '../inventory.js';
import type { Mover, TablePart } from '../mover.js';
import type { Place } from '../names.js';
import type { Written } from '../phase.js';
import { isNode, nodesOf, stringsOf } from '../syntax.js';

const phase = 'comments_and_publications';

/** COMMENT ON, at each place that its object goes to. */
export function writeComment(statement: DumpStatement, mover: Mover): Written[] {
  const { objtype, object, comment } = statement.node;
  if (comment === undefined) return [];
  const type = String(objtype).replace('OBJECT_', '');
  const found = OF_TABLE.has(type) ? tableOf(object, mover) : commented(type, object, mover);
  if (!found) return [];
  return mover.placesOf(found).flatMap((target): Written[] => {
    if (mover.merges.isBehind(found.place, target)) return [];
    if (isUnmade(found, target, { type, object, mover })) return [];
    if (type === 'COLUMN' && isLeft(found, target, { column: stringsOf(object).at(-1)!, mover })) return [];
    const sql =
      found.class === 'relation'
        ? mover.moveAbout(statement, { source: found.place, target })
        : mover.move(statement, target.schema);
    return sql === undefined ? [] : [{ phase, sql }];
  });
}

/** Of tables that are split or merged, a part may not be there. */
function isUnmade(
  found: SourceObject,
  target: Place,
  { type, object, mover }: { readonly type: string; readonly object: unknown; readonly mover: Mover },
): boolean {
  const kind = PARTS[type];
  if (!kind) return false;
  if (OF_TABLE.has(type)) return !mover.isMade(target, { kind, name: stringsOf(object).at(-1) });
  return target.owner !== undefined && !mover.isMade(target.owner, { kind, name: found.place.name });
}

const PARTS: Readonly<Record<string, TablePart['kind']>> = {
  INDEX: 'index',
  POLICY: 'policy',
  RULE: 'rule',
  STATISTIC_EXT: 'statistics',
  TABCONSTRAINT: 'index',
  TRIGGER: 'trigger',
};

/** What stands behind its table's name. */
const OF_TABLE = new Set(['COLUMN', 'TABCONSTRAINT', 'TRIGGER', 'POLICY', 'RULE']);
const RELATIONS = new Set(['TABLE', 'VIEW', 'MATVIEW', 'SEQUENCE', 'INDEX', 'FOREIGN_TABLE', 'STATISTIC_EXT']);

function tableOf(object: unknown, mover: Mover): SourceObject | undefined {
  const [schema, name] = stringsOf(object);
  return schema === undefined || name === undefined ? undefined : mover.find('relation', { schema, name });
}

function commented(type: string, object: unknown, mover: Mover): SourceObject | undefined {
  if (RELATIONS.has(type)) return mover.find('relation', listPlace(object));
  const [routine] = nodesOf(object, 'ObjectWithArgs');
  if (routine) return mover.find('routine', listPlace(routine.objname));
  if (!isNode(object) || !isNode(object.TypeName)) return undefined;
  return mover.find('type', listPlace((object.TypeName as SyntaxNode).names));
}

function isLeft(table: SourceObject, target: Place, { column, mover }: { column: string; mover: Mover }): boolean {
  if (!table.columns) return false;
  const { changes } = mover.plan.columnsOf(table, target);
  return changes.has(column) && changes.get(column) === undefined;
}

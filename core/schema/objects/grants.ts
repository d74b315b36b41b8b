import type { SyntaxNode } from '../grammar.js';
import { type DumpStatement, listPlace, rangePlace, type SourceObject } from '../inventory.js';
import { labelOf } from '../label.js';
import type { Mover } from '../mover.js';
import { ownColumns } from '../own-columns.js';
import type { Written } from '../phase.js';
import { isNode, itemsOf, nodesOf, stringNode, stringsOf } from '../syntax.js';

const phase = 'grants';

/** GRANT and REVOKE, on what has moved. */
export function writeGrant(statement: DumpStatement, mover: Mover): Written[] {
  const { objtype, objects } = statement.node;
  if (objtype === 'OBJECT_SCHEMA') return writeSchemaGrant(statement, mover);
  const [object] = itemsOf(objects);
  if (!object) return [];
  if (isNode(object.RangeVar)) return writeRelationGrant(statement, object.RangeVar, mover);
  const found = grantedObject(String(objtype), object, mover);
  // What a new project has by itself has its grants, too.
  if (!found) return [];
  return mover.placesOf(found).flatMap(({ schema }): Written[] => {
    const sql = mover.move(statement, schema);
    return sql === undefined ? [] : [{ phase, sql }];
  });
}

function writeRelationGrant(statement: DumpStatement, range: SyntaxNode, mover: Mover): Written[] {
  const source = rangePlace(range);
  if (!mover.find('relation', source)) return [];
  return mover.targetsOf(source).flatMap((subject): Written[] => {
    if (mover.standElsewhere(ownColumns(statement.kind, statement.node), subject)) return [];
    const sql = mover.moveAbout(statement, subject);
    return sql === undefined ? [] : [{ phase, sql }];
  });
}

function grantedObject(objtype: string, object: SyntaxNode, mover: Mover): SourceObject | undefined {
  const [routine] = nodesOf(object, 'ObjectWithArgs');
  if (routine) return mover.find('routine', listPlace(routine.objname));
  return objtype === 'OBJECT_TYPE' || objtype === 'OBJECT_DOMAIN' ? mover.find('type', listPlace(object)) : undefined;
}

/** What holds for a schema holds for each that its objects go to. */
function writeSchemaGrant(statement: DumpStatement, mover: Mover): Written[] {
  const [source] = stringsOf(statement.node.objects);
  if (source === undefined || statement.node.is_grant !== true) return [];
  return mover.schemasOf(source).flatMap((schema): Written[] => {
    const sql = withNode(statement, mover, (node) => {
      node.objects = [stringNode(schema)];
    });
    return sql === undefined ? [] : [{ phase, sql }];
  });
}

/** Default privileges of a schema, for whoever runs this: owners have other names in another project. */
export function writeDefaultPrivileges(statement: DumpStatement, mover: Mover): Written[] {
  const options = nodesOf(statement.node.options, 'DefElem');
  const [source] = stringsOf(options.find(({ defname }) => defname === 'schemas')?.arg);
  const roles = nodesOf(options.find(({ defname }) => defname === 'roles')?.arg, 'RoleSpec').map((one) =>
    String(one.rolename),
  );
  // Supabase's own, for what it makes itself.
  if (roles.some((role) => role.startsWith('supabase_'))) return [];
  if (source === undefined) {
    mover.leave(
      statement,
      labelOf(statement),
      'they hold for all schemas',
      'Run ALTER DEFAULT PRIVILEGES by hand if they are to hold there.',
    );
    return [];
  }
  return mover.schemasOf(source).flatMap((schema): Written[] => {
    const sql = withNode(statement, mover, (node) => {
      const named = itemsOf(node.options).filter((item) => (item.DefElem as SyntaxNode).defname === 'schemas');
      for (const item of named) (item.DefElem as SyntaxNode).arg = { List: { items: [stringNode(schema)] } };
      node.options = named;
    });
    return sql === undefined ? [] : [{ phase, sql }];
  });
}

function withNode(statement: DumpStatement, mover: Mover, change: (node: SyntaxNode) => void): string | undefined {
  const node = structuredClone(statement.node) as SyntaxNode;
  change(node);
  const sql = mover.grammar.deparse({ [statement.kind]: node });
  if (sql === undefined)
    mover.leave(statement, labelOf(statement), 'it cannot be written for another schema', 'Run it by hand.');
  return sql;
}

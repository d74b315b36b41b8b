import type { Finding } from './finding.js';
import type { SyntaxNode } from './grammar.js';
import { keyOf } from './inventory.js';
import type { Mover } from './mover.js';
import type { Written } from './phase.js';
import { API_ROLES, ensureRole } from './supabase.js';
import { nodesOf, stringsOf } from './syntax.js';

/** Roles that grants and policies name: they are there before, or nothing of it can be said. */
export function writeRoles(written: readonly Written[], mover: Mover): { roles: Written[]; findings: Finding[] } {
  const parts = written.filter(({ phase }) => phase === 'policies' || phase === 'grants');
  const names = new Set(parts.flatMap(({ sql }) => rolesIn(nodesOf(mover.grammar.parse(sql).statements, 'RoleSpec'))));
  const sorted = [...names].sort();
  const others = sorted.filter((role) => !API_ROLES.includes(role) && role !== 'postgres');
  return {
    roles: sorted.map((role) => ({ phase: 'schemas_and_types', sql: ensureRole(role, mover.grammar) })),
    findings: others.map((role) => ({
      kind: 'look',
      object: `role ${role}`,
      line: 0,
      why: 'a dump has no roles: where it is missing it is made, without login and without membership in others',
      remedy: 'Give it what it has in the source.',
    })),
  };
}

const rolesIn = (specs: readonly SyntaxNode[]): string[] =>
  specs.flatMap(({ rolename }) => (typeof rolename === 'string' ? [rolename] : []));

/** In a new schema nobody may look anything up: USAGE for whoever may use something in it. */
export function writeUsage(mover: Mover): Written[] {
  const granted = new Map<string, Set<string>>();
  const routines = mover.plan.inventory.all().filter((object) => object.class === 'routine');
  const withRoutines = routines.flatMap((object) => mover.placesOf(object).map(({ schema }) => schema));
  for (const { kind, node } of mover.statements) {
    if (kind !== 'GrantStmt' || node.is_grant !== true) continue;
    const schemas = schemasOfGrant(node as SyntaxNode, mover);
    if (schemas.length === 0) continue;
    for (const role of granteesOf(node as SyntaxNode, mover)) {
      // Whoever may run a function need not have been told so: everybody may.
      granted.set(role, new Set([...(granted.get(role) ?? []), ...schemas, ...withRoutines]));
    }
  }
  return [...granted]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([role, schemas]) => ({
      phase: 'grants',
      sql: `GRANT USAGE ON SCHEMA ${[...schemas].sort().map(mover.grammar.identifier).join(', ')} TO ${role}`,
    }));
}

function granteesOf(node: SyntaxNode, { grammar }: Mover): string[] {
  return nodesOf(node.grantees, 'RoleSpec').flatMap(({ roletype, rolename }) => {
    if (roletype === 'ROLESPEC_PUBLIC') return ['PUBLIC'];
    return typeof rolename === 'string' ? [grammar.identifier(rolename)] : [];
  });
}

function schemasOfGrant(node: SyntaxNode, mover: Mover): string[] {
  const names = [
    ...nodesOf(node.objects, 'RangeVar').map(({ schemaname, relname }) => ['relation', schemaname, relname] as const),
    ...nodesOf(node.objects, 'ObjectWithArgs').map(({ objname }) => ['routine', ...stringsOf(objname)] as const),
  ];
  return mover.plan.inventory
    .all()
    .filter((object) =>
      names.some(
        ([kind, schema, name]) => object.class === kind && object.place.schema === schema && object.place.name === name,
      ),
    )
    .flatMap((object) => (mover.plan.places.get(keyOf(object)) ?? []).map(({ schema }) => schema));
}

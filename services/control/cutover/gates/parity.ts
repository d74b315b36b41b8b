import type { ClientBase } from 'pg';
import { displayName, type QualifiedName } from '../../../../core/relation.js';
import { quoteName } from '../../../../platform/postgres.js';
import { jsonRows } from '../../preflight/json-rows.js';
import type { Gate } from './gate.js';

/** Who may do what with a table. */
export interface TableAccess {
  readonly rowSecurity: 'off' | 'on' | 'forced';
  /** Each with its command, whether it is restrictive, and its roles; what it says may differ with the schemas. */
  readonly policies: readonly string[];
  /** `SELECT to app`; those of the owner and of our own role are left out. */
  readonly grants: readonly string[];
  /** Roles that were granted something, and may not use the schema. */
  readonly shutOut: readonly string[];
}

/** Of the table `c`. PostgreSQL 17 has one privilege more, which is no application's. */
const GRANTS = `(SELECT e.grantee, e.privilege_type
  FROM pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))) e
 WHERE e.grantee <> c.relowner AND e.grantee <> (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = session_user)
   AND e.privilege_type <> 'MAINTAIN') a`;

const ACCESS_SQL = `
SELECT name,
  CASE WHEN c.relrowsecurity AND c.relforcerowsecurity THEN 'forced' WHEN c.relrowsecurity THEN 'on' ELSE 'off' END AS "rowSecurity",
  ARRAY(SELECT format('"%s" (%s%s to %s)', p.polname, CASE WHEN p.polpermissive THEN '' ELSE 'restrictive ' END,
          CASE p.polcmd WHEN '*' THEN 'all' WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' ELSE 'delete' END,
          array_to_string(ARRAY(SELECT coalesce(r.rolname, 'public') FROM unnest(p.polroles) o
            LEFT JOIN pg_catalog.pg_roles r ON r.oid = o ORDER BY 1), ', '))
        FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid ORDER BY 1) AS policies,
  ARRAY(SELECT DISTINCT format('%s to %s', a.privilege_type, coalesce(r.rolname, 'public')) FROM ${GRANTS}
        LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee ORDER BY 1) AS grants,
  ARRAY(SELECT DISTINCT r.rolname FROM ${GRANTS} JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
        WHERE NOT pg_catalog.has_schema_privilege(r.oid, c.relnamespace, 'USAGE') ORDER BY 1) AS "shutOut"
FROM unnest($1::text[]) name JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(name)`;

async function readAccess(client: ClientBase, names: readonly QualifiedName[]): Promise<Map<string, TableAccess>> {
  const rows = await jsonRows<TableAccess & { readonly name: string }>(client, ACCESS_SQL, [names.map(quoteName)]);
  return new Map(rows.map((row) => [row.name, row]));
}

/** What an application would find otherwise on the other side. Pure. */
export function accessProblems(table: string, source: TableAccess, target: TableAccess): string[] {
  const missing = (these: readonly string[], those: readonly string[]) => these.filter((one) => !those.includes(one));
  return [
    ...(source.rowSecurity === target.rowSecurity
      ? []
      : [`row-level security of ${table} is ${target.rowSecurity}, on the source it is ${source.rowSecurity}`]),
    ...missing(source.policies, target.policies).map((policy) => `${table} lacks the policy ${policy}`),
    ...missing(target.policies, source.policies).map((policy) => `only ${table} has the policy ${policy}`),
    ...missing(source.grants, target.grants).map((grant) => `${table} lacks the grant ${grant}`),
    ...missing(target.grants, source.grants).map((grant) => `only ${table} has the grant ${grant}`),
    ...missing(target.shutOut, source.shutOut).map((role) => `${role} may not use the schema of ${table}`),
  ];
}

/** The new project lets in whom the old one let in, and nobody else. */
export const parityGate: Gate = {
  name: 'parity',
  mayPass: false,
  async look({ pipeline, source, target, ahead, afterCopy }) {
    const { tables } = pipeline;
    const from = await readAccess(
      source,
      tables.map((table) => table.source),
    );
    const to = await readAccess(
      target,
      tables.map((table) => table.target),
    );
    const problems = tables.flatMap((mapping) => {
      const [old, now] = [from.get(quoteName(mapping.source)), to.get(quoteName(mapping.target))];
      return old && now ? accessProblems(displayName(mapping.target), old, now) : [];
    });
    const policies = [...to.values()].reduce((sum, access) => sum + access.policies.length, 0);
    const grants = [...to.values()].reduce((sum, access) => sum + access.grants.length, 0);
    if (problems.length === 0) return { isOpen: true, figure: `${policies} policies and ${grants} grants alike` };
    // What the target is readied with may bring them.
    const pending = ahead.has('constraints') ? await afterCopy.check() : '';
    if (pending) return { isOpen: true, figure: `not yet: ${problems.join(', ')}; ${pending}` };
    return {
      isOpen: false,
      figure: problems.join(', '),
      remedy:
        'Bring policies, grants and row-level security to the target, or say why they differ: --force parity --reason.',
    };
  },
};

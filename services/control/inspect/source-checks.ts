import type { ClientBase } from 'pg';
import { pipelineOf } from '../../../platform/load-pipeline.js';
import type { Assignment } from '../init/assign-tables.js';
import { configFiles } from '../init/config-files.js';
import type { Catalog } from '../preflight/catalog.js';
import { type Check, type PreflightContext, preflightContext } from '../preflight/context.js';
import { preparedTransactions } from '../preflight/prepared-transactions.js';
import { sourcePrimary } from '../preflight/primary.js';
import { replicationRole } from '../preflight/replication-role.js';
import { sourceRowSecurity } from '../preflight/row-security.js';
import { sourceVersion } from '../preflight/server-version.js';
import { sourcePrivileges } from '../preflight/source-privileges.js';
import { walLevel } from '../preflight/wal-level.js';
import type { ObjectFinding } from './survival.js';

/** What `ferry check` asks of the source alone. That each table has a key is asked before it is in a mapping. */
const CHECKS: readonly Check[] = [
  sourceVersion,
  sourcePrimary,
  walLevel,
  replicationRole,
  sourcePrivileges,
  sourceRowSecurity,
  preparedTransactions,
];

/** Checks the source as `ferry check` will, with the configuration that the proposal makes. */
export async function checkSource(
  client: ClientBase,
  catalog: Catalog,
  assignment: Assignment,
): Promise<ObjectFinding[]> {
  if (assignment.tables.length === 0) return [];
  const [pipeline, ...mappings] = configFiles({ name: 'inspect', assignment, bytes: new Map() });
  const files = { directory: '.', pipeline: pipeline!, mappings };
  const loaded = pipelineOf(files, { SOURCE_URL: '-', TARGET_URL: '-' });
  const context: PreflightContext = {
    ...preflightContext(loaded, { source: client, target: client }),
    sourceCatalog: async () => catalog,
  };
  const findings: ObjectFinding[] = [];
  for (const check of CHECKS) {
    for (const { side: _, ...finding } of await check(context)) findings.push(finding);
  }
  return findings;
}

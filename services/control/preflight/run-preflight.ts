import type { LoadedPipeline } from '../../../platform/load-pipeline.js';
import { columnFit } from './column-fit.js';
import { type Check, type PreflightSides, preflightContext } from './context.js';
import { deferrableKeys } from './deferrable-keys.js';
import { logDisk, targetDisk } from './disk.js';
import { sourceEncoding, targetEncoding } from './encoding.js';
import { extensionTypes } from './extension-types.js';
import { fencePrivileges } from './fence-privileges.js';
import type { Finding } from './finding.js';
import { joinFit } from './join-fit.js';
import { keyCollation } from './key-collation.js';
import { keyReferences } from './key-references.js';
import { lineageFit } from './lineage-fit.js';
import { sourceTableKind, sourceTablesExist, targetTableKind, targetTablesExist } from './mapped-tables.js';
import { openTransactions } from './open-transactions.js';
import { preparedTransactions } from './prepared-transactions.js';
import { sourcePrimary, targetPrimary } from './primary.js';
import { publication } from './publication.js';
import { renamedColumns } from './renamed-columns.js';
import { replicaRole } from './replica-role.js';
import { replicationRole } from './replication-role.js';
import { replicationSlot } from './replication-slot.js';
import { rowFilter } from './row-filter.js';
import { sourceRowKey } from './row-key.js';
import { sourceRowSecurity, targetRowSecurity } from './row-security.js';
import { ruleFit } from './rule-fit.js';
import { sourceVersion, targetVersion } from './server-version.js';
import { sourcePrivileges } from './source-privileges.js';
import { spreadRows } from './spread-rows.js';
import { targetEmpty } from './target-empty.js';
import { targetKey } from './target-key.js';
import { targetMigrations } from './target-migrations.js';
import { controlSchema, targetPrivileges } from './target-privileges.js';
import { unmappedTables } from './unmapped-tables.js';
import { walLevel } from './wal-level.js';
import { walRetention } from './wal-retention.js';
import { walSenderTimeout } from './wal-sender-timeout.js';
import { walSenders } from './wal-senders.js';
import { wayBack } from './way-back.js';

/** In the order in which a person would set the thing right: server, role, tables, columns. */
const CHECKS: readonly Check[] = [
  sourceVersion,
  sourcePrimary,
  walLevel,
  replicationSlot,
  walSenders,
  walRetention,
  walSenderTimeout,
  sourceEncoding,
  replicationRole,
  sourceTablesExist,
  sourceTableKind,
  sourceRowKey,
  renamedColumns,
  keyReferences,
  rowFilter,
  sourcePrivileges,
  sourceRowSecurity,
  publication,
  fencePrivileges,
  openTransactions,
  preparedTransactions,
  unmappedTables,
  logDisk,
  targetVersion,
  targetPrimary,
  targetEncoding,
  controlSchema,
  replicaRole,
  extensionTypes,
  targetMigrations,
  targetTablesExist,
  targetTableKind,
  columnFit,
  ruleFit,
  targetKey,
  deferrableKeys,
  lineageFit,
  joinFit,
  spreadRows,
  keyCollation,
  targetPrivileges,
  targetRowSecurity,
  targetEmpty,
  targetDisk,
  wayBack,
];

/**
 * Looks at both databases and changes nothing.
 * @returns the findings of every check, at least one each; a check that could not run gives an error finding.
 */
export async function runPreflight(pipeline: LoadedPipeline, sides: PreflightSides): Promise<Finding[]> {
  const context = preflightContext(pipeline, sides);
  const findings: Finding[] = [];
  for (const check of CHECKS) findings.push(...(await check(context)));
  // What is found about a source table that goes to several is found once for each.
  return [...new Map(findings.map((finding) => [JSON.stringify(finding), finding])).values()];
}

/** True when nothing stands against starting the pipeline. */
export function isReady(findings: readonly Finding[]): boolean {
  return findings.every((finding) => finding.level !== 'error');
}

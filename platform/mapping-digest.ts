import { createHash } from 'node:crypto';
import type { Pipeline } from '../core/config/pipeline.js';
import { formatQualifiedName } from '../core/relation.js';

/** Tells mappings apart by what they say, wherever it is written: tables, columns, rules, policies. */
export function mappingDigest({
  tables,
  mappingVersion = 1,
}: Pick<Pipeline, 'tables'> & Partial<Pick<Pipeline, 'mappingVersion'>>): string {
  const entries = tables.map(({ source, target, rename, rules, lineage, join, truncate, partitions, schemaChanges }) =>
    JSON.stringify([
      formatQualifiedName(source),
      formatQualifiedName(target),
      [...rename].sort(([a], [b]) => (a < b ? -1 : 1)),
      schemaChanges ?? null,
      ...(join ? [{ join }] : []),
      ...(truncate ? [{ truncate }] : []),
      ...(partitions ? [{ partitions }] : []),
      ...(lineage ? [lineage.sources, lineage.unique, lineage.key ?? null] : []),
      ...(rules ? [rules.where?.condition ?? null, rules.pick ?? null, rules.drop, [...rules.columns]] : []),
    ]),
  );
  if (mappingVersion > 1) entries.push(`version ${mappingVersion}`);
  return createHash('sha256').update(entries.sort().join('\n')).digest('hex').slice(0, 16);
}

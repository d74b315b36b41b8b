import type { MappedSides } from '../../../core/mapping/invert/sides.js';
import { type InvertedMapping, invertMappings } from '../../../core/mapping/invert.js';
import { routeName, type TableMapping } from '../../../core/mapping.js';
import { candidateTable } from '../../../platform/lineage-table.js';
import { mappedPairs, type PreflightContext } from '../preflight/context.js';
import { sideTable } from './side-table.js';

/** What a pipeline's mapping is in the other direction, as far as both catalogs have its tables. */
export interface KnownInverse extends InvertedMapping {
  /** Mappings of which a side is missing. */
  readonly missing: readonly TableMapping[];
}

export async function readInverse(context: PreflightContext): Promise<KnownInverse> {
  const sides = await readSides(context);
  const missing = context.pipeline.tables.filter((table) => !sides.some(({ mapping }) => mapping === table));
  return { ...invertMappings(sides), missing };
}

/** The mappings whose tables are there, as inversion looks at them. */
export async function readSides(context: PreflightContext): Promise<MappedSides[]> {
  const { types: sourceTypes } = await context.sourceCatalog();
  const { types: targetTypes } = await context.targetCatalog();
  return (await mappedPairs(context)).map(({ mapping, source, target }) => ({
    mapping,
    source: sideTable(source, sourceTypes),
    target: sideTable(target, targetTypes),
    ...(mapping.lineage ? { candidates: candidateTable(mapping.target, routeName(mapping)) } : {}),
  }));
}

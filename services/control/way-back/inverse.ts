import { type InvertedMapping, invertMappings } from '../../../core/mapping/invert.js';
import type { TableMapping } from '../../../core/mapping.js';
import { mappedPairs, type PreflightContext } from '../preflight/context.js';
import { sideTable } from './side-table.js';

/** What a pipeline's mapping is in the other direction, as far as both catalogs have its tables. */
export interface KnownInverse extends InvertedMapping {
  /** Mappings of which a side is missing. */
  readonly missing: readonly TableMapping[];
}

export async function readInverse(context: PreflightContext): Promise<KnownInverse> {
  const { types: sourceTypes } = await context.sourceCatalog();
  const { types: targetTypes } = await context.targetCatalog();
  const pairs = await mappedPairs(context);
  const inverted = invertMappings(
    pairs.map(({ mapping, source, target }) => ({
      mapping,
      source: sideTable(source, sourceTypes),
      target: sideTable(target, targetTypes),
    })),
  );
  const missing = context.pipeline.tables.filter((table) => !pairs.some(({ mapping }) => mapping === table));
  return { ...inverted, missing };
}

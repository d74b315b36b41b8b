import { mergedWith, type TableMapping } from './mapping.js';
import { displayName } from './relation.js';

/**
 * Source tables whose rows come in one partition, whatever their keys are, because partitions do not see each other's:
 * those that are merged, whose rows may be one; those of which one brings parts of the others' rows, so that a row and its
 * parts take a new key together; and those of which the mapping says so. Tables that meet those elsewhere are of the same group.
 * @returns by source table the name of its group: of its target tables the one that sorts first. None of other tables.
 */
export function partitionGroups(tables: readonly TableMapping[]): ReadonlyMap<string, string> {
  const groups = new Map<string, { readonly sources: Set<string>; name: string }>();
  for (const mapping of tables) {
    const { source } = mapping;
    const together = mergedWith(tables, mapping);
    if (!isGroup(together)) continue;
    const name = displayName(mapping.target);
    const own = groups.get(displayName(source)) ?? { sources: new Set([displayName(source)]), name };
    for (const other of together.map((one) => displayName(one.source))) {
      const known = groups.get(other);
      for (const one of known?.sources ?? [other]) own.sources.add(one);
      if (known && known.name < own.name) own.name = known.name;
    }
    if (name < own.name) own.name = name;
    for (const one of own.sources) groups.set(one, own);
  }
  return new Map([...groups].map(([source, group]) => [source, group.name]));
}

/** @param together all mappings of one target table. */
function isGroup(together: readonly TableMapping[]): boolean {
  const isMerged = together.length > 1 && together.some(({ lineage }) => lineage);
  return isMerged || together.some(({ join, partitions }) => join === 'part' || partitions === 1);
}

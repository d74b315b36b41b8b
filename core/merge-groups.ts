import { mergedWith, type TableMapping } from './mapping.js';
import { displayName } from './relation.js';

/**
 * Source tables whose rows may be one: those that are merged, and those that are merged with the same ones elsewhere. With
 * several partitions all rows of a group come in one, for partitions do not see each other's.
 * @returns by source table the name of its group: of its target tables the one that sorts first. None of other tables.
 */
export function mergeGroups(tables: readonly TableMapping[]): ReadonlyMap<string, string> {
  const groups = new Map<string, { readonly sources: Set<string>; name: string }>();
  for (const mapping of tables) {
    const { source, lineage } = mapping;
    const together = mergedWith(tables, mapping);
    if (!lineage || together.length < 2) continue;
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

import { FerryError } from '../../../core/errors.js';
import type { TargetFacts } from './read-target-facts.js';
import type { SourceParts } from './source-parts.js';

/** An extension that the target needs, and the schema that it is in there. */
export interface NeededExtension {
  readonly name: string;
  readonly schema: string;
  readonly sourceSchema: string;
  readonly members: readonly string[];
}

/**
 * The extensions of the columns' types, which must be had, and of expressions and indexes, where they can be had.
 * @throws FerryError `target-unfit` when the target's server does not have one that a column needs.
 */
export function planExtensions(
  ofColumns: ReadonlyMap<string, string>,
  parts: Pick<SourceParts, 'dependencies' | 'extensions'>,
  facts: TargetFacts,
): NeededExtension[] {
  const canHave = (name: string) => facts.extensions.has(name) || facts.available.has(name);
  for (const [name, column] of ofColumns) {
    if (canHave(name)) continue;
    throw new FerryError('target-unfit', `the target's server lacks the extension ${name}, which ${column} needs`, {
      remedy: `Install ${name} on the target's server, or leave the table out of --map.`,
    });
  }
  const wished = new Set([...ofColumns.keys(), ...parts.dependencies.flatMap(({ extension }) => extension ?? [])]);
  return parts.extensions
    .filter(({ name }) => wished.has(name) && canHave(name))
    .map(({ name, schema, members }) => ({
      name,
      sourceSchema: schema,
      schema: facts.extensions.get(name) ?? schema,
      members,
    }));
}

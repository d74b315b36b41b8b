import { mergedWith, type TableMapping } from '../../mapping.js';
import { type Place, samePlace } from '../names.js';

const sourceOf = ({ source }: TableMapping): Place => ({ schema: source.schema, name: source.table });
const targetOf = ({ target }: TableMapping): Place => ({ schema: target.schema, name: target.table });

/** Tables of the source that become one. */
export class Merges {
  readonly #mappings: readonly TableMapping[];

  constructor(mappings: readonly TableMapping[]) {
    this.#mappings = mappings;
  }

  /** Mappings of a table of the target that keeps lineage, the one that has precedence first; none of another. */
  lineageAt(target: Place): readonly TableMapping[] {
    const first = this.#mappings.find((mapping) => samePlace(targetOf(mapping), target));
    return first?.lineage ? mergedWith(this.#mappings, first) : [];
  }

  isMerged(target: Place): boolean {
    return this.lineageAt(target).length > 1;
  }

  /** Another table has precedence over this one there, and makes the table of the target. */
  isBehind(source: Place, target: Place): boolean {
    const [first, ...others] = this.lineageAt(target);
    return first !== undefined && others.length > 0 && !samePlace(sourceOf(first), source);
  }
}

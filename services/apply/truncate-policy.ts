import type { TableMapping } from '../../core/mapping.js';
import { displayName } from '../../core/relation.js';
import type { StopReason } from './schema-policy.js';

/** Why a table stands at a TRUNCATE of its source; undefined where the target's is truncated, too. Pure. */
export function judgeTruncate(mapping: TableMapping | undefined): StopReason | undefined {
  if (mapping?.truncate !== 'halt') return undefined;
  const [source, target] = [displayName(mapping.source), displayName(mapping.target)];
  return {
    kind: 'change',
    message: `${source} was truncated, and ${target} has rows that never came from there: to truncate it would take them`,
    remedy:
      `Delete from ${target} what should be gone with it. Then ferry table resume ${mapping.route ? target : source}: ` +
      'it goes on behind the TRUNCATE, which is not repeated.',
  };
}

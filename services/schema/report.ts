import type { Finding } from '../../core/schema/finding.js';
import { displayPlace } from '../../core/schema/names.js';
import type { PlacementNote } from '../../core/schema/placement.js';

/** Where an object that no mapping names goes, for people and for JSON. */
export interface Placed {
  /** `function public.is_admin`. */
  readonly object: string;
  readonly to: string;
  readonly why: string;
}

export function placedOf({ object, to, why }: PlacementNote): Placed {
  return { object: `${object.kind} ${displayPlace(object.place)}`, to: displayPlace(to), why };
}

/** `SCHEMA.md`: what was not moved, what to look at, and what went where without being told. */
export function reportText(findings: readonly Finding[], placed: readonly Placed[]): string {
  const listed = (kind: Finding['kind']) => findings.filter((one) => one.kind === kind).map(findingLine);
  const where = placed.map(({ object, to, why }) => `- ${object} → ${to}: ${why}`);
  return [
    '# What ferry schema made of the source',
    '',
    'Lines are those of `source-schema.sql`.',
    ...section('Left behind', listed('left')),
    ...section('To look at', listed('look')),
    ...section('Placed without a mapping', where),
    '',
  ].join('\n');
}

function findingLine({ object, line, why, remedy }: Finding): string {
  return `- ${line === 0 ? '' : `line ${line}: `}${object}: ${why}. ${remedy}`;
}

function section(title: string, lines: readonly string[]): string[] {
  return ['', `## ${title}`, '', ...(lines.length === 0 ? ['Nothing.'] : lines)];
}

import type { Domain } from './domains.js';
import type { Merge } from './merges.js';
import type { Reference } from './table-facts.js';

/**
 * Draws domains as boxes, tables in them, foreign keys as arrows and near-duplicates as dotted lines.
 * @returns Mermaid's text of a flowchart: its diagrams of entities know no groups.
 * @see https://mermaid.js.org/syntax/flowchart.html
 */
export function drawDomains(
  domains: readonly Domain[],
  references: readonly Reference[],
  merges: readonly Merge[],
): string {
  const ids = new Map(domains.flatMap(({ tables }) => tables).map((table, index) => [table, `t${index}`]));
  const arrows = references.flatMap(({ from, to }) => {
    const [a, b] = [ids.get(from), ids.get(to)];
    return a && b ? [`  ${a} --> ${b}`] : [];
  });
  const copies = merges.flatMap(({ tables: [first, ...others] }) =>
    others.map((other) => `  ${ids.get(first!)} -. alike .- ${ids.get(other)}`),
  );
  return [
    'flowchart LR',
    ...domains.flatMap(({ schema, tables }, index) => [
      `  subgraph d${index}[${label(schema)}]`,
      ...tables.map((table) => `    ${ids.get(table)}[${label(table)}]`),
      '  end',
    ]),
    ...new Set(arrows),
    ...copies,
    '',
  ].join('\n');
}

/** Inside of quotes Mermaid reads entities: `#quot;` is a quote, `#35;` the number sign itself. */
function label(text: string): string {
  const entity = (char: string) => (char === '"' ? '#quot;' : `#${char.codePointAt(0)};`);
  return `"${text.replaceAll(/["#<>&`\p{Cc}]/gu, entity)}"`;
}

import { writeMapping } from '../../../core/config/write-mapping.js';
import type { OneWay } from '../../../core/mapping/invert/one-way.js';
import type { InvertedMapping } from '../../../core/mapping/invert.js';
import type { TableMapping } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { bringsBack } from '../../../platform/lineage-table.js';
import { mappingFile } from '../init/render-mapping.js';
import type { NewFile } from '../init/write-files.js';

/**
 * The mapping files of a way back: one for each old schema that gets something back, or of which a table does not.
 * @param forward the mappings of the pipeline that it leads back.
 */
export function renderMappings(
  { tables, oneWay }: Pick<InvertedMapping, 'tables' | 'oneWay'>,
  forward: readonly TableMapping[],
): NewFile[] {
  const schemas = [...new Set(forward.map(({ source }) => source.schema))].sort();
  return schemas.map((schema) => {
    const names = new Set(
      forward.filter(({ source }) => source.schema === schema).map(({ source }) => displayName(source)),
    );
    const left = oneWay.filter(({ level, source }) => level === 'table' && names.has(source));
    const mapped = tables.filter(({ target }) => target.schema === schema);
    const text = writeMapping(schema, mapped, {
      head: [`The old schema ${schema}: its tables, and the tables of the new project whose rows come back to them.`],
      table: (mapping) => [
        ...(mapping.join === 'part' ? [PART] : []),
        ...oneWay.filter((one) => isAbout(one, forward, mapping)).map(({ follows, why }) => `${follows}: ${why}.`),
      ],
      joined: [
        'It was split: each of these tables brings some of its rows, or some of their columns, and a TRUNCATE of one must not take the others.',
      ],
      truncate: ['The old table has rows that never were in the new one, and that a TRUNCATE there must not take.'],
      tail: left.length === 0 ? [] : ['Nothing comes back:', ...left.map(leftLine)],
    });
    return { path: mappingFile(schema), text };
  });
}

const PART = 'A part: its columns are written into rows that are there, and it neither makes nor deletes any.';

function isAbout({ source, target }: OneWay, forward: readonly TableMapping[], back: TableMapping): boolean {
  return forward.some(
    (one) => displayName(one.source) === source && displayName(one.target) === target && bringsBack(back, one),
  );
}

function leftLine({ source, target, why }: OneWay): string {
  return `  ${target} -> ${source}: ${why}.`;
}

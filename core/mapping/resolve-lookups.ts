import { FerryError } from '../errors.js';
import { formatPlace, type TableMapping } from '../mapping.js';
import { displayName, formatQualifiedName } from '../relation.js';
import { didYouMean } from '../suggest.js';
import type { ColumnRule } from './column-rule.js';
import { inputsOf } from './compile-rule.js';
import { withInputs } from './with-inputs.js';

/** A column of the target, and the mapping that fills it. */
interface Filled {
  readonly mapping: TableMapping;
  readonly column: string;
}

/**
 * The mappings with each `lookup` as the rule that it stands for: the one that makes the column looked up, over the
 * columns that refer to it. A value is then a function of its own row, as every rule's.
 * @throws FerryError `mapping-invalid`, with the place, for a column that nothing fills or several tables do, for one that
 *   is made of more columns than are named, and for lookups that come back to themselves.
 */
export function resolveLookups(tables: readonly TableMapping[]): TableMapping[] {
  return tables.map((mapping) => {
    const { rules } = mapping;
    if (!rules) return mapping;
    const columns = [...rules.columns].map(([column, rule]): [string, ColumnRule] => [
      column,
      resolve({ mapping, column }, rule, { tables, via: [] }),
    ]);
    return { ...mapping, rules: { ...rules, columns: new Map(columns) } };
  });
}

interface Scene {
  readonly tables: readonly TableMapping[];
  /** The columns whose lookups led here. */
  readonly via: readonly string[];
}

function resolve(at: Filled, rule: ColumnRule, { tables, via }: Scene): ColumnRule {
  if (rule.lookup === undefined) return rule;
  const here = nameOf(at);
  if (via.includes(here)) throw invalid(at, `its lookup comes back to itself: ${[...via, here].join(' -> ')}`);
  const scene = { tables, via: [...via, here] };
  const found = findColumn(at, rule, tables).map((filled) => resolve(filled, ruleOf(at, filled), scene));
  const [first, ...others] = found as [ColumnRule, ...ColumnRule[]];
  if (others.some((other) => JSON.stringify(other) !== JSON.stringify(first))) {
    throw invalid(
      at,
      `several tables are merged into that of ${rule.lookup}, by different rules: say which with \`in\``,
    );
  }
  const inputs = [...new Set(inputsOf(first))];
  const of = rule.of!;
  if (inputs.length !== of.length) {
    throw invalid(
      at,
      `${rule.lookup} is made of ${inputs.length} columns (${inputs.join(', ')}), and \`of\` names ${of.length}`,
    );
  }
  return withInputs(first, new Map(inputs.map((input, i) => [input, of[i]!])));
}

function findColumn(at: Filled, { lookup, in: source }: ColumnRule, tables: readonly TableMapping[]): Filled[] {
  const filled = tables.flatMap((mapping): Filled[] => {
    const table = `${formatQualifiedName(mapping.target)}.`;
    const isMeant =
      source === undefined || [displayName, formatQualifiedName].some((form) => form(mapping.source) === source);
    return lookup!.startsWith(table) && isMeant ? [{ mapping, column: lookup!.slice(table.length) }] : [];
  });
  if (filled.length > 0) return filled;
  const known = tables.flatMap(({ target, rules }) =>
    [...(rules?.columns.keys() ?? [])].map((column) => `${formatQualifiedName(target)}.${column}`),
  );
  const of = source === undefined ? '' : ` of ${source}`;
  throw invalid(at, `no table of the mapping has ${lookup}${of}${didYouMean(lookup!, known)}`);
}

/** What fills a column: its rule, or the source column that moves there. */
function ruleOf(at: Filled, { mapping, column }: Filled): ColumnRule {
  const { rules, rename } = mapping;
  const rule = rules?.columns.get(column);
  if (rule) return rule;
  const renamed = [...rename].find(([, to]) => to === column)?.[0];
  const from = renamed ?? column;
  const isLeft = rules?.drop.includes(from) || (rules?.pick && !rules.pick.includes(from)) || rename.has(column);
  if (renamed === undefined && isLeft) throw invalid(at, `nothing fills ${nameOf({ mapping, column })}`);
  return { from };
}

const nameOf = ({ mapping, column }: Filled) => `${displayName(mapping.target)}.${column}`;

function invalid(at: Filled, what: string): FerryError {
  const { mapping, column } = at;
  const place = mapping.rules?.places.get(column) ?? mapping.place;
  return new FerryError('mapping-invalid', `${formatPlace(place)}: ${nameOf(at)}: ${what}`, {
    details: { table: displayName(mapping.source), column },
  });
}

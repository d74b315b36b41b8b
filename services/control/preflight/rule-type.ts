import type { ColumnRule, StepName } from '../../../core/mapping/column-rule.js';
import { isFixedSize } from '../../../core/mapping/fixed-size.js';
import type { CatalogColumn, CatalogType } from './catalog.js';
import { type TypesOfBothSides, typeMisfit } from './type-fit.js';

export interface Misfit {
  readonly reason: string;
  readonly remedy: string;
}

/**
 * Why the values of a rule cannot, or need not, be values of a column, as far as types tell.
 * @param inputs the columns that it reads.
 */
export function ruleMisfit(
  rule: ColumnRule,
  inputs: readonly CatalogColumn[],
  to: CatalogColumn,
  types: TypesOfBothSides,
): Misfit | undefined {
  const target = baseOf(types.target.get(to.type), types.target);
  if (!target) return undefined;
  const isPlain = rule.steps === undefined || rule.steps.every((step) => KEEPS_TYPE.has(nameOf(step)));
  if (isPlain && (rule.from !== undefined || rule.coalesce)) return columnMisfit(rule, inputs, to, types);
  if (rule.cast !== undefined || isText(target) || gives(rule).includes(kindOf(target))) return undefined;
  return {
    reason: 'the rule makes text, and only a value can tell whether it is one of that type',
    remedy: `Write cast: ${to.typeText} beside the rule: a value that is none of that type is refused by the target then.`,
  };
}

/** A column's own values, or those that stand for its nulls. */
function columnMisfit(
  rule: ColumnRule,
  inputs: readonly CatalogColumn[],
  to: CatalogColumn,
  types: TypesOfBothSides,
): Misfit | undefined {
  for (const from of inputs) {
    const misfit = typeMisfit(from, to, types);
    if (!misfit) continue;
    if (rule.cast === undefined) {
      const reason = `it does not hold every ${from.typeText} of ${from.name}: ${misfit}`;
      return { reason, remedy: `Write cast: ${to.typeText} beside the rule, or give the column a wider type.` };
    }
    const never = neverReads(
      baseOf(types.source.get(from.type), types.source),
      baseOf(types.target.get(to.type), types.target),
    );
    if (never) {
      return {
        reason: `no ${from.typeText} of ${from.name} is written as one`,
        remedy: 'Map the values: steps: [{map: {...}}].',
      };
    }
  }
  return undefined;
}

const KEEPS_TYPE: ReadonlySet<string> = new Set(['nullif', 'default']);

const nameOf = (step: object): StepName => Object.keys(step).find((key) => key !== 'else') as StepName;

/** Kinds of types whose values a rule makes beside text. */
function gives({ constant, object, uuid, steps = [] }: ColumnRule): Kind[] {
  const last = steps.findLast((step) => !KEEPS_TYPE.has(nameOf(step)));
  if (last) return last.map ? ['array', 'json', 'uuid', 'other'] : last.split === undefined ? [] : ['array'];
  if (constant !== undefined) return ['array', 'json', 'uuid', 'other'];
  if (object) return ['json'];
  return uuid ? ['uuid'] : [];
}

type Kind = 'array' | 'json' | 'uuid' | 'other';

function kindOf(type: CatalogType): Kind {
  if (type.element !== 0) return 'array';
  if (type.schema !== 'pg_catalog') return 'other';
  if (type.name === 'json' || type.name === 'jsonb') return 'json';
  return type.name === 'uuid' ? 'uuid' : 'other';
}

const TEXTS: ReadonlySet<string> = new Set(['text', 'varchar', 'bpchar', 'citext', 'name']);
const isText = ({ name }: CatalogType) => TEXTS.has(name);

/** Kinds of types that have no text in common. */
const FAMILIES: Readonly<Record<string, string>> = {
  bool: 'truth',
  uuid: 'uuid',
  bytea: 'bytes',
  ...of('number', 'int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'oid'),
  ...of('time', 'date', 'timestamp', 'timestamptz'),
  ...of('address', 'inet', 'cidr'),
  ...of('shape', 'point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle'),
};

function of(family: string, ...types: readonly string[]): Record<string, string> {
  return Object.fromEntries(types.map((type) => [type, family]));
}

/** Both are known, and no text of the one is a text of the other. */
function neverReads(from: CatalogType | undefined, to: CatalogType | undefined): boolean {
  const family = (type: CatalogType | undefined) => (type?.schema === 'pg_catalog' ? FAMILIES[type.name] : undefined);
  const [one, other] = [family(from), family(to)];
  return one !== undefined && other !== undefined && one !== other;
}

/** The type that a domain is over, or itself. */
export function baseOf(
  type: CatalogType | undefined,
  types: ReadonlyMap<number, CatalogType>,
): CatalogType | undefined {
  return type?.kind === 'd' ? baseOf(types.get(type.base), types) : type;
}

/** Every change carries the column's value, however large its row is. */
export function isStoredInline(column: CatalogColumn, types: ReadonlyMap<number, CatalogType>): boolean {
  const base = baseOf(types.get(column.type), types);
  if (!base) return false;
  return base.kind === 'e' || (base.schema === 'pg_catalog' && isFixedSize({ type: base.oid }));
}

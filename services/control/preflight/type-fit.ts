import { characterLimit, numericDigits, typmodFits } from '../../../core/typmod.js';
import type { CatalogType } from './catalog.js';

/** A type with its modifier. */
export interface TypeUse {
  readonly type: number;
  readonly typmod: number;
}

export interface TypesOfBothSides {
  readonly source: ReadonlyMap<number, CatalogType>;
  readonly target: ReadonlyMap<number, CatalogType>;
}

interface ResolvedType {
  readonly type: CatalogType;
  readonly typmod: number;
}

/**
 * Why values of the source type do not all fit the target type.
 * @returns undefined when they fit: the same type, or one that is known to be wider.
 */
export function typeMisfit(source: TypeUse, target: TypeUse, types: TypesOfBothSides): string | undefined {
  const from = withoutDomain(source, types.source);
  const to = withoutDomain(target, types.target);
  if (!from || !to) return 'a type that the catalog does not show';
  if (from.type.element !== 0 || to.type.element !== 0) return arrayMisfit(from, to, types);
  if (from.type.kind === 'e') return enumMisfit(from.type, to);
  if (from.type.kind === 'c') return compositeMisfit(from.type, to.type, types);
  if (from.type.kind !== to.type.kind) return 'another type';
  if (isUsersRange(from.type)) return rangeMisfit(from.type, to.type, types);
  return baseMisfit(from, to);
}

/** A domain is written as its base type; whether its constraints admit each value, only the values can tell. */
function withoutDomain(use: TypeUse, types: ReadonlyMap<number, CatalogType>): ResolvedType | undefined {
  const type = types.get(use.type);
  if (type?.kind !== 'd') return type && { type, typmod: use.typmod };
  return withoutDomain({ type: type.base, typmod: type.baseTypmod }, types);
}

function arrayMisfit(from: ResolvedType, to: ResolvedType, types: TypesOfBothSides): string | undefined {
  if (from.type.element === 0 || to.type.element === 0) return 'another type';
  return typeMisfit(
    { type: from.type.element, typmod: from.typmod },
    { type: to.type.element, typmod: to.typmod },
    types,
  );
}

function enumMisfit(from: CatalogType, to: ResolvedType): string | undefined {
  if (isUnlimitedText(to)) return undefined;
  if (to.type.kind !== 'e') return 'not an enum';
  const missing = from.labels.filter((label) => !to.type.labels.includes(label));
  return missing.length > 0 ? `without the label${missing.length > 1 ? 's' : ''} ${missing.join(', ')}` : undefined;
}

function compositeMisfit(from: CatalogType, to: CatalogType, types: TypesOfBothSides): string | undefined {
  const same =
    to.kind === 'c' &&
    from.attributes.length === to.attributes.length &&
    from.attributes.every((attribute, index) => typeMisfit(attribute, to.attributes[index]!, types) === undefined);
  return same ? undefined : 'other attributes';
}

/** Built-in and extension ranges are the same type on both sides when their names are. */
function isUsersRange(type: CatalogType): boolean {
  return type.kind === 'r' && type.schema !== 'pg_catalog' && type.extension === null;
}

function rangeMisfit(from: CatalogType, to: CatalogType, types: TypesOfBothSides): string | undefined {
  const reason = typeMisfit({ type: from.subtype, typmod: -1 }, { type: to.subtype, typmod: -1 }, types);
  return reason && `a range over ${reason}`;
}

function baseMisfit(from: ResolvedType, to: ResolvedType): string | undefined {
  if (from.type.name === to.type.name && from.type.extension === to.type.extension) {
    return typmodFits(from.type.name, from.typmod, to.typmod) ? undefined : NARROWER;
  }
  if (isWider(from, to)) return undefined;
  return isText(from.type.name) && isText(to.type.name) ? NARROWER : 'another type';
}

const NARROWER = 'narrower, or of another length';

/** Decimal digits that hold every value of an integer type. */
const INTEGER_DIGITS: Readonly<Record<string, number>> = { int2: 5, int4: 10, int8: 19 };
const WIDER: Readonly<Record<string, readonly string[]>> = {
  int2: ['int4', 'int8'],
  int4: ['int8'],
  float4: ['float8'],
};

function isWider(from: ResolvedType, to: ResolvedType): boolean {
  if (from.type.schema !== 'pg_catalog' || to.type.schema !== 'pg_catalog') return false;
  if (WIDER[from.type.name]?.includes(to.type.name)) return true;
  const digits = INTEGER_DIGITS[from.type.name];
  if (digits !== undefined && to.type.name === 'numeric') return (numericDigits(to.typmod)?.whole ?? digits) >= digits;
  return isText(from.type.name) && holdsText(from, to);
}

const isText = (name: string) => name === 'text' || name === 'varchar' || name === 'bpchar';

function isUnlimitedText({ type, typmod }: ResolvedType): boolean {
  return type.schema === 'pg_catalog' && (type.name === 'text' || (type.name === 'varchar' && typmod < 0));
}

function holdsText(from: ResolvedType, to: ResolvedType): boolean {
  if (isUnlimitedText(to)) return true;
  const limit = from.type.name === 'text' ? undefined : characterLimit(from.typmod);
  return to.type.name === 'varchar' && limit !== undefined && limit <= characterLimit(to.typmod)!;
}

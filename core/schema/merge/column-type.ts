import type { SyntaxNode } from '../grammar.js';
import { canonical, isNode, itemsOf, stringsOf } from '../syntax.js';

/** A column's type, as the grammar has it. */
export interface ColumnType {
  /** As PostgreSQL calls it itself; with its schema where it is somebody's own. */
  readonly name: string;
  /** Its modifiers, so that two are compared. */
  readonly modifiers: string;
  /** The one number among them: of varchar(20). */
  readonly length: number | undefined;
  readonly isArray: boolean;
  readonly isEnum: boolean;
  readonly node: SyntaxNode;
}

/** @param isEnum whether a type of the source, by its qualified name, is an enum. */
export function columnType(typeName: unknown, isEnum: (name: string) => boolean): ColumnType | undefined {
  if (!isNode(typeName)) return undefined;
  const name = stringsOf(typeName.names)
    .filter((part) => part !== 'pg_catalog')
    .join('.');
  const modifiers = itemsOf(typeName.typmods);
  const [only] = modifiers;
  const constant = isNode(only?.A_Const) && isNode(only.A_Const.ival) ? only.A_Const.ival.ival : undefined;
  return {
    name,
    modifiers: canonical(modifiers),
    length: modifiers.length === 1 && typeof constant === 'number' ? constant : undefined,
    isArray: itemsOf(typeName.arrayBounds).length > 0,
    isEnum: isEnum(name),
    node: typeName,
  };
}

const NONE = canonical([]);
const TEXTS: ReadonlySet<string> = new Set(['text', 'varchar', 'bpchar']);

/** What each type's values move to as they are, beside a type of the same name. */
const WIDER: Readonly<Record<string, readonly string[]>> = {
  int2: ['int4', 'int8', 'numeric'],
  int4: ['int8', 'numeric'],
  int8: ['numeric'],
  float4: ['float8'],
};

/** Whether every value of a type is one of the other, in the same text. */
export function fits(from: ColumnType, to: ColumnType): boolean {
  if (from.isArray !== to.isArray) return false;
  if (from.name === to.name) {
    if (from.modifiers === to.modifiers) return true;
    if (to.modifiers === NONE) return from.name !== 'bpchar';
    return from.name === 'varchar' && from.length !== undefined && to.length !== undefined && from.length <= to.length;
  }
  if (to.modifiers !== NONE) return false;
  if (to.name === 'text' || to.name === 'varchar') return TEXTS.has(from.name) || from.isEnum;
  return WIDER[from.name]?.includes(to.name) ?? false;
}

/**
 * The narrowest type that holds the values of all.
 * @param text the type text, which holds what is text in any way.
 */
export function holdsAll(types: readonly ColumnType[], text: ColumnType): ColumnType | undefined {
  const wider = types.flatMap((type) => {
    const { typmods: _, ...node } = type.node;
    return [{ ...type, node, modifiers: NONE, length: undefined }];
  });
  const texts = types.map(({ isArray, node }) => (isArray ? { ...text, isArray, node: arrayOf(text, node) } : text));
  return [...types, ...wider, ...texts].find((to) => types.every((from) => fits(from, to)));
}

function arrayOf({ node }: ColumnType, { arrayBounds }: SyntaxNode): SyntaxNode {
  return { ...node, arrayBounds };
}

/** For people. */
export function displayType({ name, length, isArray }: ColumnType): string {
  return `${name}${length === undefined ? '' : `(${length})`}${isArray ? '[]' : ''}`;
}

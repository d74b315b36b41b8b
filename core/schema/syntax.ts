import type { SyntaxNode } from './grammar.js';

export const isNode = (value: unknown): value is SyntaxNode =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The elements of a list, which stands bare or in a node of its own. */
export function itemsOf(list: unknown): SyntaxNode[] {
  if (Array.isArray(list)) return list as SyntaxNode[];
  const inner = isNode(list) ? (list.List as { items?: SyntaxNode[] } | undefined) : undefined;
  return inner?.items ?? [];
}

/** The text of a String node; undefined of any other. */
export function stringOf(node: unknown): string | undefined {
  if (!isNode(node) || !isNode(node.String)) return undefined;
  return (node.String.sval as string | undefined) ?? '';
}

/** A list of String nodes as texts; what is none of them is left out. */
export function stringsOf(list: unknown): string[] {
  return itemsOf(list).flatMap((item) => stringOf(item) ?? []);
}

export const stringNode = (sval: string): SyntaxNode => ({ String: { sval } });

/** Puts other texts into a list of String nodes, bare or not. */
export function setStrings(parent: SyntaxNode, field: string, texts: readonly string[]): void {
  const items = texts.map(stringNode);
  parent[field] = Array.isArray(parent[field]) ? items : { List: { items } };
}

/** The text of a string constant; undefined of any other expression. */
export function constantOf(node: unknown): { readonly text: string; readonly node: SyntaxNode } | undefined {
  if (!isNode(node) || !isNode(node.A_Const) || !isNode(node.A_Const.sval)) return undefined;
  return { text: (node.A_Const.sval.sval as string | undefined) ?? '', node: node.A_Const };
}

/** The nodes of one kind, wherever they stand below. */
export function nodesOf(value: unknown, kind: string): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  const visit = (at: unknown): void => {
    if (Array.isArray(at)) return at.forEach(visit);
    if (!isNode(at)) return;
    if (isNode(at[kind])) found.push(at[kind]);
    Object.values(at).forEach(visit);
  };
  visit(value);
  return found;
}

/** A place that is 0 is absent in the tree, one that nobody knows is -1. */
export const placeOf = (node: SyntaxNode): number => (node.location as number | undefined) ?? 0;

/** Trees are equal when this is: without places, and without what only says that something is not so. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (key, inner) => {
    if (/location$|list_(start|end)$|^relationType$/.test(key) || inner === false) return undefined;
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

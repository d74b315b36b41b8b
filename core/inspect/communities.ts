import { UndirectedGraph } from 'graphology';
import louvainModule from 'graphology-communities-louvain';
import type { Tie } from './affinity.js';

// Its types speak of an ES module, and it is CommonJS: what is imported is the function itself.
const louvain = louvainModule as unknown as (typeof louvainModule)['default'];

/**
 * Finer than the method's own 1: domains that people draw are smaller than what a whole database's average says.
 */
const RESOLUTION = 1.2;

/**
 * Groups names so that ties within a group are stronger than chance would have them, by Louvain's method. The same
 * ties give the same groups, in whichever order they come.
 * @returns every name once; groups and names sorted.
 */
export function communitiesOf(names: readonly string[], ties: readonly Tie[]): string[][] {
  const graph = new UndirectedGraph();
  for (const name of [...names].sort()) graph.addNode(name);
  const sorted = [...ties].sort((one, other) => compare(one.a, other.a) || compare(one.b, other.b));
  for (const { a, b, weight } of sorted) graph.addEdge(a, b, { weight });
  if (graph.size === 0) return [...names].sort().map((name) => [name]);
  const groups = new Map<number, string[]>();
  const found = louvain(graph, { randomWalk: false, resolution: RESOLUTION, getEdgeWeight: 'weight' });
  for (const name of graph.nodes()) groups.set(found[name]!, [...(groups.get(found[name]!) ?? []), name]);
  return [...groups.values()].sort((one, other) => compare(one[0]!, other[0]!));
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

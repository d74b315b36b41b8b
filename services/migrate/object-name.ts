/** Takes a name of the inventory apart: `"a b".c(integer)` -> `a b`, `c` */
export function partsOf(name: string): string[] {
  const bare = name.replace(/\(.*$/s, '');
  return [...bare.matchAll(/"((?:[^"]|"")*)"|[^."]+/g)].map(([all, quoted]) => quoted?.replaceAll('""', '"') ?? all);
}

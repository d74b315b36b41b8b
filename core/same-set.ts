/** Whether two keys are of the same columns, in whichever order; a name that is not known is none of them. */
export function isSameSet(a: readonly (string | undefined)[], b: readonly string[]): boolean {
  return a.length === b.length && b.every((name) => a.includes(name));
}

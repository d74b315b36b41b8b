/** An object of the schema, as the catalog describes it. */
export interface SchemaObject {
  /** table, column, index, policy ... */
  readonly kind: string;
  /** Qualified, and of a function with its arguments' types. */
  readonly name: string;
  readonly definition: string;
}

export interface SchemaChange extends SchemaObject {
  readonly change: 'added' | 'removed' | 'changed';
  /** What it was, where it is changed. */
  readonly before?: string;
}

const keyOf = ({ kind, name }: SchemaObject): string => JSON.stringify([kind, name]);

/** What it takes to get from one state to the other, in the order of kinds and names. */
export function compareSchemas(before: readonly SchemaObject[], after: readonly SchemaObject[]): SchemaChange[] {
  const [old, now] = [before, after].map((all) => new Map(all.map((one) => [keyOf(one), one])));
  const removed = before.filter((one) => !now!.has(keyOf(one))).map((one) => ({ ...one, change: 'removed' as const }));
  const others = after.flatMap((one): SchemaChange[] => {
    const was = old!.get(keyOf(one));
    if (!was) return [{ ...one, change: 'added' }];
    return was.definition === one.definition ? [] : [{ ...one, change: 'changed', before: was.definition }];
  });
  return [...removed, ...others].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** A line for each way of changing: `added: 2 tables, 5 columns`. */
export function summarize(changes: readonly SchemaChange[]): string[] {
  return (['added', 'changed', 'removed'] as const).flatMap((change) => {
    const kinds = changes.filter((one) => one.change === change).map(({ kind }) => kind);
    const counts = [...new Set(kinds)].map((kind) => counted(kinds.filter((one) => one === kind).length, kind));
    return counts.length > 0 ? [`${change}: ${counts.join(', ')}`] : [];
  });
}

function counted(count: number, kind: string): string {
  if (count === 1) return `1 ${kind}`;
  return `${count} ${kind.replace(/y$/, 'ie').replace(/x$/, 'xe')}s`;
}

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LSN_ZERO, type Lsn } from '../core/lsn.js';
import { routeName } from '../core/mapping.js';
import { MESSAGE } from '../core/record.js';
import { displayName } from '../core/relation.js';
import { formatResnapshotOrder } from '../core/resnapshot-order.js';
import { MemoryLog } from './support/memory-log.js';
import {
  ApplyModel,
  CaptureModel,
  MAPPINGS,
  SCHEMAS,
  type Slot,
  TargetSchema,
  TransformModel,
} from './support/pipeline-model.js';
import { COLUMNS, SourceModel, type SourceRow, type WantedChange } from './support/source-model.js';

/** Enough for every kind of fault in a few seconds; RUNS=10000 looks for rarer ones. */
const RUNS = Number(process.env.RUNS ?? 100);

/** What happens next, at random. Numbers that are not used by a kind are ignored. */
interface Action {
  readonly kind:
    | 'transaction'
    | 'heartbeat'
    | 'copy'
    | 'capture'
    | 'publish'
    | 'transform'
    | 'apply'
    | 'write'
    | 'state'
    | 'order'
    | 'late'
    | 'crash';
  readonly changes: readonly WantedChange[];
  readonly stage: number;
  readonly count: number;
  /** How much of an append arrives before the process ends; most of the time all of it. */
  readonly arriving: readonly [number, number];
}

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f\t', 'g\\N', '');
const anyChange: fc.Arbitrary<WantedChange> = fc.record({
  table: fc.constantFrom(1, 1, 2, 2, 3),
  kind: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom('create', 'update', 'update-body', 'delete', 'rekey', 'rekey-body') },
    { weight: 1, arbitrary: fc.constant('truncate' as const) },
  ),
  which: fc.nat({ max: 50 }),
  key,
});
const arriving = fc.oneof(
  { weight: 4, arbitrary: fc.constant(Number.MAX_SAFE_INTEGER) },
  { weight: 1, arbitrary: fc.nat({ max: 3 }) },
);
const actions = (kinds: readonly Action['kind'][]): fc.Arbitrary<Action[]> =>
  fc.array(
    fc.record({
      kind: fc.constantFrom(...kinds),
      changes: fc.array(anyChange, { maxLength: 6 }),
      stage: fc.nat({ max: 3 }),
      count: fc.nat({ max: 12 }),
      arriving: fc.tuple(arriving, arriving),
    }),
    { maxLength: 80, size: 'max' },
  );

const STREAMING: Action['kind'][] = [
  'transaction',
  'transaction',
  'heartbeat',
  'capture',
  'capture',
  'publish',
  'transform',
  'apply',
  'write',
  'state',
  'crash',
];

/** The whole pipeline, each stage of which may end at any moment and finds its place again by what is durable. */
class Run {
  readonly source: SourceModel;
  readonly log = new MemoryLog();
  readonly slot: Slot = { confirmed: LSN_ZERO };
  readonly targets = SCHEMAS.map(() => new TargetSchema());
  /** Called after every commit in the target. */
  readonly #onCommit: (run: Run, target: TargetSchema, schema: string) => void;
  #capture: CaptureModel | undefined;
  /** It was replaced, and lives. */
  #replaced: CaptureModel | undefined;
  #transform: TransformModel | undefined;
  #apply: (ApplyModel | undefined)[] = [];

  constructor(source: SourceModel, onCommit: (run: Run, target: TargetSchema, schema: string) => void = () => {}) {
    this.source = source;
    this.#onCommit = onCommit;
  }

  async capture(): Promise<CaptureModel> {
    this.#capture ??= await CaptureModel.start(this.log, this.source, this.slot);
    return this.#capture;
  }

  async transform(): Promise<TransformModel> {
    this.#transform ??= await TransformModel.start(this.log);
    return this.#transform;
  }

  apply(index: number, isFolding = true): ApplyModel {
    this.#apply[index] ??= new ApplyModel(this.log, SCHEMAS[index]!, this.targets[index]!, isFolding);
    return this.#apply[index];
  }

  async act({ kind, changes, stage, count, arriving }: Action): Promise<void> {
    const schema = stage % SCHEMAS.length;
    if (kind === 'transaction') this.source.transaction(changes);
    else if (kind === 'heartbeat') this.source.emit('ferry:heartbeat');
    else if (kind === 'copy') (await this.capture()).copiers[schema]!.step(count % 3);
    else if (kind === 'capture') (await this.capture()).take(count);
    else if (kind === 'publish') {
      if (!(await this.capture()).publish(this.slot, arriving[0])) this.#capture = undefined;
    } else if (kind === 'transform') {
      if (!(await (await this.transform()).take(count, arriving))) this.#transform = undefined;
    } else if (kind === 'apply') this.apply(schema, count % 4 > 0).read(count);
    else if (kind === 'write') this.#write(schema);
    else if (kind === 'order') this.#orderSnapshot(schema);
    else if (kind === 'late') this.#appendLate();
    else if (kind === 'state') await (stage < 2 ? await this.capture() : await this.transform()).putState();
    else this.#crash(stage);
  }

  /** Lets every stage come to its end. */
  async finish(): Promise<void> {
    (await this.capture()).finish(this.slot);
    await (await this.transform()).take(Number.MAX_SAFE_INTEGER, [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]);
    for (const index of SCHEMAS.keys()) {
      while (!this.apply(index).read(Number.MAX_SAFE_INTEGER));
      this.#write(index);
    }
  }

  #write(index: number): void {
    const before = this.targets[index]!.checkpoint;
    this.apply(index).write();
    if (this.targets[index]!.checkpoint !== before) this.#onCommit(this, this.targets[index]!, SCHEMAS[index]!);
  }

  /** As `ferry table resnapshot` does, of a table that has lost all its rows. */
  #orderSnapshot(index: number): void {
    const target = this.targets[index]!;
    const ours = tables.filter(({ schema }) => schema === SCHEMAS[index]);
    for (const { mapping } of ours) {
      const name = routeName(mapping);
      if (!target.held.has(name)) target.held.set(name, target.checkpoint.position);
      target.model.table(displayName(mapping.target)).clear();
    }
    this.#apply[index] = undefined;
    const table = displayName(ours[0]!.mapping.source);
    this.source.emit(MESSAGE.resnapshot, formatResnapshotOrder({ pipeline: 'p', table }));
  }

  /** Over Kafka nothing keeps it out. Who has replaced it finds that with its own next append, which is there then, and ends. */
  #appendLate(): void {
    this.#replaced?.publishLate();
    if (this.#replaced) this.#capture?.publishLate();
    if (this.#replaced) this.#capture = undefined;
    this.#replaced = undefined;
  }

  #crash(stage: number): void {
    if (stage === 0) {
      this.#replaced = this.#capture;
      this.#capture = undefined;
    } else if (stage === 1) this.#transform = undefined;
    else this.#apply[stage - 2] = undefined;
  }
}

const { relations } = new SourceModel({ firstXid: 1, keys: [] });
const tables = MAPPINGS.map((mapping) => ({
  mapping,
  relation: relations.find((relation) => displayName(relation) === displayName(mapping.source))!.id,
  schema: mapping.target.schema,
}));

/** Rows as the target must have them. */
const expected = (rows: ReadonlyMap<string, SourceRow>, rename: ReadonlyMap<string, string>) =>
  new Map(
    [...rows].map(([id, row]) => [
      id,
      Object.fromEntries(COLUMNS.map((name, i) => [rename.get(name) ?? name, row[i]])),
    ]),
  );

/** What was applied, by route. */
function sums(run: Run): Record<string, number> {
  const counts = run.targets.flatMap((target) => [...target.applied.values()]);
  return Object.fromEntries(
    MAPPINGS.map(routeName).map((route) => [
      route,
      counts.filter((one) => one.source === route).reduce((sum, { count }) => sum + count, 0),
    ]),
  );
}

async function expectEqual(run: Run): Promise<void> {
  for (const { mapping, relation, schema } of tables) {
    const target = run.targets[SCHEMAS.indexOf(schema)]!;
    expect(target.model.table(displayName(mapping.target))).toEqual(
      expected(run.source.rows(relation), mapping.rename),
    );
    expect([...target.copied]).toContain(routeName(mapping));
  }
  // captured = read - deduplicated, transformed = captured, applied = transformed, whoever was restarted when.
  const applied = sums(run);
  const { read, deduplicated, captured } = (await run.capture()).tallies;
  const { transformed } = (await TransformModel.start(run.log)).tallies as { transformed: Map<string, number> };
  for (const { dropped } of run.targets) {
    for (const [table, count] of dropped) applied[table]! += count;
  }
  for (const { mapping } of tables) {
    const [table, route] = [displayName(mapping.source), routeName(mapping)];
    const count = applied[route];
    expect([table, captured.get(table) ?? 0]).toEqual([table, count]);
    expect([route, transformed.get(route) ?? 0]).toEqual([route, count]);
    expect([table, (read.get(table) ?? 0) - (deduplicated.get(table) ?? 0)]).toEqual([table, count]);
  }
}

describe('every change at the source is in the target, once', () => {
  test('whatever is killed whenever', async () => {
    await fc.assert(
      fc.asyncProperty(actions(STREAMING), fc.constantFrom(700, 2 ** 32 - 5), async (all, firstXid) => {
        const run = new Run(new SourceModel({ firstXid, keys: [] }), expectWholeTransactions);
        // The tables are empty: once that is copied, every row that is applied is a change.
        await run.finish();
        for (const action of all) await run.act(action);
        await run.finish();
        await expectEqual(run);
        for (const { mapping, relation } of tables) {
          expect(sums(run)[routeName(mapping)]).toBe(run.source.changed.get(relation) ?? 0);
        }
      }),
      { numRuns: RUNS },
    );
  });

  test('and so are the rows from before, copied while writes go on', async () => {
    const keys = fc.uniqueArray(key, { minLength: 0, maxLength: 6 });
    const kinds: Action['kind'][] = [...STREAMING, 'copy', 'copy', 'copy', 'copy', 'copy', 'late', 'crash'];
    await fc.assert(
      fc.asyncProperty(actions(kinds), fc.constantFrom(700, 2 ** 32 - 5), keys, async (all, firstXid, initial) => {
        const run = new Run(new SourceModel({ firstXid, keys: initial }));
        for (const action of all) await run.act(action);
        await run.finish();
        await expectEqual(run);
      }),
      { numRuns: RUNS },
    );
  });

  test('and so are the rows of tables that are copied again, whenever that is ordered', async () => {
    const keys = fc.uniqueArray(key, { minLength: 0, maxLength: 6 });
    const kinds: Action['kind'][] = [...STREAMING, 'copy', 'copy', 'copy', 'copy', 'order', 'order'];
    await fc.assert(
      fc.asyncProperty(actions(kinds), fc.boolean(), keys, async (all, isCopied, initial) => {
        const run = new Run(new SourceModel({ firstXid: 700, keys: initial }));
        if (isCopied) await run.finish();
        for (const action of all) await run.act(action);
        await run.finish();
        await expectEqual(run);
      }),
      { numRuns: RUNS },
    );
  });
});

/** After every commit a reader of the target sees the source as it was after some transaction. */
function expectWholeTransactions(run: Run, { checkpoint, model }: TargetSchema, schema: string): void {
  const seen: Lsn = checkpoint.position.lsn;
  const then = run.source.history.findLast(({ lsn }) => lsn <= seen)!;
  for (const { mapping, relation } of tables.filter((table) => table.schema === schema)) {
    expect(model.table(displayName(mapping.target))).toEqual(expected(then.tables.get(relation)!, mapping.rename));
  }
}

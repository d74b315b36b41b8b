import { setTimeout as sleep } from 'node:timers/promises';
import type { TableMapping } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import type { ChangedKeys, DueRows } from './changed-keys.js';
import { keyId, type TableReader } from './observe.js';
import { type Lane, openTable } from './open-table.js';
import { NOT_BEGUN } from './progress.js';
import { comparedKeys, type Key } from './queries.js';
import { MAX_NAMED_DIFFERENCES, type TableReport } from './report.js';
import { addResults, NOTHING_COMPARED, settleKeys } from './settle-range.js';
import { pairName, pairOf } from './table-times.js';
import { reportOf } from './verify-table.js';
import { type VerifyOptions, verifyTables } from './verify-tables.js';

/** What one round has compared. */
export interface RoundReport {
  readonly round: number;
  /** Nothing differs: neither what was compared now nor what was found before. */
  readonly ok: boolean;
  /** Tables of which rows changed, or differed before; the counts are of those rows. */
  readonly tables: readonly TableReport[];
  /** Source tables whose changed rows wait: their copy runs, or they stand. */
  readonly waiting: readonly string[];
  readonly durationMs: number;
}

export interface ContinuousOptions extends VerifyOptions {
  readonly signal: AbortSignal;
  /** What has changed since before the first comparison. */
  readonly changed: ChangedKeys;
  /** Adds what has changed since it was called last. */
  readonly readChanges: () => Promise<void>;
  /** Whether a source table is copied and runs. */
  readonly readRunning: () => Promise<(mapping: TableMapping) => boolean>;
  readonly everyMs: number;
  readonly onRound: (report: RoundReport) => void;
}

/** As many keys as are looked at in one query. */
const BATCH_KEYS = 500;

/** Compares rows again as they change, in rounds. A row that differs is looked at in each round until it is equal. */
export class ContinuousVerification {
  readonly #options: ContinuousOptions;
  /** By pair of tables: keys, as they are compared, of rows that differed or could not be judged. */
  readonly #again = new Map<string, readonly Key[]>();
  /** By pair of tables: rows that differ. */
  readonly #different = new Map<string, number>();
  #round = 0;

  /** @param first what the whole comparison before has found. */
  constructor(options: ContinuousOptions, first: readonly TableReport[]) {
    this.#options = options;
    for (const report of first) this.#remember(report, []);
  }

  get ok(): boolean {
    return [...this.#different.values()].every((rows) => rows === 0);
  }

  /** Until the signal fires, or one of the rounds has found a difference and was to be the last then. */
  async run(lane: Lane, { stopsAtDifference }: { readonly stopsAtDifference: boolean }): Promise<void> {
    const { signal, everyMs, onRound } = this.#options;
    try {
      while (!signal.aborted && !(stopsAtDifference && !this.ok)) {
        await sleep(everyMs, undefined, { signal });
        onRound(await this.#compareRound(lane));
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #compareRound(lane: Lane): Promise<RoundReport> {
    const startedAt = performance.now();
    const { tables, changed, readChanges, readRunning } = this.#options;
    await readChanges();
    const isRunning = await readRunning();
    const reports: TableReport[] = [];
    const waiting: string[] = [];
    for (const source of new Set(tables.map((mapping) => displayName(mapping.source)))) {
      const routes = tables.filter((mapping) => displayName(mapping.source) === source);
      if (!routes.every(isRunning)) {
        waiting.push(source);
        continue;
      }
      const due = changed.due(source) ?? [];
      for (const mapping of routes) {
        const report = await this.#compare(mapping, due, lane);
        if (report) reports.push(report);
      }
    }
    const durationMs = Math.round(performance.now() - startedAt);
    return { round: ++this.#round, ok: this.ok, tables: reports, waiting, durationMs };
  }

  async #compare(mapping: TableMapping, due: DueRows, lane: Lane): Promise<TableReport | undefined> {
    if (due === 'all') {
      const { tables } = await verifyTables({ ...this.#options, tables: [mapping], memory: undefined });
      this.#remember(tables[0]!, []);
      return tables[0];
    }
    const again = this.#again.get(pairOf(mapping)) ?? [];
    if (due.length === 0 && again.length === 0) return undefined;
    const reader = await openTable(mapping, lane, this.#options);
    const { total, unsettledKeys } = await this.#settle(reader, due, again);
    const report = reportOf(reader.shape, { ...NOT_BEGUN, phase: 'ended', total });
    this.#remember(report, unsettledKeys);
    return report;
  }

  async #settle(reader: TableReader, due: readonly Key[], again: readonly Key[]) {
    const { room, maxAttempts = 20 } = this.#options;
    const keys = new Map(again.map((key) => [keyId(key), key]));
    for (const batch of batchesOf(due)) {
      const { source, keyColumns } = reader.shape;
      const compared = await reader.sessions.source.read(comparedKeys(source, keyColumns, batch));
      for (const key of compared) keys.set(keyId(key as Key), key as Key);
    }
    let total = NOTHING_COMPARED;
    const unsettledKeys: Key[] = [];
    for (const batch of batchesOf([...keys.values()])) {
      await room?.(reader.signal);
      reader.signal.throwIfAborted();
      const nameLimit = MAX_NAMED_DIFFERENCES - total.differences.length;
      const settled = await settleKeys(reader, batch, { maxAttempts, nameLimit });
      total = addResults(total, settled);
      unsettledKeys.push(...settled.unsettledKeys);
    }
    return { total, unsettledKeys };
  }

  /** What differs is looked at again; of a table that differs in more rows than are named, all. */
  #remember(report: TableReport, unsettled: readonly Key[]): void {
    const { source, differences, differencesTotal } = report;
    const named = differences.filter(({ isStanding }) => !isStanding).map(({ key }) => key);
    this.#different.set(pairName(report), differencesTotal);
    this.#again.set(pairName(report), [...named, ...unsettled]);
    if (differencesTotal > named.length) this.#options.changed.all(source);
  }
}

function* batchesOf(keys: readonly Key[]): Generator<readonly Key[]> {
  for (let at = 0; at < keys.length; at += BATCH_KEYS) yield keys.slice(at, at + BATCH_KEYS);
}

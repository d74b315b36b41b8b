import { FerryError } from '../../core/errors.js';
import type { Lsn } from '../../core/lsn.js';
import { routeName, type TableMapping } from '../../core/mapping.js';
import { formatPosition, isAfter, type Position, positionFromJson } from '../../core/position.js';
import type { RowLine, RowsLine, Tuple } from '../../core/record.js';
import { displayName, type Relation, sourceName } from '../../core/relation.js';
import {
  diffRelations,
  type KnownRelation,
  knownRelation,
  type SchemaChange,
  type SchemaChangePolicy,
} from '../../core/schema-change.js';
import { refuseUnmapped } from '../../core/unmapped.js';
import { atPlace } from '../../platform/at-place.js';
import { homeOf } from '../../platform/lineage-table.js';
import { fitRows } from './fit-rows.js';
import { type PastChange, targetColumnNow } from './past-changes.js';
import { describeChange, judgeChanges, type StopReason } from './schema-policy.js';
import { joined, shapeOf, type TableShape, type TargetTable } from './table-shape.js';
import { judgeTruncate } from './truncate-policy.js';

/** What is known of the tables before the first record is read. */
export interface GateView {
  /** By display name: of the domain schema, and the candidates of tables with lineage. */
  readonly tables: ReadonlyMap<string, TargetTable>;
  readonly mappings: readonly TableMapping[];
  readonly policy: (source: string) => SchemaChangePolicy;
  /** The topic has several partitions. */
  readonly isShared: boolean;
  /** By source table, the version whose rows were applied last. */
  readonly known: ReadonlyMap<string, KnownRelation>;
  /** By source table, in order. */
  readonly past: ReadonlyMap<string, readonly PastChange[]>;
  /** By source table that was copied again: where its newest copy begins. */
  readonly beginnings: ReadonlyMap<string, Position>;
  /** Behind which position a source table's changes are not taken; undefined where all are. */
  readonly heldAfter: (source: string) => Position | undefined;
  /** Source tables that an operator resumed after they stood at a change, or at a truncate: this one is passed. */
  readonly accepts: ReadonlySet<string>;
  /** By source table that was taken out of the mapping: up to which LSN it is left out. */
  readonly removed: ReadonlyMap<string, Lsn>;
  /** Source tables that were applied before: where the target does not fit one, it stands alone. */
  readonly standsAlone: ReadonlySet<string>;
}

/** One source table in this partition. */
interface Track {
  readonly source: string;
  readonly heldAfter: Position | undefined;
  accepts: boolean;
  /** The version whose rows came last. */
  current: Version | undefined;
  known: KnownRelation | undefined;
}

/** A version of a relation, by its line's text. */
export interface Version {
  readonly track: Track;
  readonly relation: Relation;
  /** Undefined before its first row, and while its table is held. */
  shape: TableShape | undefined;
  /** Indexes of the values that go to the target; undefined where all do. */
  take: readonly number[] | undefined;
  /** Nobody applies its rows any more: the table was removed, or has a newer copy. */
  isLeftOut: boolean;
  /** Names in a snapshot's rows -> the target's; undefined where they are the same. */
  names: ReadonlyMap<string, string | undefined> | undefined;
}

/** What is put down with the first rows of a version. */
export interface VersionSeen {
  readonly source: string;
  readonly known: KnownRelation;
  readonly position: Position;
  readonly changes: readonly SchemaChange[];
  readonly action: 'passed' | 'accepted' | 'propagated';
}

/** Where the first row of a version stands. */
export interface Arrival {
  readonly position: Position;
  readonly offset: number;
}

/** What must be done before the first row of a version can be taken: the run ends here, and begins again behind it. */
export class ChangeDue extends Error {
  readonly source: string;
  readonly position: Position;
  /** Of the record that has it. */
  readonly offset: number;
  readonly due:
    | { readonly kind: 'stop'; readonly reason: StopReason }
    | {
        readonly kind: 'propagate';
        readonly seen: VersionSeen;
        /** What is to be done on a table as it is by then: others may have done it. */
        readonly statementsFor: (table: TargetTable) => readonly string[];
      };

  constructor(source: string, at: Arrival, due: ChangeDue['due']) {
    super(`${source} changes at ${formatPosition(at.position)}`);
    this.source = source;
    this.position = at.position;
    this.offset = at.offset;
    this.due = due;
  }
}

/**
 * Knows each source table's version and lets its rows pass, or holds them: of a table that is paused, that stands at a
 * change of its columns, or that is none of this run's. Pure.
 */
export class TableGate {
  readonly #view: GateView;
  readonly #tracks = new Map<string, Track>();
  /** Of joined tables, what their relations have in common, by target table. */
  readonly #wholes = new Map<string, TableShape>();

  constructor(view: GateView) {
    this.#view = view;
  }

  version(relation: Relation): Version {
    const source = sourceName(relation);
    let track = this.#tracks.get(source);
    if (!track) {
      const { heldAfter, accepts, known } = this.#view;
      track = {
        source,
        heldAfter: heldAfter(source),
        accepts: accepts.has(source),
        current: undefined,
        known: known.get(source),
      };
      this.#tracks.set(source, track);
    }
    return { track, relation, shape: undefined, isLeftOut: false, take: undefined, names: undefined };
  }

  /**
   * The first row of a version comes, or any row of a table that is held or was removed.
   * @returns what is to be put down with it; undefined where nothing is, or the row is held.
   * @throws ChangeDue; FerryError `table-unmapped`; FerryError `target-unfit` when the target's table lacks what the version needs, and no change of
   *   the source's says why.
   */
  arrive(version: Version, at: Arrival): VersionSeen | undefined {
    const { track, relation } = version;
    if (track.heldAfter && isAfter(at.position, track.heldAfter)) {
      version.shape = undefined;
      return undefined;
    }
    version.isLeftOut = this.#isOfBefore(track.source, at.position) || this.leavesOut(relation, at.position.lsn);
    if (version.isLeftOut) {
      version.shape = undefined;
      return undefined;
    }
    if (track.known && isAfter(positionFromJson(track.known.since), at.position)) {
      this.#fit(version, at.position);
      track.current = version;
      return undefined;
    }
    const known = knownRelation(relation, at.position, track.known);
    const changes = track.known ? diffRelations(track.known, known.relation) : [];
    const action = changes.length > 0 ? this.#decide(track, known, changes, at) : 'passed';
    const isNews = !track.known || changes.length > 0;
    const { past, standsAlone } = this.#view;
    if (track.known || past.has(track.source) || standsAlone.has(track.source)) this.#fitOrStop(version, at);
    else this.#fit(version, at.position);
    track.known = known;
    track.current = version;
    return isNews ? { source: track.source, known, position: at.position, changes, action } : undefined;
  }

  /** A table that stood before a truncate stands amid the rows of a version: what comes now must arrive anew. */
  holdAt({ track }: Version, position: Position): void {
    if (track.heldAfter && isAfter(position, track.heldAfter)) track.current = undefined;
  }

  /**
   * A truncate of a table that runs comes.
   * @returns what is to be put down where an operator has seen to it, so that nothing is truncated; undefined where the target's is.
   * @throws ChangeDue where the table stands before it.
   */
  truncate({ track }: Version, at: Arrival): VersionSeen | undefined {
    const { source, known } = track;
    const reason = judgeTruncate(this.#mappingOf(source));
    if (!reason || !known) return undefined;
    if (!track.accepts) throw new ChangeDue(source, at, { kind: 'stop', reason: placed(reason, at) });
    track.accepts = false;
    return { source, known, position: at.position, changes: [], action: 'accepted' };
  }

  /** This is a replay, and comes to what a newer copy of the table has superseded. */
  #isOfBefore(source: string, at: Position): boolean {
    const beginning = this.#view.beginnings.get(source);
    return beginning !== undefined && !isAfter(at, beginning);
  }

  #decide(track: Track, known: KnownRelation, changes: readonly SchemaChange[], at: Arrival): 'passed' | 'accepted' {
    const { source } = track;
    const { position } = at;
    const table = this.#view.tables.get(displayName(known.relation));
    const mapping = this.#mappingOf(source);
    if (!table || !mapping || this.#isPast(source, position)) return 'passed';
    if (track.accepts) {
      track.accepts = false;
      return 'accepted';
    }
    const scene = { policy: this.#view.policy(source), mapping, isShared: this.#view.isShared };
    const verdict = judgeChanges(changes, { ...scene, table });
    if (verdict.action === 'halt') {
      throw new ChangeDue(source, at, { kind: 'stop', reason: placed(verdict.reason, at) });
    }
    if (verdict.action === 'propagate') {
      const seen: VersionSeen = { source, known, position, changes, action: 'propagated' };
      const statementsFor = (now: TargetTable) => {
        const due = judgeChanges(changes, { ...scene, table: now });
        return due.action === 'propagate' ? due.statements : [];
      };
      throw new ChangeDue(source, at, { kind: 'propagate', seen, statementsFor });
    }
    return 'passed';
  }

  /**
   * Whether the table was taken out of the mapping behind this. Where the mapping has followed another name of the source
   * since, its target is mapped still.
   * @throws FerryError `table-unmapped`.
   */
  leavesOut(relation: Relation, lsn: Lsn): boolean {
    const { mappings, removed } = this.#view;
    const [source, target] = [sourceName(relation), displayName(relation)];
    const toTarget = mappings.filter((mapping) => displayName(mapping.target) === target);
    if (toTarget.some((mapping) => routeName(mapping) === source)) return false;
    if (toTarget.length > 0 && lsn > (removed.get(source) ?? -1n)) return false;
    refuseUnmapped(source, lsn, removed);
    return true;
  }

  #mappingOf(source: string): TableMapping | undefined {
    return this.#view.mappings.find((mapping) => routeName(mapping) === source);
  }

  /** Decided before: this is a replay, or the run has begun again behind the decision. */
  #isPast(source: string, at: Position): boolean {
    const here = formatPosition(at);
    return (this.#view.past.get(source) ?? []).some(({ position }) => formatPosition(position) === here);
  }

  /** A table that was applied before stands alone where the target's has become unfit; others go on. */
  #fitOrStop(version: Version, at: Arrival): void {
    try {
      this.#fit(version, at.position);
    } catch (error) {
      if (!(error instanceof FerryError)) throw error;
      const { source } = version.track;
      const resume = `${error.remedy} Then ferry table resume ${source}.`;
      const change = this.#laterKey(source, at.position);
      const message = change ? `${source}: since this row, ${change}: ${error.message}` : error.message;
      const remedy = change ? `ferry table resnapshot ${source}: replays begin with that copy.` : resume;
      throw new ChangeDue(source, at, { kind: 'stop', reason: { kind: 'change', message, remedy } });
    }
  }

  /** What a row had in place of a key that the table got later need not tell it from others, or be there at all. */
  #laterKey(source: string, at: Position): string | undefined {
    const later = (this.#view.past.get(source) ?? []).filter(({ position }) => isAfter(position, at));
    const change = later.flatMap(({ changes }) => changes).find(({ kind }) => kind === 'change-key');
    return change && describeChange(change);
  }

  #joinedAs(role: TableMapping['join'], shape: TableShape): TableShape {
    if (!role) return shape;
    const fitted = joined(shape, role, this.#wholes.get(shape.name));
    this.#wholes.set(shape.name, fitted.join!.whole);
    return fitted;
  }

  #fit(version: Version, at: Position): void {
    const { relation, track } = version;
    const table = this.#view.tables.get(displayName(homeOf(relation)));
    const past = this.#view.past.get(track.source) ?? [];
    version.take = undefined;
    version.names = undefined;
    const mapping = this.#mappingOf(track.source);
    const shape = (fitted: Relation) => atMapping(mapping, () => this.#joinedAs(mapping?.join, shapeOf(fitted, table)));
    const names = table ? relation.columns.map((column) => targetColumnNow(column.name, at, past, table)) : [];
    if (names.every((name, i) => name === relation.columns[i]!.name)) {
      version.shape = shape(relation);
      return;
    }
    version.take = names.flatMap((name, i) => (name === undefined ? [] : [i]));
    version.names = new Map(names.map((name, i) => [relation.columns[i]!.name, name]));
    const columns = relation.columns.flatMap((column, i) => {
      const name = names[i];
      return name === undefined ? [] : [{ ...column, name }];
    });
    version.shape = shape({ ...relation, columns });
  }
}

function placed(reason: StopReason, { position }: Arrival): StopReason {
  return { ...reason, message: `${reason.message} (position ${formatPosition(position)})` };
}

/** What the target lacks is led by the place where the mapping asks for it. */
function atMapping<T>(mapping: TableMapping | undefined, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw atPlace(error, mapping?.place);
  }
}

/** A row as the target's table takes it. */
export function fitRow({ take }: Version, row: RowLine): RowLine {
  if (!take) return row;
  const taken = (tuple: Tuple | undefined, name: 'new' | 'key' | 'old') =>
    tuple ? { [name]: take.map((index) => tuple[index]!) } : {};
  return { ...row, ...taken(row.new, 'new'), ...taken(row.key, 'key'), ...taken(row.old, 'old') };
}

/** A snapshot's rows as the target's table takes them. */
export function fitBlock({ names }: Version, line: RowsLine, text: Buffer): { line: RowsLine; text: Buffer } {
  return names ? fitRows(names, line, text) : { line, text };
}

import { constantsOf } from '../../../core/mapping/invert/conditions.js';
import type { RuleKit } from '../../../core/mapping/rule-kit.js';
import type { TableMapping } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import type { AppliedProbe } from './applied-probe.js';
import { candidateReader, keysBeyond } from './candidate-reader.js';
import { leftBehindOf } from './left-behind.js';
import { mappedReader } from './mapped-reader.js';
import type { TableReader } from './observe.js';
import type { Key } from './queries.js';
import { type OpenSession, openSession, type Session, type SqlClient } from './session.js';
import { sqlReader } from './side-reader.js';
import { readTableCatalog } from './table-catalog.js';
import { planShape, type TableShape } from './table-shape.js';

/** What tables are opened with. */
export interface OpenOptions {
  /** What rules compute with. */
  readonly kit: RuleKit;
  readonly applied: AppliedProbe;
  readonly returned?: AppliedProbe | undefined;
  /** What it leaves out of the source's tables is not compared; all of them is without one. */
  readonly publication?: string | undefined;
  /** Of a way back: the mappings of the pipeline that it leads back. */
  readonly forward?: readonly TableMapping[] | undefined;
}

/** A session on each side, for one table after the other. */
export interface Lane {
  readonly source: OpenSession;
  readonly target: OpenSession;
  readonly signal: AbortSignal;
}

/** Plans the comparison of a table by what the catalogs have now. */
export async function openTable(
  mapping: TableMapping,
  lane: Lane,
  { kit, applied, returned, publication, forward = [] }: OpenOptions,
): Promise<TableReader> {
  const sides = {
    source: lane.source.about(displayName(mapping.source)),
    target: lane.target.about(displayName(mapping.target)),
  };
  const [source, target] = await Promise.all([
    readTableCatalog(sides.source, mapping.source, publication),
    readTableCatalog(sides.target, mapping.target),
  ]);
  const shape = planShape(mapping, source, target, kit, forward.length > 0 ? constantsOf(mapping) : undefined);
  const left = leftBehindOf(mapping, { shape, session: sides.target, forward });
  return {
    ...readersOf(shape, sides),
    ...(left ? { leftBehind: left } : {}),
    sessions: sides,
    applied,
    returned,
    signal: lane.signal,
  };
}

function readersOf(
  shape: TableShape,
  sides: { readonly source: Session; readonly target: Session },
): Pick<TableReader, 'shape' | 'source' | 'target' | 'beyond'> {
  const { mapped, otherKeys } = shape;
  const source = mapped ? mappedReader(sides, shape, mapped) : sqlReader(sides.source, shape.source);
  if (!mapped || !otherKeys) return { shape, source, target: sqlReader(sides.target, shape.target) };
  const lineage = { ...shape, mapped, otherKeys };
  const beyond = (rows: number, from: Key | undefined) => keysBeyond(sides, lineage, { source, rows, from });
  return { shape, source, target: candidateReader(sides, lineage), beyond };
}

/** Open a session of their side each time. */
export interface Connectors {
  readonly connectSource: () => Promise<SqlClient>;
  readonly connectTarget: () => Promise<SqlClient>;
}

/** Works with a session on each side. */
export async function withSessions(
  { connectSource, connectTarget }: Connectors,
  work: (source: OpenSession, target: OpenSession) => Promise<void>,
): Promise<void> {
  const source = await openSession('source', await connectSource());
  try {
    const target = await openSession('target', await connectTarget());
    try {
      await work(source, target);
    } finally {
      await target.end();
    }
  } finally {
    await source.end();
  }
}

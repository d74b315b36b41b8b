import type { TableMapping } from '../../../../core/mapping.js';
import { displayName } from '../../../../core/relation.js';
import { LINEAGE_SCHEMA } from '../../../../platform/lineage-table.js';
import type { Finding } from '../../cutover/gates/gate.js';
import { wayBackFinding } from '../../cutover/gates/way-back.js';
import { mappedPairs, preflightContext } from '../../preflight/context.js';
import { serverSetting } from '../../preflight/server-setting.js';
import { type FarSequence, nearSequences, planFarSequences } from './far-sequences.js';
import { type SharedTables, sharedTables } from './shared-tables.js';
import type { UserSides } from './sides.js';

export interface UsersFinding extends Finding {
  readonly gate:
    | 'way-back'
    | 'joins'
    | 'keys'
    | 'partitions'
    | 'commit-timestamps'
    | 'clocks'
    | 'transactions'
    | 'numbers';
}

/** Apply waits so long at the most, and with it the other project's changes. */
const MAX_SKEW_MS = 1_000;

/**
 * What is looked at, beside what more readers need, before both projects take writes and while more users go over.
 * @param far sequences that were set far apart; undefined before.
 */
export async function usersFindings(
  sides: UserSides,
  far: readonly FarSequence[] | undefined,
): Promise<UsersFinding[]> {
  const { source, target, pipeline } = sides;
  const near = far ? await nearSequences(source, far) : (await planFarSequences(source, target, pipeline.tables)).near;
  return [
    { gate: 'way-back', ...(await wayBackFinding(sides)) },
    { gate: 'joins', ...joinsFinding(sides.back?.pipeline.tables ?? []) },
    { gate: 'keys', ...keysFinding(await readSharedTables(sides)) },
    { gate: 'partitions', ...partitionsFinding([pipeline.log.partitions, sides.back?.pipeline.log.partitions ?? 1]) },
    {
      gate: 'commit-timestamps',
      ...timestampsFinding({
        old: await serverSetting(source, 'track_commit_timestamp'),
        new: await serverSetting(target, 'track_commit_timestamp'),
      }),
    },
    { gate: 'clocks', ...skewFinding(await readSkewMs(sides)) },
    { gate: 'transactions', ...(await transactionsFinding(sides)) },
    { gate: 'numbers', ...numbersFinding(near) },
  ];
}

export async function readSharedTables({ pipeline, source, target }: UserSides): Promise<SharedTables> {
  return sharedTables(pipeline.tables, await mappedPairs(preflightContext(pipeline, { source, target })));
}

/** Which of two writes was later is known of rows that have one row on the other side. */
export function joinsFinding(back: readonly TableMapping[]): Finding {
  const merged = back.filter(({ source }) => source.schema === LINEAGE_SCHEMA);
  if (merged.length > 0) {
    return {
      isOpen: false,
      figure: `the way back takes ${merged.map(({ target }) => displayName(target)).join(', ')} from candidates, which follow the new project alone`,
      remedy:
        'Go by ferry rollout in the mode reads, and by ferry cutover: the mode users knows no tables with lineage.',
    };
  }
  const joined = back.filter(({ join }) => join);
  if (joined.length === 0) return { isOpen: true, figure: 'each table comes back from one' };
  const pairs = joined.map(({ source, target }) => `${displayName(source)} into ${displayName(target)}`);
  return {
    isOpen: false,
    figure: `the way back joins ${pairs.join(', ')}: several rows there are one here`,
    remedy:
      'Go by ferry rollout in the mode reads, and by ferry cutover: the mode users knows no tables that are split.',
  };
}

function keysFinding({ source, problems }: SharedTables): Finding {
  if (problems.length === 0) return { isOpen: true, figure: `${source.length} tables have one key on both sides` };
  return {
    isOpen: false,
    figure: problems.join('; '),
    remedy: 'Only rows that have the same primary key on both sides, moved as it is, can be written on both.',
  };
}

export function partitionsFinding(partitions: readonly number[]): Finding {
  if (partitions.every((count) => count === 1)) return { isOpen: true, figure: 'one partition a topic' };
  return {
    isOpen: false,
    figure: `topics have ${partitions.join(' and ')} partitions: what was written last is known of one only`,
    remedy: 'The mode users needs log.partitions: 1 in both directions.',
  };
}

export function timestampsFinding(settings: { readonly old: string; readonly new: string }): Finding {
  const without = Object.entries(settings).flatMap(([project, setting]) => (setting === 'on' ? [] : [project]));
  if (without.length === 0) return { isOpen: true, figure: 'both projects keep commit times' };
  return {
    isOpen: false,
    figure: `the ${without.join(' and the ')} project keeps no commit times: track_commit_timestamp is off`,
    remedy: 'ALTER SYSTEM SET track_commit_timestamp = on, and restart the server.',
  };
}

export function skewFinding(skewMs: number): Finding {
  if (skewMs <= MAX_SKEW_MS) return { isOpen: true, figure: `${skewMs} ms apart, at most ${MAX_SKEW_MS} ms` };
  return {
    isOpen: false,
    figure: `the clocks of both servers are ${skewMs} ms apart, above ${MAX_SKEW_MS} ms`,
    remedy: 'Let both follow one time service: the later commit wins.',
  };
}

/** Less than a round trip is no skew. */
async function readSkewMs({ source, target }: UserSides): Promise<number> {
  const startedAt = performance.now();
  const [ours, theirs] = await Promise.all(
    [source, target].map(async (client) => {
      const { rows } = await client.query<{ ms: string }>(
        'SELECT extract(epoch FROM pg_catalog.clock_timestamp()) * 1000 AS ms',
      );
      return Number(rows[0]!.ms);
    }),
  );
  return Math.max(0, Math.round(Math.abs(ours! - theirs!) - (performance.now() - startedAt)));
}

/** Who is on the way is waited for until their transactions have ended: they must be seen. */
async function transactionsFinding({ source, target }: UserSides): Promise<Finding> {
  const blind: string[] = [];
  for (const [project, client] of Object.entries({ old: source, new: target })) {
    const { rows } = await client.query<{ sees: string }>(
      "SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS sees",
    );
    if (rows[0]!.sees !== 't') blind.push(project);
  }
  if (blind.length === 0) return { isOpen: true, figure: 'those of all roles can be seen' };
  return {
    isOpen: false,
    figure: `transactions of other roles cannot be seen in the ${blind.join(' and the ')} project`,
    remedy: 'GRANT pg_read_all_stats to our role there.',
  };
}

function numbersFinding(near: readonly string[]): Finding {
  if (near.length === 0) return { isOpen: true, figure: 'both sides have numbers of their own' };
  return {
    isOpen: false,
    figure: `too few numbers are left for both sides: ${near.join(', ')}`,
    remedy: 'Widen the sequence and the column, on both sides.',
  };
}

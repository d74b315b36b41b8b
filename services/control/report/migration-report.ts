import type { PastAct } from '../history/acts.js';

/** What is known of a migration; pure facts. */
export interface MigrationFacts {
  readonly pipeline: string;
  readonly serving: 'source' | 'target';
  /** Names of the mapped pairs, `public.users -> shared.users`. */
  readonly mapped: readonly string[];
  /** Tables as they were compared last. */
  readonly tables: readonly ComparedTable[];
  readonly deadLetters: number;
  /** The cutover that went through last. */
  readonly cutover: DoneCutover | null;
  readonly acts: readonly PastAct[];
}

export interface ComparedTable {
  readonly pair: string;
  readonly sourceRows: number;
  readonly targetRows: number;
  readonly isEqual: boolean;
  readonly comparedAt: string;
}

export interface DoneCutover {
  readonly at: string;
  readonly by: string;
  readonly writePauseMs: number;
  /** Gates that were passed by force, with why. */
  readonly forced: Readonly<Record<string, string>>;
}

export interface Criterion {
  readonly criterion: string;
  readonly wanted: string;
  readonly found: string;
  /** null where nobody has measured it. */
  readonly isMet: boolean | null;
}

export interface MigrationReport extends MigrationFacts {
  /** No criterion is known to be missed. */
  readonly ok: boolean;
  readonly criteria: readonly Criterion[];
}

/** What a migration is judged by: nothing lost, a short pause, and a way back. */
export function migrationReport(facts: MigrationFacts): MigrationReport {
  const criteria = [integrity(facts), pause(facts), wayBack(facts), queries(facts)];
  return { ...facts, ok: criteria.every(({ isMet }) => isMet !== false), criteria };
}

function integrity({ mapped, tables, deadLetters, acts }: MigrationFacts): Criterion {
  const missing = mapped.filter((pair) => tables.every((table) => table.pair !== pair));
  const different = tables.filter(({ isEqual }) => !isEqual).map(({ pair }) => pair);
  const rows = tables.reduce((sum, { sourceRows }) => sum + sourceRows, 0);
  const problems = [
    ...(missing.length > 0 ? [`not compared: ${missing.join(', ')}`] : []),
    ...(different.length > 0 ? [`different: ${different.join(', ')}`] : []),
    ...(deadLetters > 0 ? [`${deadLetters} changes in the dead letters`] : []),
    ...acts.filter(({ act, subject }) => act === 'rollout' && subject === 'abandon').flatMap(givenUp),
  ];
  const equal = `${tables.length - different.length} of ${mapped.length} tables equal by count and checksum, ${rows} rows`;
  return {
    criterion: 'data integrity: rows before and after',
    wanted: '100 % preserved',
    found: [equal, ...problems].join('; '),
    isMet: problems.length === 0,
  };
}

/** Rows of the new project that have not come to the old one when the mode users was left without its way back. */
function givenUp({ at, detail }: PastAct): string[] {
  const rows = Object.entries((detail.rows ?? {}) as Readonly<Record<string, number>>).filter(([, count]) => count > 0);
  if (rows.length === 0) return [];
  const of = rows.map(([table, count]) => `${count} of ${table}`).join(', ');
  return [
    `rows given up at ${at}, ${of}: they are in ferry.conflict of the old project, after ferry finish of the new one`,
  ];
}

function pause({ cutover }: MigrationFacts): Criterion {
  return {
    criterion: 'downtime: how long writes were refused',
    wanted: 'less than 5 minutes',
    found: cutover ? `${cutover.writePauseMs} ms` : 'not cut over yet',
    isMet: cutover ? cutover.writePauseMs < 5 * 60_000 : null,
  };
}

/** Of the last way back that was taken: a rollback, or a cutover that was undone before its flag. */
function wayBack({ acts }: MigrationFacts): Criterion {
  const taken = acts.find(
    ({ act, subject }) => (act === 'rollback' && subject === 'done') || (act === 'cutover' && subject === 'aborted'),
  );
  const seconds = Number(taken?.detail.seconds);
  const { pauseMs } = taken?.detail ?? {};
  const which =
    taken?.act === 'rollback'
      ? `a rollback to its end; writes paused for ${pauseMs} ms`
      : 'a cutover to its end, undone';
  return {
    criterion: 'rollback time',
    wanted: 'less than 10 minutes',
    found: taken ? `${seconds} s from the beginning of ${which}` : 'none was taken',
    isMet: taken ? seconds < 600 : null,
  };
}

/** Of the reads that were compared last: what else the application asks, nobody but its own tests can tell. */
function queries({ acts }: MigrationFacts): Criterion {
  const compared = acts.find(({ act }) => act === 'compare-reads');
  const tests = "the application's own tests tell";
  const { queries: count, samples, different, unsettled } = compared?.detail ?? {};
  return {
    criterion: "query compatibility: the application's own requests",
    wanted: '100 %',
    found: compared
      ? `ferry compare-reads at ${compared.at}: ${count} queries, ${samples} samples, ${different} different, ${unsettled ?? 0} unsettled; of others ${tests}`
      : tests,
    isMet: Number(different) > 0 ? false : null,
  };
}

/** The report for people. */
export function toMarkdown(report: MigrationReport): string {
  const { pipeline, serving, cutover, tables, criteria, acts } = report;
  const forced = Object.entries(cutover?.forced ?? {});
  const lines = [
    `# The migration ${pipeline}`,
    '',
    cutover
      ? `Cut over at ${cutover.at} by ${cutover.by}; writes paused for ${cutover.writePauseMs} ms. The ${serving === 'target' ? 'new' : 'old'} project serves.`
      : 'Not cut over: the old project serves.',
    ...(forced.length > 0 ? ['', 'Gates passed by force:', ...forced.map(([gate, why]) => `- ${gate}: ${why}`)] : []),
    '',
    '## Criteria',
    ...table(
      ['criterion', 'wanted', 'found', 'met'],
      criteria.map(({ criterion, wanted, found, isMet }) => [
        criterion,
        wanted,
        found,
        isMet === null ? '?' : isMet ? 'yes' : 'NO',
      ]),
    ),
    '',
    '## Tables',
    ...table(
      ['table', 'rows before', 'rows after', 'equal', 'compared at'],
      tables.map((one) => [
        one.pair,
        `${one.sourceRows}`,
        `${one.targetRows}`,
        one.isEqual ? 'yes' : 'NO',
        one.comparedAt,
      ]),
    ),
    '',
    '## What was done, the newest first',
    ...table(
      ['at', 'what', 'of', 'by'],
      acts.map(({ at, act, subject, by }) => [at, act, subject ?? '', by]),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

/** What docs/MIGRATIONS.md says of a migration; what people write there themselves stays. */
export interface RecordEntry {
  readonly file: string;
  readonly release?: string;
  readonly description: string;
  readonly status: 'Applied' | 'Rolled back' | 'Failed';
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly environment: string;
  readonly by: string;
  readonly durationMs?: number;
  /** Paths below the folder of the database. */
  readonly snapshot?: string;
  readonly rollback?: string;
  /** `passed`, or what failed. */
  readonly tested?: string;
  /** One line each. */
  readonly changes?: readonly string[];
}

const TITLE = '# Migration History';

/** Puts an entry into the text, in its place where it has one, else at the end. @param text '' where there is none. */
export function withEntry(text: string, entry: RecordEntry): string {
  const lines = (text.trim() === '' ? TITLE : text.trimEnd()).split('\n');
  const start = lines.indexOf(`### ${entry.file}`);
  if (start < 0) return `${[...lines, '', ...heading(lines, entry), ...newSection(entry)].join('\n')}\n`;
  const after = lines.findIndex((line, index) => index > start && /^(#{1,3} |---)/.test(line));
  const end = after < 0 ? lines.length : after;
  const section = facts(entry, lines.slice(start, end)).reduce(withFact, lines.slice(start, end));
  return `${[...lines.slice(0, start), ...section, ...lines.slice(end)].join('\n')}\n`;
}

/** Of its release, unless that was the last one written. */
function heading(lines: readonly string[], { release, description, at }: RecordEntry): string[] {
  if (release === undefined) return [];
  const last = lines.findLast((line) => line.startsWith('## '));
  return last?.startsWith(`## v${release} `)
    ? ['---', '']
    : [`## v${release} - ${description} (${at.slice(0, 10)})`, ''];
}

function newSection(entry: RecordEntry): string[] {
  const changes = (entry.changes ?? []).map((line) => `- ${line}`);
  return [
    `### ${entry.file}`,
    ...facts(entry, []).map(([name, value]) => `**${name}:** ${value}`),
    ...(changes.length > 0 ? ['', '**Changes:**', ...changes] : []),
    '',
    '**Issues:** None',
  ];
}

type Fact = readonly [name: string, value: string];

function facts(entry: RecordEntry, section: readonly string[]): Fact[] {
  const { status, at, environment, snapshot, rollback, tested, by, durationMs } = entry;
  const all: readonly (readonly [string, string | undefined])[] = [
    ['Status', status],
    ['Date', at.replace('T', ' ').replace('Z', '')],
    ['Environment', environments(section, environment)],
    ['Snapshot', snapshot],
    ['Rollback', rollback],
    ['Tested', tested],
    ['Deployed by', by],
    ['Migration time', durationMs === undefined ? undefined : `${(durationMs / 1_000).toFixed(1)} seconds`],
  ];
  return all.filter((fact): fact is Fact => fact[1] !== undefined);
}

/** Where a file has run, as the text says. */
export function environmentsOf(text: string, file: string): string[] {
  const lines = text.split('\n');
  const start = lines.indexOf(`### ${file}`);
  if (start < 0) return [];
  const line = lines.slice(start + 1).find((one) => /^(\*\*Environment:\*\* |#)/.test(one));
  return line?.startsWith('**') ? line.slice('**Environment:** '.length).split(', ') : [];
}

/** One more, where the file has run elsewhere before. */
function environments(section: readonly string[], environment: string): string {
  const line = section.find((one) => one.startsWith('**Environment:** '));
  const before = line?.slice('**Environment:** '.length).split(', ') ?? [];
  return [...new Set([...before, environment])].join(', ');
}

function withFact(section: readonly string[], [name, value]: Fact): string[] {
  const line = `**${name}:** ${value}`;
  const at = section.findIndex((one) => one.startsWith(`**${name}:**`));
  if (at >= 0) return section.with(at, line);
  const last = section.findLastIndex((one) => /^\*\*[^*]+:\*\* \S/.test(one) && !one.startsWith('**Issues'));
  return section.toSpliced(last + 1, 0, line);
}

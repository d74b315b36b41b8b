import { join } from 'node:path';
import { Command } from 'commander';
import type { Finding } from '../core/schema/finding.js';
import { loadPipeline } from '../platform/load-pipeline.js';
import { connect } from '../platform/postgres.js';
import { dumpSource, readDumpFile } from '../services/schema/adapters/read-source.js';
import { type MadeSchema, makeSchema, type SourceSchema } from '../services/schema/make-schema.js';
import { printJson, printLine, printTable } from './output.js';

const EXAMPLE = `
Example:
  $ ferry schema -c config/mine

Reads the source's schema and the mapping, writes target/migrations/, which ferry up runs before it copies and ferry cutover
when all is copied, target/SCHEMA.md and the dump that it read. No database is changed. Files that are there are never overwritten.
Exit code: 0 done, 2 usage or configuration, 3 done, and something is left for a person to write.`;

const LEFT_BEHIND = 3;

interface Flags {
  readonly config: string;
  readonly out?: string;
  readonly dump?: string;
  readonly json?: true;
}

export function schemaCommand(): Command {
  return new Command('schema')
    .description("write the target's schema as migrations, made from the source's")
    .requiredOption('-c, --config <dir>', 'directory that holds pipeline.yaml')
    .option('--out <folder>', 'folder below which migrations/ is written (default: target, beside pipeline.yaml)')
    .option('--dump <file>', 'a schema-only dump in plain SQL, instead of running pg_dump')
    .option('--json', 'print one JSON object: ok, folder, files, written, findings, placed')
    .addHelpText('after', EXAMPLE)
    .action(run);
}

async function run({ config, out, dump, json }: Flags): Promise<void> {
  const pipeline = await loadPipeline(config);
  const source = dump === undefined ? await dumped(pipeline.source.url) : await readDumpFile(dump);
  const made = await makeSchema(source, {
    tables: pipeline.tables,
    choices: pipeline.schema,
    folder: out ?? join(config, 'target'),
  });
  const isComplete = made.findings.every(({ kind }) => kind === 'look');
  if (json) printJson({ ok: isComplete, ...made });
  else printSchema(made);
  if (!isComplete) process.exitCode = LEFT_BEHIND;
}

async function dumped(url: string): Promise<SourceSchema> {
  const session = await connect('source', url, { applicationName: 'ferry schema' });
  try {
    return await dumpSource(session, url);
  } finally {
    await session.end().catch(() => {});
  }
}

function printSchema({ folder, files, written, findings, placed }: MadeSchema): void {
  printTable(
    ['migration', 'runs', 'statements'],
    files.map(({ name, isBeforeCopy, statements }) => [
      name,
      isBeforeCopy ? 'before the copy' : 'after the copy',
      String(statements),
    ]),
  );
  printFindings('left behind', findings, 'left');
  printFindings('to look at', findings, 'look');
  if (placed.length > 0) {
    printLine(`${placed.length} objects that no mapping names were placed with the tables that they have to do with:`);
    printTable(
      ['object', 'goes to', 'why'],
      placed.map(({ object, to, why }) => [object, to, why]),
      { wrap: 2 },
    );
  }
  printLine(
    written.length === 0 ? `${folder}: nothing has changed` : `${written.length} files written below ${folder}`,
  );
}

function printFindings(title: string, findings: readonly Finding[], kind: Finding['kind']): void {
  const own = findings.filter((one) => one.kind === kind);
  if (own.length === 0) return;
  printLine(`${own.length} ${title}:`);
  for (const { object, line, why, remedy } of own) {
    printLine(`  ${line === 0 ? '' : `line ${line}: `}${object}: ${why}`);
    printLine(`    ${remedy}`);
  }
}

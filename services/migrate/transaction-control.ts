import { FerryError } from '../../core/errors.js';
import type { ParsedStatement } from '../../core/schema/grammar.js';
import { lineAt } from './file-text.js';
import type { Part, Script } from './script.js';

/** Those inside a transaction that ours encloses. */
const INNER = new Set(['TRANS_STMT_SAVEPOINT', 'TRANS_STMT_RELEASE', 'TRANS_STMT_ROLLBACK_TO']);
const BEGINS = new Set(['TRANS_STMT_BEGIN', 'TRANS_STMT_START']);

interface Control {
  readonly part: Part;
  readonly statement: ParsedStatement;
}

/**
 * Makes a file run in a transaction of ours: BEGIN and COMMIT around all of it are taken out, for that is what we do.
 * @param ends what may stand at the end.
 * @throws FerryError `config-invalid` with file and line, when the file ends a transaction amid.
 */
export function withoutTransactionControl(script: Script, ends: readonly string[] = ['TRANS_STMT_COMMIT']): Script {
  const controls = controlsOf(script).filter(({ statement }) => !INNER.has(String(statement.node.kind)));
  if (controls.length === 0) return script;
  const [first, second] = controls;
  const isBegin =
    first!.statement === script.parts[0]!.statements[0] &&
    BEGINS.has(String(first!.statement.node.kind)) &&
    first!.statement.node.options === undefined;
  const isEnd =
    second?.statement === script.parts.at(-1)!.statements.at(-1) && ends.includes(String(second?.statement.node.kind));
  if (!isBegin || !isEnd) throw refuse(script.file, (isBegin && second) || first!, WHOLE);
  return { ...script, parts: script.parts.map((part) => without(part, controls)) };
}

const WHOLE = 'each file runs in one transaction, to its end';

/** @throws FerryError `config-invalid`: its statements run one by one. */
export function refuseTransactionControl(script: Script): void {
  const [first] = controlsOf(script);
  if (first) throw refuse(script.file, first, 'with `-- ferry: no-transaction` each statement runs by itself');
}

function controlsOf({ parts }: Script): Control[] {
  return parts.flatMap((part) =>
    part.statements.filter(({ kind }) => kind === 'TransactionStmt').map((statement) => ({ part, statement })),
  );
}

/** Blanks take their place, so that lines and columns of all else stay. */
function without(part: Part, controls: readonly Control[]): Part {
  const own = controls.filter((control) => control.part === part).map(({ statement }) => statement);
  if (own.length === 0) return part;
  let { sql } = part;
  for (const { start, end } of own) {
    const behind = sql[end] === ';' ? end + 1 : end;
    sql = sql.slice(0, start) + sql.slice(start, behind).replaceAll(/[^\n]/g, ' ') + sql.slice(behind);
  }
  return { ...part, sql, statements: part.statements.filter((statement) => !own.includes(statement)) };
}

function refuse(file: string, { part, statement }: Control, why: string): FerryError {
  const line = part.line + lineAt(part.sql, statement.start) - 1;
  const text = part.sql.slice(statement.start, statement.end);
  return new FerryError('config-invalid', `${file}:${line}: ${text}: ${why}`, {
    remedy: 'Take it out, or make two files where one ends; nothing was run.',
  });
}

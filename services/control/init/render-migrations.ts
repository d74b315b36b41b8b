import type { TargetPlan } from './plan-target.js';
import type { NewFile } from './write-files.js';

interface Draft {
  readonly name: string;
  readonly head: readonly string[];
  readonly statements: readonly string[];
}

/** `target/migrations/`: what was run in the target, to be run again in another one, and what waits for the cutover. */
export function renderMigrations({ before, after }: TargetPlan): NewFile[] {
  const drafts = withStatements([
    {
      name: 'before_copy',
      head: [
        'Schemas, types, sequences and tables with the constraints that rows need while they are copied.',
        'Run again it changes nothing. Policies, grants, triggers, views and functions are not part of it.',
      ],
      statements: before,
    },
    {
      name: 'indexes',
      head: ['ferry: after-copy', 'Secondary indexes, and constraints like them.'],
      statements: after.indexes,
    },
    {
      name: 'foreign_keys',
      head: ['ferry: after-copy', 'Foreign keys, without a look at the rows: that is quick.'],
      statements: after.foreignKeys,
    },
    {
      name: 'validate',
      head: [
        'ferry: after-copy',
        'Looks at the rows. A foreign key between two domain schemas may be refused while writes go on, since each schema is',
        'applied by itself: ferry runs it again then.',
      ],
      statements: after.validation,
    },
  ]);
  return drafts.map((draft, index) => ({
    path: `target/migrations/${String(index + 1).padStart(3, '0')}_${draft.name}.sql`,
    text: textOf(draft),
  }));
}

/** A file that has comments alone is no migration: they go into the next one, or the one before. */
function withStatements([first, ...others]: readonly Draft[]): Draft[] {
  const kept: Draft[] = [first!];
  let waiting: readonly string[] = [];
  for (const draft of others) {
    const statements = [...waiting, ...draft.statements];
    const isEmpty = statements.every(isComment);
    waiting = isEmpty ? statements : [];
    if (!isEmpty) kept.push({ ...draft, statements });
  }
  return kept.map((draft, index) =>
    index === kept.length - 1 ? { ...draft, statements: [...draft.statements, ...waiting] } : draft,
  );
}

function textOf({ head, statements }: Draft): string {
  const parts = statements.map((statement) => (isComment(statement) ? statement : `${statement};`));
  return `${head.map((line) => `-- ${line}`).join('\n')}\n\n${parts.join('\n\n')}\n`;
}

function isComment(statement: string): boolean {
  return statement.split('\n').every((line) => line.startsWith('--'));
}

import type { TargetPlan } from './plan-target.js';

/** `target/before-copy.sql`: what was run in the target, to be run again in another one. */
export function renderBeforeCopy(plan: TargetPlan): string {
  return script(plan.before, [
    'Schemas, types, sequences and tables with the constraints that rows need while they are copied.',
    'Run again it changes nothing. Policies, grants, triggers, views and functions are not part of it.',
  ]);
}

/** `target/after-copy.sql`. */
export function renderAfterCopy(plan: TargetPlan): string {
  return script(plan.after, [
    'Secondary indexes and foreign keys: to be run once every table is copied, before the cutover.',
    'Run again it changes nothing. A foreign key between two domain schemas may be refused while writes go on, since',
    'each schema is applied by itself: run it again then.',
  ]);
}

function script(statements: readonly string[], head: readonly string[]): string {
  const parts = statements.map((statement) => (isComment(statement) ? statement : `${statement};`));
  return `${head.map((line) => `-- ${line}`).join('\n')}\n\n${parts.join('\n\n')}\n`;
}

function isComment(statement: string): boolean {
  return statement.split('\n').every((line) => line.startsWith('--'));
}

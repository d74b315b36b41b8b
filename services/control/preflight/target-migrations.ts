import { type Check, defineCheck } from './context.js';
import { counted, type Finding } from './finding.js';

/** What a pipeline's own migrations of its target say, read by who knows them. */
export interface TargetMigrations {
  /** How many will be run before the copy. */
  readonly before: number;
  /** How many wait for the cutover. */
  readonly after: number;
  /** Why none can be run. */
  readonly problems: readonly { readonly message: string; readonly remedy: string }[];
}

/** Why the target lacks what they may still bring, and what brings it. */
export const MIGRATIONS_WAIT = 'migrations of target/ have not been run';
export const RUN_BY_UP = '`ferry up` runs them; run `ferry check` again after that.';

export const targetMigrations: Check = defineCheck(
  { name: 'migrations', side: 'target', passed: "the target's migrations are applied, or there are none" },
  async (context, report): Promise<Finding[]> => {
    const found = await context.targetMigrations();
    if (!found) return [];
    const { before, after, problems } = found;
    if (problems.length > 0) return problems.map(({ message, remedy }) => report.error(message, { remedy }));
    if (before + after === 0) return [];
    return [report.ok(`${counted(before, 'migration')} to be run by \`ferry up\`, ${after} by \`ferry cutover\``)];
  },
);

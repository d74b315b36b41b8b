import { LAST_BEFORE_COPY, PHASE_TEXTS, PHASES, type Phase, type Written } from './phase.js';

export interface MigrationFile {
  readonly name: string;
  readonly phase: Phase;
  readonly isBeforeCopy: boolean;
  readonly statements: number;
  readonly text: string;
}

/** One file for each phase that has something to do, numbered as they run. Each may run again, and changes nothing then. */
export function migrationFiles(written: readonly Written[]): MigrationFile[] {
  const phases = PHASES.filter((phase) => written.some((one) => one.phase === phase));
  return phases.map((phase, index) => {
    const isBeforeCopy = PHASES.indexOf(phase) <= PHASES.indexOf(LAST_BEFORE_COPY);
    const own = [...new Set(written.filter((one) => one.phase === phase).map(({ sql }) => sql))];
    return {
      name: `${String(index + 1).padStart(3, '0')}_${phase}.sql`,
      phase,
      isBeforeCopy,
      statements: own.length,
      text: fileText(phase, own, { isBeforeCopy }),
    };
  });
}

function fileText(phase: Phase, statements: readonly string[], { isBeforeCopy }: { isBeforeCopy: boolean }): string {
  const head = [
    // A pipeline runs it when it cuts over.
    ...(isBeforeCopy ? [] : ['-- ferry: after-copy']),
    `-- ${PHASE_TEXTS[phase]}`,
    '-- Written by ferry schema. May run again, and changes nothing then.',
  ];
  const settings = ["SET search_path = '';", 'SET check_function_bodies = off;'];
  return `${head.join('\n')}\n${settings.join('\n')}\n\n${statements.map((sql) => `${sql};\n`).join('\n')}`;
}

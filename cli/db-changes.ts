import type { DumpChange } from '../services/migrate/dump.js';
import type { SchemaChange } from '../services/migrate/inventory.js';
import { printLine } from './output.js';

const SIGNS = { added: '+', removed: '-', changed: '~' } as const;

/** One line each. */
export function printChanges(changes: readonly SchemaChange[], print: (line: string) => void = printLine): void {
  for (const { change, kind, name } of changes) print(`  ${SIGNS[change]} ${kind} ${name}`);
}

/** With the lines that differ. */
export function printDumpChanges(changes: readonly DumpChange[], heading: string): void {
  printLine(heading);
  for (const { change, type, name, lines } of changes) {
    printLine(`  ${SIGNS[change]} ${type.toLowerCase()} ${name}`);
    for (const line of lines) printLine(`      ${line}`);
  }
}

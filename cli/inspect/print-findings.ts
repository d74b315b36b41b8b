import type { ObjectFinding } from '../../services/control/inspect/survival.js';
import { counted, listed } from '../../services/control/preflight/finding.js';
import { printLine, printTable } from '../output.js';

/** Errors first; what is found of several objects in the same words stands once. Remedies below, to be copied. */
export function printFindings(findings: readonly ObjectFinding[]): void {
  const groups = (['error', 'warn'] as const).flatMap((level) => [
    ...grouped(findings.filter((finding) => finding.level === level)).values(),
  ]);
  const crossing = findings.filter(({ check, level }) => check === 'foreign-key' && level === 'ok').length;
  if (crossing > 0) printLine(`\n${counted(crossing, 'foreign key')} will stand between two domains`);
  if (groups.length === 0) return;
  printLine('\nwhat will not come along by itself:');
  printTable(
    ['#', 'level', 'what', 'of', 'why'],
    groups.map((group, index) => [
      String(index + 1),
      group[0]!.level,
      group[0]!.check,
      listed(
        group.flatMap(({ object }) => object ?? []),
        4,
      ),
      group[0]!.message,
    ]),
    { wrap: 4 },
  );
  for (const [remedy, numbers] of byRemedy(groups)) printLine(`${numbers.join(', ')}: ${remedy}`);
}

/** What helps against several things is said once, with their numbers. */
function byRemedy(groups: readonly (readonly ObjectFinding[])[]): Map<string, number[]> {
  const numbers = new Map<string, number[]>();
  groups.forEach(([first], index) => {
    const { remedy } = first!;
    if (remedy !== undefined) numbers.set(remedy, [...(numbers.get(remedy) ?? []), index + 1]);
  });
  return numbers;
}

function grouped(findings: readonly ObjectFinding[]): Map<string, ObjectFinding[]> {
  const groups = new Map<string, ObjectFinding[]>();
  for (const finding of findings) {
    const key = JSON.stringify([finding.check, finding.message, finding.remedy]);
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return groups;
}

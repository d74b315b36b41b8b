import type { Reporter, SerializedError, TestModule, TestRunEndReason, Vitest } from 'vitest/node';
import type { ProvidedServers } from './servers.js';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Ends the output with what could not run and why, and with `N passed, N failed` as the very last line.
 *
 * An error outside a test (a file that does not load, a hook, an unhandled rejection) counts as a failure, and a run
 * that exits with an error has at least one.
 */
export default class SummaryReporter implements Reporter {
  #vitest: Vitest | undefined;
  #missing: ProvidedServers['missing'] = [];
  #counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  #skipped: string[] = [];

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
    // At the exit, because the shutdown of the servers and vitest itself may still have something to say before.
    process.once('exit', () => this.#print());
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[], _reason: TestRunEndReason): void {
    this.#counts = countAll(modules);
    this.#counts.failed += errors.length;
    this.#skipped = modules.flatMap(skippedWithReason);
    const provided = this.#vitest?.projects.map((project) => project.getProvidedContext().servers) ?? [];
    this.#missing = provided.find((servers) => servers !== undefined)?.missing ?? [];
  }

  #print(): void {
    const { passed, skipped } = this.#counts;
    const failed = Math.max(this.#counts.failed, process.exitCode ? 1 : 0);
    const lines = [
      ...this.#missing.map(({ server, reason }) => `Not run: the tests that need ${server}. ${reason}`),
      ...this.#skipped,
      `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
    ];
    process.stdout.write(`\n${lines.join('\n')}\n`);
  }
}

/** The tests that said themselves what they lack. */
function skippedWithReason(module: TestModule): string[] {
  return [...module.children.allTests()].flatMap((test) => {
    const result = test.result();
    return result.state === 'skipped' && result.note ? [`Not run: ${test.fullName}. ${result.note}`] : [];
  });
}

function countAll(modules: readonly TestModule[]): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const module of modules) {
    counts.failed += module.errors().length;
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      // A test that never reported, because the run was cut short, has not shown that it passes.
      counts[state === 'pending' ? 'failed' : state] += 1;
    }
  }
  return counts;
}

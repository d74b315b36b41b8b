import { readFile } from 'node:fs/promises';
import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import { type Direction, PROJECT, type Serving } from '../../services/control/cutover/direction.js';
import type { StepReport } from '../../services/control/cutover/report.js';
import type { Finding } from '../../services/control/preflight/finding.js';
import type { PipelineStatus, TableStatus } from '../../services/control/status/pipeline-status.js';
import type { TableReport } from '../../services/control/verify/report.js';
import { describeStep } from '../cutover.js';
import { lagCells } from '../status.js';
import type { KeptEnvironment } from './kept-environment.js';

/** What the person sees while the demo runs: all of it on standard error, so that --json stays alone on its own. */
export class DemoView {
  #bars: MultiBar | undefined;
  readonly #tables = new Map<string, SingleBar>();
  readonly #done = new Set<string>();
  #lastLag = '';

  note(text: string): void {
    this.#closeBars();
    process.stderr.write(`${text}\n`);
  }

  preflight(findings: readonly Finding[]): void {
    const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length;
    this.note(`preflight: ${count('ok')} checks passed, ${count('warn')} warnings, ${count('error')} errors`);
    for (const finding of findings) {
      if (finding.level === 'ok') continue;
      const remedy = finding.remedy ? ` (${finding.remedy})` : '';
      this.note(`  ${finding.level} ${finding.side} ${finding.object ?? ''}: ${finding.message}${remedy}`);
    }
  }

  /** A bar for each table, or a line when it is done where nobody watches. */
  copying(status: PipelineStatus, ms: number): void {
    for (const table of status.tables) {
      if (process.stderr.isTTY) this.#bar(table, ms);
      else if (table.state === 'streaming' && !this.#done.has(table.source)) {
        this.#done.add(table.source);
        process.stderr.write(`copied ${table.source} -> ${table.target}: ${table.rows} rows\n`);
      }
    }
  }

  lag(status: PipelineStatus): void {
    const [bytes, age] = lagCells(status.lag);
    const text = `lag ${bytes}, ${age}`;
    if (text === this.#lastLag) return;
    this.#lastLag = text;
    this.note(text);
  }

  verified(report: TableReport): void {
    this.note(`  ${report.source} -> ${report.target}: ${report.rows} rows, ${report.equal ? 'equal' : 'DIFFERENT'}`);
  }

  moving(direction: Direction): void {
    const what = direction === 'forward' ? 'cutting over' : 'rolling back';
    this.note(`${what}; every table is verified first, while the application writes`);
  }

  step(step: StepReport): void {
    if (step.state !== 'started') this.note(`  ${describeStep(step)}`);
  }

  goesOn(serving: Serving, writes: number, ms: number): void {
    const rate = Math.round((writes / ms) * 1_000);
    this.note(`the application goes on in ${PROJECT[serving]}: ${rate} transactions a second`);
  }

  /** @param canGoBack its way back is armed. */
  kept(
    { config, canGoBack }: { readonly config: string; readonly canGoBack: boolean },
    { variables, secretsLeftOut }: KeptEnvironment,
  ): void {
    this.note('everything stays up until Ctrl-C. In another shell:');
    for (const [name, value] of variables) this.note(`  export ${name}='${value}'`);
    for (const name of secretsLeftOut) this.note(`  export ${name}=   # the password that you gave`);
    if (secretsLeftOut.includes('PGPASSWORD'))
      this.note('  # two different ones: a line for each in ~/.pgpass instead');
    this.note(`  npx ferry status -c ${config}`);
    if (canGoBack) this.note(`  npx ferry rollback -c ${config}   # and \`ferry cutover\` again, as often as you like`);
  }

  /** Shows the end of the services' log, which goes away with the demo. */
  async failed(logFile: string): Promise<void> {
    const text = await readFile(logFile, 'utf8').catch(() => '');
    const lines = text.trimEnd().split('\n').slice(-20);
    if (text) this.note(`the services said last:\n${lines.join('\n')}`);
  }

  #bar(table: TableStatus, ms: number): void {
    this.#bars ??= new MultiBar(
      { format: '{table} {bar} {value}/{total} rows | {rate} rows/s | {left} left', stream: process.stderr },
      Presets.shades_classic,
    );
    const total = Math.max(table.estimate ?? 0, table.rows, 1);
    const perMs = table.rows / Math.max(ms, 1);
    const left = perMs > 0 ? `${Math.ceil((total - table.rows) / perMs / 1_000)} s` : 'unknown';
    const payload = { table: table.source.padEnd(28), rate: Math.round(perMs * 1_000), left };
    let bar = this.#tables.get(table.source);
    if (!bar) {
      bar = this.#bars.create(total, 0, payload);
      this.#tables.set(table.source, bar);
    }
    bar.setTotal(total);
    bar.update(table.state === 'streaming' ? total : table.rows, payload);
  }

  #closeBars(): void {
    this.#bars?.stop();
    this.#bars = undefined;
    this.#tables.clear();
  }
}

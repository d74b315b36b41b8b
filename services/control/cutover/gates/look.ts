import { setTimeout as sleep } from 'node:timers/promises';
import { toFerryError } from '../../../../core/errors.js';
import { readStatus } from '../../status/read-status.js';
import { constraintsGate } from './constraints.js';
import {
  GATES,
  type Gate,
  type GateContext,
  type GateName,
  type GateReport,
  GatesClosed,
  gatesOf,
  isInTheWay,
} from './gate.js';
import { mappingGate } from './mapping.js';
import { parityGate } from './parity.js';
import { sequencesGate } from './sequences.js';
import { sourceTransactionsGate } from './source-transactions.js';
import { statisticsGate } from './statistics.js';
import { statusGates } from './status-gates.js';
import { targetWritersGate } from './target-writers.js';
import { verifiedGate } from './verified.js';
import { wayBackGate } from './way-back.js';

const ALL: readonly Gate[] = [
  ...statusGates,
  mappingGate,
  verifiedGate,
  constraintsGate,
  statisticsGate,
  sequencesGate,
  parityGate,
  targetWritersGate,
  sourceTransactionsGate,
  wayBackGate,
].sort((a, b) => GATES.indexOf(a.name) - GATES.indexOf(b.name));

/** A gate may be closed for a moment only: a batch in flight, the report of a copy's end on its way. */
const WITHIN_MS = 10_000;

/**
 * Waits until every gate is open or passed by force, a little while, and `patienceMs` more, where waiting may help.
 * @returns what was found at last.
 * @throws GatesClosed with all of them.
 */
export async function waitForGates(
  context: Omit<GateContext, 'status'>,
  { signal, patienceMs }: { readonly signal: AbortSignal; readonly patienceMs: number },
): Promise<readonly GateReport[]> {
  const deadline = performance.now() + WITHIN_MS + patienceMs;
  const names = gatesOf(context.direction);
  const due = ALL.filter(({ name }) => names.includes(name));
  for (;;) {
    const status = await readStatus(context.pipeline, context);
    const gates: GateReport[] = [];
    for (const gate of due) gates.push(await lookAt(gate, { ...context, status }));
    const closed = gates.filter(isInTheWay);
    if (closed.length === 0) return gates;
    const isHopeless =
      status.phase === 'not-started' || closed.some(({ gate, isLasting }) => isLasting || !mayPass(gate));
    if (isHopeless || performance.now() > deadline || signal.aborted) throw new GatesClosed(gates, status.errors);
    await sleep(500, undefined, { signal }).catch(() => {});
  }
}

function mayPass(name: GateName): boolean {
  return ALL.find((gate) => gate.name === name)!.mayPass;
}

/** What cannot be looked at is closed: unknown is never well. */
async function lookAt(gate: Gate, context: GateContext): Promise<GateReport> {
  const forced = context.settings.forced[gate.name];
  const finding = await gate.look(context).catch((error: unknown) => {
    const { message, remedy } = toFerryError(error);
    return { isOpen: false, figure: `${gate.name} cannot be looked at: ${message}`, remedy };
  });
  return { gate: gate.name, ...finding, ...(!finding.isOpen && forced !== undefined ? { forced } : {}) };
}

import type { LedgerEntry } from '../../../../core/ledger.js';
import { type PipelineStatus, READY_BELOW_SECONDS } from '../../status/pipeline-status.js';
import type { Finding, Gate } from './gate.js';

const STANDS: ReadonlySet<string> = new Set(['paused', 'halted', 'catching-up']);

/** Every service but control works, and no table stands. */
export function streamingFinding({ pipeline, phase, services, tables }: PipelineStatus): Finding {
  const idle = services.filter(({ service, state }) => service !== 'control' && state !== 'running');
  const standing = tables.filter(({ state }) => STANDS.has(state));
  const closed = [
    ...(phase === 'streaming' ? [] : [`the pipeline's phase is ${phase}, not streaming`]),
    ...idle.map(({ service, state, error }) => `${service} is ${state}${why(error)}`),
    ...standing.map(({ source, state, stopped }) => `${source} is ${state}${why(stopped)}`),
  ];
  if (closed.length === 0) return { isOpen: true, figure: `${tables.length} tables stream` };
  const remedies = [
    ...idle.flatMap(({ error }) => error?.remedy ?? []),
    ...standing.flatMap(({ source, state, stopped }) =>
      state === 'paused'
        ? `Resume it in the configuration of ${pipeline}: ferry table resume ${source}`
        : (stopped?.remedy ?? []),
    ),
  ];
  return {
    isOpen: false,
    figure: closed.join('; '),
    ...(remedies.length > 0 ? { remedy: remedies.join(' ') } : {}),
  };
}

const why = (reason: { readonly message: string } | null) => (reason ? `: ${reason.message}` : '');

export function lagFinding({ lag: { seconds, bytes } }: PipelineStatus, atMost = READY_BELOW_SECONDS): Finding {
  if (seconds === null) return { isOpen: false, figure: 'lag cannot be measured' };
  if (seconds <= atMost) return { isOpen: true, figure: `${seconds} s, ${bytes} bytes, at most ${atMost} s` };
  return { isOpen: false, figure: `lag is ${seconds} s, above ${atMost} s` };
}

/** While writes go on the stages' sums differ by what is on its way: that they agree is proven under the fence. */
export function ledgerFinding({ ledger }: PipelineStatus): Finding {
  if (!ledger) return { isOpen: false, figure: 'the ledger cannot be read' };
  if (ledger.addsUp) return { isOpen: true, figure: `adds up for ${ledger.tables.length} tables` };
  const unknown = ledger.tables.filter(({ read, applied }) => read === undefined || applied === undefined);
  if (unknown.length > 0) {
    return { isOpen: false, figure: `the ledger does not know ${unknown.map(({ table }) => table).join(', ')}` };
  }
  const onTheirWay = ledger.tables.reduce((sum, entry) => sum + Math.max(0, inFlight(entry)), 0);
  return { isOpen: true, figure: `${onTheirWay} changes on their way; to add up under the fence` };
}

function inFlight({ captured, filtered, applied, deadLettered, dropped }: LedgerEntry): number {
  return captured! - filtered! - applied! - deadLettered! - dropped!;
}

export function deadLettersFinding({ ledger }: PipelineStatus): Finding {
  if (ledger?.deadLettered === 0) return { isOpen: true, figure: '0 changes' };
  const count = ledger?.deadLettered ?? null;
  return {
    isOpen: false,
    figure: count === null ? 'dead letters cannot be counted' : `${count} changes are dead letters`,
    remedy: 'ferry dead-letter list names them; retry or drop them.',
  };
}

const ofStatus = (name: Gate['name'], finding: (status: PipelineStatus) => Finding): Gate => ({
  name,
  mayPass: true,
  look: async ({ status }) => finding(status),
});

export const statusGates: readonly Gate[] = [
  ofStatus('streaming', streamingFinding),
  ofStatus('lag', (status) => lagFinding(status)),
  ofStatus('ledger', ledgerFinding),
  ofStatus('dead-letters', deadLettersFinding),
];

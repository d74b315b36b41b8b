import type { LoadedPipeline } from '../../platform/load-pipeline.js';
import { connect } from '../../platform/postgres.js';
import { LoadBrake } from '../../services/control/verify/load-brake.js';
import type { LoadLimits } from '../../services/control/verify/load-limits.js';
import { readLoad, refuseHiddenActivity, VERIFY_SESSIONS } from '../../services/control/verify/read-load.js';

export interface OpenBrake extends AsyncDisposable {
  /** Undefined without limits. */
  readonly room: ((signal: AbortSignal) => Promise<void>) | undefined;
}

/** Measures the load by sessions of its own, for as long as it is open. */
export async function openBrake(
  pipeline: LoadedPipeline,
  of: Parameters<typeof readLoad>[1],
  { limits, onPause }: { readonly limits: LoadLimits | undefined; readonly onPause: (why: string | undefined) => void },
): Promise<OpenBrake> {
  if (!limits) return { room: undefined, [Symbol.asyncDispose]: async () => {} };
  const source = await connect('source', pipeline.source.url, { applicationName: VERIFY_SESSIONS });
  try {
    if (limits.active !== undefined) await refuseHiddenActivity(source);
    const target = await connect('target', pipeline.target.url, { applicationName: VERIFY_SESSIONS });
    const brake = new LoadBrake({ limits, onPause, measure: () => readLoad({ source, target }, of) });
    const close = async () => {
      await source.end().catch(() => {});
      await target.end().catch(() => {});
    };
    return { room: (signal) => brake.room(signal), [Symbol.asyncDispose]: close };
  } catch (error) {
    await source.end().catch(() => {});
    throw error;
  }
}

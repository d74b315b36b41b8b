import { setTimeout as sleep } from 'node:timers/promises';

/** For how long nothing at all may come: what is slow, on a busy machine, is not stuck. */
const STUCK_MS = 120_000;
const LOOK_EVERY_MS = 100;

/** How far something is. */
export interface Look {
  /** Rises while it moves. */
  readonly at: bigint;
  readonly isDone: boolean;
}

/**
 * Waits until it is done, for as long as it moves.
 * @param look undefined, or an error, where nothing can be seen now.
 * @throws Error of `stuck`, given how far it came.
 */
export async function whileItMoves(
  look: () => Promise<Look | undefined>,
  stuck: (at: bigint) => Promise<Error>,
): Promise<void> {
  let at = -1n;
  for (let movedAt = performance.now(); ; await sleep(LOOK_EVERY_MS)) {
    const now = await look().catch(() => undefined);
    if (now?.isDone) return;
    if (now && now.at > at) {
      at = now.at;
      movedAt = performance.now();
    }
    if (performance.now() - movedAt > STUCK_MS) throw await stuck(at);
  }
}

import type { Lsn } from '../../core/lsn.js';

/** The stream of a slot. */
export interface ReplicationStream extends AsyncDisposable {
  /** Stops reading from the socket; the server waits. */
  pause(): void;
  resume(): void;
  /** Says that everything before this LSN is durable; never goes back. */
  acknowledge(commitEnd: Lsn): void;
  /** Rejects when the stream breaks or its handler throws; resolves after disposal. */
  readonly ended: Promise<void>;
}

/** Opens the stream; `onMessage` is called in order with bytes that are valid until it returns. */
export type OpenStream = (onMessage: (message: Buffer) => void) => Promise<ReplicationStream>;

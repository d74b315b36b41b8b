/**
 * Keeps the stream's messages while it stands still: what was read from the socket already comes all the same. That is
 * no more than a socket's buffer.
 */
export class StreamHold {
  #kept: Buffer[] | undefined;

  begin(): void {
    this.#kept = [];
  }

  get isHeld(): boolean {
    return this.#kept !== undefined;
  }

  /** @returns false while the stream goes on: the message is the caller's. */
  keeps(message: Buffer): boolean {
    // Its bytes are the transport's, and valid only now.
    this.#kept?.push(Buffer.from(message));
    return this.#kept !== undefined;
  }

  /** @param take gets the messages again, in order, and may hold the stream once more. */
  end(take: (message: Buffer) => void): void {
    const kept = this.#kept ?? [];
    this.#kept = undefined;
    for (const message of kept) take(message);
  }
}

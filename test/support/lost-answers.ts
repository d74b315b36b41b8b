import net from 'node:net';
import { vi } from 'vitest';

const PRODUCE = 0;

/**
 * Ends the connection of `count` produce requests after the broker has got them and before its answer is read. Ends
 * with vi.restoreAllMocks().
 * @param spared so many produce requests go well before.
 * @returns how many answers were lost so far.
 */
export function loseProduceAnswers(count: number, spared = 0): () => number {
  let asked = 0;
  let lost = 0;
  const connect = net.connect;
  vi.spyOn(net, 'connect').mockImplementation(((...target: Parameters<typeof net.connect>) => {
    const socket = connect(...target);
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
    socket.write = ((request: Buffer, ...rest: unknown[]) => {
      // The key of the request stands behind its length.
      if (request.readInt16BE(4) === PRODUCE && ++asked > spared && lost < count) {
        lost += 1;
        socket.pause();
        setTimeout(() => socket.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })), 150);
      }
      return write(request, ...rest);
    }) as typeof socket.write;
    return socket;
  }) as typeof net.connect);
  return () => lost;
}

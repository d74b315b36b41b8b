import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';
import { type TlsFault, tlsFault } from '../../tls-fault.js';

/** A broker answered a client without TLS in TLS. */
const TLS_SPOKEN = 'ERR_FERRY_TLS_SPOKEN';

/** What to do about it. */
export const TLS_REMEDY: Readonly<Record<TlsFault | typeof TLS_SPOKEN, string>> = {
  [TLS_SPOKEN]: 'Name the CA of the brokers in log.tls.ca, or the port that takes connections without TLS.',
  untrusted: "Name the file of the CA that signed the brokers' certificates in log.tls.ca.",
  'wrong-name': 'Name the brokers as their certificates do, or that name in log.tls.serverName.',
  'out-of-date': "Renew the brokers' certificates, or correct this machine's clock.",
  'our-certificate': 'Name a client certificate that the brokers trust in log.tls.cert, and its key in log.tls.key.',
  files: 'Name PEM files in log.tls; the key must be that of the certificate.',
  'no-agreement': 'Check that the port is one for TLS, and that both sides share a version of it.',
};

/** @param code of a connection's error. */
export function kafkaTlsFault(code: string | number | undefined): keyof typeof TLS_REMEDY | undefined {
  return code === TLS_SPOKEN ? TLS_SPOKEN : tlsFault(String(code ?? ''));
}

/** Makes sockets that fail at once where the other side wants TLS, and tells of each that fails for TLS. */
export function watchTls(connect: ISocketFactory, onFault: () => void): ISocketFactory {
  return (target) => {
    const socket = connect(target);
    // Before kafkajs listens, so that it can be kept from saying the same.
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (kafkaTlsFault(code)) onFault();
    });
    if (!(socket instanceof TLSSocket)) socket.once('data', (first) => refuseAlert(socket, first));
    return socket;
  };
}

/**
 * A port for TLS answers a client without it by an alert, of which kafkajs would take the first bytes for the length
 * of an answer, 350 MB, and wait for the rest.
 */
function refuseAlert(socket: Socket, first: Buffer): void {
  const isAlert = first[0] === 0x15 && first[1] === 0x03;
  if (isAlert) socket.destroy(Object.assign(new Error('the broker wants TLS on this port'), { code: TLS_SPOKEN }));
}

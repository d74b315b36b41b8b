import { connect, createServer, type Server, type Socket } from 'node:net';

/** What a network between two machines can do to a connection. */
export type Weather = 'clear' | 'refused' | 'silent';

/** A TCP proxy in front of a server on the loopback interface: the network that a test can take away. */
export class Network {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  /** That carry nothing any more. */
  readonly #stranded = new Set<readonly [Socket, Socket]>();
  #weather: Weather = 'clear';

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param port where to listen; 0 for a free one. */
  static async start(to: { readonly host: string; readonly port: number }, port = 0): Promise<Network> {
    const server = createServer();
    const network = new Network(server);
    server.on('connection', (client) => network.#join(client, connect(to)));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    return network;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return address.port;
  }

  /** Ends every connection by a reset, as a router that has forgotten them does. */
  reset(): void {
    for (const sockets of this.#pairs) for (const socket of sockets) socket.resetAndDestroy();
  }

  /** From now on the connections that stand carry nothing, and nobody is told; new ones are as the weather is. */
  strand(): void {
    for (const pair of this.#pairs) {
      this.#pairs.delete(pair);
      this.#stranded.add(pair);
      for (const socket of pair) socket.pause();
    }
  }

  /**
   * - refused: connections are reset, and new ones too.
   * - silent: nothing gets through and nobody is told; what was sent goes on when the weather clears.
   */
  set weather(weather: Weather) {
    this.#weather = weather;
    if (weather === 'refused') this.reset();
    for (const sockets of this.#pairs) for (const socket of sockets) this.#hold(socket);
  }

  async stop(): Promise<void> {
    this.reset();
    for (const sockets of this.#stranded) for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, server: Socket): void {
    if (this.#weather === 'refused') {
      client.resetAndDestroy();
      server.destroy();
      return;
    }
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    for (const [one, other] of [pair, [server, client]] as const) {
      one.setNoDelay(true);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#pairs.delete(pair);
        other.destroy();
      });
      this.#hold(one);
    }
  }

  #hold(socket: Socket): void {
    if (this.#weather === 'silent') socket.pause();
    else socket.resume();
  }
}

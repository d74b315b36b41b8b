import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../test/support/random.js';
import type { ServiceProcess } from '../test/support/service-process.js';
import type { World } from './world.js';

/** Something that breaks and, when it resolves, is whole again. */
export interface Fault {
  readonly name: string;
  run(): Promise<void>;
}

/** A service that a fault has ended starts again as late as this. */
const GONE_MS = 1_500;
const FROZEN_MS = 4_000;
const WITHOUT_NETWORK_MS = 4_000;

/** To the services: each is whole again when the fault is over. */
export function randomServiceFault(world: World, random: Random): Fault {
  const service = random.pick(world.services);
  const others = world.services.filter((other) => other !== service);
  const gone = random.int(0, GONE_MS);
  return random.pick<Fault>([
    fault(`kill ${service.service}`, () => killed([service], gone)),
    fault(`kill ${service.service}`, () => killed([service], gone)),
    fault(`kill ${service.service}, start at once`, () => killed([service], 0)),
    fault(`kill all but ${service.service}`, () => killed(others, gone)),
    fault(`stop ${service.service}`, () => stopped(service, gone)),
    fault(`freeze ${service.service}`, async () => {
      signal(service, 'SIGSTOP');
      await sleep(random.int(100, FROZEN_MS));
      signal(service, 'SIGCONT');
    }),
    fault(`replace ${service.service} while it is frozen`, () => replaced(world, service, random)),
  ]);
}

/** To the servers and to the network before them. */
export function randomServerFault(world: World, random: Random): Fault {
  const side = random.pick(['source', 'target'] as const);
  const { server, network } = world[side];
  const frozen = random.int(100, FROZEN_MS);
  const cut = random.int(300, WITHOUT_NETWORK_MS);
  const faults: Fault[] = [
    fault(`crash the ${side}`, () => server.restart({ crash: true })),
    fault(`restart the ${side}`, () => server.restart({ crash: false })),
    fault(`freeze the ${side}`, async () => {
      await server.freeze();
      await sleep(frozen);
      await server.thaw();
    }),
    fault(`reset the connections of the ${side}`, async () => network.reset()),
    ...(['refused', 'silent'] as const).map((weather) =>
      fault(`the network of the ${side} is ${weather}`, async () => {
        network.weather = weather;
        await sleep(cut);
        network.weather = 'clear';
      }),
    ),
  ];
  if (world.broker) faults.push(...brokerFaults(world, { frozen, cut }));
  return random.pick(faults);
}

function brokerFaults(world: World, { frozen, cut }: { frozen: number; cut: number }): Fault[] {
  const { server, network } = world.broker!;
  return [
    fault('crash the broker', async () => {
      await server.down();
      await world.brokerUp();
    }),
    fault('freeze the broker', async () => {
      process.kill(server.pid, 'SIGSTOP');
      await sleep(frozen);
      process.kill(server.pid, 'SIGCONT');
    }),
    fault('reset the connections of the broker', async () => network.reset()),
    fault('the network of the broker is silent', async () => {
      network.weather = 'silent';
      await sleep(cut);
      network.weather = 'clear';
    }),
  ];
}

function fault(name: string, run: () => Promise<void>): Fault {
  return { name, run };
}

async function killed(services: readonly ServiceProcess[], goneMs: number): Promise<void> {
  await Promise.all(services.map((service) => service.kill()));
  await sleep(goneMs);
  for (const service of services) service.start();
}

/** As an operator ends it, who does not wait for ever. */
async function stopped(service: ServiceProcess, goneMs: number): Promise<void> {
  service.mayEnd();
  signal(service, 'SIGTERM');
  const timer = setTimeout(() => signal(service, 'SIGKILL'), 10_000);
  await service.ended;
  clearTimeout(timer);
  await sleep(goneMs);
  service.start();
}

/** Thought dead, it comes back when another one has taken its work over. */
async function replaced(world: World, service: ServiceProcess, random: Random): Promise<void> {
  const other = world.another(service.service);
  signal(service, 'SIGSTOP');
  other.start();
  // Long enough for it to start, at times.
  await sleep(random.int(500, FROZEN_MS));
  signal(service, 'SIGCONT');
  await sleep(random.int(0, GONE_MS));
  await other.kill();
}

function signal(service: ServiceProcess, name: NodeJS.Signals): void {
  if (service.isRunning) service.signal(name);
}

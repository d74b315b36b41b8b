import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../test/support/random.js';
import type { ServiceProcess } from '../test/support/service-process.js';
import { appendLate } from './late-append.js';
import type { Network, Weather } from './network.js';
import type { Broker } from './places.js';
import type { Side, World } from './world.js';

/** Something that breaks and, when it resolves, is whole again. */
export interface Fault {
  readonly name: string;
  run(): Promise<void>;
}

/** A service that a fault has ended starts again as late as this. */
const GONE_MS = 1_500;
const FROZEN_MS = 3_000;
const WITHOUT_NETWORK_MS = 3_000;

/** To the services: each is whole again when the fault is over. */
export function serviceFaults(world: World, random: Random): Fault[] {
  const gone = () => random.int(0, GONE_MS);
  const ofEach = world.services.flatMap((service) => {
    return [
      fault(`kill ${service.service}`, () => killed([service], gone())),
      fault(`stop ${service.service}`, () => stopped(service, gone())),
      fault(`freeze ${service.service}`, async () => {
        signal(service, 'SIGSTOP');
        await sleep(random.int(100, FROZEN_MS));
        signal(service, 'SIGCONT');
      }),
      fault(`replace ${service.service} while it is frozen`, () => replaced(world, service, random)),
      fault(`another ${service.service} beside it`, () => joined(world, service, random)),
    ];
  });
  return [
    fault('kill all services', () => killed(world.services, gone())),
    // Twice, so that a minute does not pass without them.
    ...(['capture', 'transform', 'capture', 'transform'] as const).map((service) =>
      fault(`what ${service} appended comes late once more`, () => appendLate(world, service, random)),
    ),
    ...ofEach,
  ];
}

/** To the servers and to the network before them. */
export function serverFaults(world: World, random: Random, { isLong }: { isLong: boolean }): Fault[] {
  const places = ['source', 'target', ...(world.broker ? (['broker'] as const) : [])] as const;
  return [
    ...(['source', 'target'] as const).flatMap((side) => databaseFaults(world, side, random)),
    ...(world.broker ? brokerFaults(world.broker, world, random) : []),
    // Noticed by silence alone, which takes its time.
    ...(isLong ? places.map((place) => stranded(world, place)) : []),
  ];
}

function stranded(world: World, place: Side | 'broker'): Fault {
  return fault(`the connections of the ${place} carry nothing any more`, async () => world[place]!.network.strand());
}

function databaseFaults(world: World, side: Side, random: Random): Fault[] {
  const { server, network } = world[side];
  return [
    fault(`crash the ${side}`, () => server.restart({ crash: true })),
    fault(`restart the ${side}`, () => server.restart({ crash: false })),
    fault(`freeze the ${side}`, async () => {
      await server.freeze();
      await sleep(random.int(100, FROZEN_MS));
      await server.thaw();
    }),
    fault(`reset the connections of the ${side}`, async () => network.reset()),
    ...(['refused', 'silent'] as const).map((weather) =>
      fault(`the network of the ${side} is ${weather}`, () => under(weather, network, random)),
    ),
  ];
}

function brokerFaults(broker: Broker, world: World, random: Random): Fault[] {
  const { server, network } = broker;
  const counted = (name: string, run: () => Promise<void>) =>
    fault(name, () => {
      broker.faults += 1;
      return run();
    });
  return [
    counted('crash the broker', async () => {
      await server.down();
      await world.brokerUp();
    }),
    counted('freeze the broker', async () => {
      process.kill(server.pid, 'SIGSTOP');
      await sleep(random.int(100, FROZEN_MS));
      process.kill(server.pid, 'SIGCONT');
    }),
    counted('reset the connections of the broker', async () => network.reset()),
    counted('the network of the broker is silent', () => under('silent', network, random)),
  ];
}

async function under(weather: Weather, network: Network, random: Random): Promise<void> {
  network.weather = weather;
  await sleep(random.int(300, WITHOUT_NETWORK_MS));
  network.weather = 'clear';
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
  const other = world.rival(service.service);
  signal(service, 'SIGSTOP');
  other.start();
  // Long enough for it to start, at times.
  await sleep(random.int(500, FROZEN_MS));
  signal(service, 'SIGCONT');
  await sleep(random.int(0, GONE_MS));
  await other.kill();
}

/** Two that each think the work theirs. */
async function joined(world: World, service: ServiceProcess, random: Random): Promise<void> {
  const other = world.rival(service.service);
  other.start();
  await sleep(random.int(1_000, FROZEN_MS));
  await other.kill();
}

function signal(service: ServiceProcess, name: NodeJS.Signals): void {
  if (service.isRunning) service.signal(name);
}

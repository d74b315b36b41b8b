import { describeWithKafka, describeWithPostgres } from './servers.js';

export type Driver = 'embedded' | 'kafka';

/** A suite for each log driver; the one over Kafka is skipped where there is none, and the reporter says why. */
export function forEachDriver(name: string, tests: (driver: Driver) => void): void {
  describeWithPostgres(`${name}, over the embedded log`, () => tests('embedded'));
  describeWithKafka(`${name}, over Kafka`, () => tests('kafka'));
}

import type { ByteWriter } from '../../core/byte-writer.js';
import { isAfter, nthIndex, type Position } from '../../core/position.js';
import type { RecordScanner } from '../../core/record-scanner.js';
import type { RecordWriter } from '../../core/record-writer.js';
import type { CompiledRoute } from './compile-mapping.js';

/** Where a domain topic ends: what comes again up to there is dropped. */
export interface DomainEnd {
  readonly position: Position;
  /** The last event was a commit. */
  readonly complete: boolean;
}

/** The output of one domain schema. */
export interface Domain {
  readonly writer: RecordWriter;
  end: DomainEnd;
  /** The open transaction has an event here, so its commit belongs here too. */
  touched: boolean;
}

/** Moves the domain's end to an event that is about to be written. @returns false when the domain has it already. */
export function reaches(domain: Domain, position: Position): boolean {
  if (!isAfter(position, domain.end.position)) return false;
  domain.end = { position, complete: false };
  domain.touched = true;
  return true;
}

/** What a row's line says of its relation and place: as it came, but for the second table of a schema and those behind. */
export function writeHead(out: ByteWriter, route: CompiledRoute, record: Buffer, scanner: RecordScanner): void {
  if (route.nth === 0) return out.bytes(record, scanner.start, scanner.opAt);
  const { rel, ix } = headOf(route, scanner);
  out.ascii(`{"rel":${rel},"ix":${ix},"op":"`);
}

/** As JSON. */
export const headOf = ({ id, nth }: CompiledRoute, { index }: RecordScanner) => ({ rel: id, ix: nthIndex(index, nth) });

import { formatOneWay } from '../../../../core/mapping/invert/one-way.js';
import { domainSchemas, type TableMapping } from '../../../../core/mapping.js';
import { displayName } from '../../../../core/relation.js';
import { partitionsOf, topicsOf } from '../../../../core/topics.js';
import { preflightContext } from '../../preflight/context.js';
import { runPreflight } from '../../preflight/run-preflight.js';
import { readStatus } from '../../status/read-status.js';
import { readInverse } from '../../way-back/inverse.js';
import { waitUntilDrained, writeMarker } from '../marker.js';
import type { Running } from '../options.js';
import { type Finding, type Gate, type GateContext, unsaid } from './gate.js';
import { mappingFinding } from './mapping.js';
import { lagFinding, streamingFinding } from './status-gates.js';

/** A marker takes moments through a pipeline that keeps up. */
const CANARY_MS = 10_000;

/**
 * What the new project takes after the flip comes back: the pipeline of the other direction streams, a message that was
 * written into the new project has just come through it, nothing stands against its rows on either side, and its mapping
 * leaves nothing out: no table of the pipeline either, of which a message says nothing.
 */
export const wayBackGate: Gate = {
  name: 'way-back',
  mayPass: true,
  async look(context) {
    const found = await wayBackFinding(context);
    return found.isLasting ? { ...found, remedy: `${found.remedy} Or --accept-one-way: no rollback then.` } : found;
  },
};

type WayBackContext = Pick<GateContext, 'back' | 'pipeline' | 'source' | 'target'>;

/** The way back runs, and brings everything. */
export async function wayBackFinding(context: WayBackContext): Promise<Finding> {
  const { back, pipeline, source, target } = context;
  if (!back) {
    return {
      isOpen: false,
      isLasting: true,
      figure: 'there is no way back',
      remedy: 'Arm it: `ferry way-back` writes its pipeline, `ferry up` runs it.',
    };
  }
  const { oneWay, tables } = await readInverse(preflightContext(pipeline, { source, target }));
  const left = leftOut(tables, back.pipeline.tables);
  if (left.length > 0) {
    const { directory } = back.pipeline;
    return {
      isOpen: false,
      isLasting: true,
      figure: `the way back leaves out ${left.join(', ')}`,
      remedy: `Map it in ${directory}, or write all of it anew: ferry way-back -c ${pipeline.directory} --force. Then ferry check -c ${directory}, and start its services again.`,
    };
  }
  const armed = await armedFinding(context, back);
  if (!armed.isOpen) return armed;
  // A message shows that the way is there; what a row meets at its ends besides, the check knows of every table.
  const findings = await runPreflight(back.pipeline, { source: target, target: source });
  // Of no weight to who only captures; a rollback would be refused by it at its fence.
  const errors = findings.filter(
    ({ level, check }) => level === 'error' || (level === 'warn' && check === 'fence-privileges'),
  );
  if (errors.length > 0) {
    return {
      isOpen: false,
      isLasting: true,
      figure: `the way back: ${errors.map(({ message }) => message).join('; ')}`,
      remedy: `What is to be done, \`ferry check -c ${back.pipeline.directory}\` says.`,
    };
  }
  if (oneWay.length === 0) return armed;
  return {
    isOpen: false,
    isLasting: true,
    figure: `would not come back: ${oneWay.map(formatOneWay).join('; ')}`,
    remedy: 'Change the mapping: `ferry check` names each with its file and line.',
  };
}

/** What could come back, and nothing brings: a table that has joined the pipeline since, perhaps. */
function leftOut(all: readonly TableMapping[], back: readonly TableMapping[]): string[] {
  const name = ({ source, target }: TableMapping) => `${displayName(source)} -> ${displayName(target)}`;
  const brought = new Set(back.map(name));
  return all.map(name).filter((pair) => !brought.has(pair));
}

async function armedFinding({ source, target }: WayBackContext, { pipeline, log }: Running): Promise<Finding> {
  // Its source is the new project.
  const status = await readStatus(pipeline, { log, source: target, target: source });
  const problems = [streamingFinding(status), lagFinding(status)].filter(({ isOpen }) => !isOpen);
  if (problems.length > 0) {
    const figures = problems.map(({ figure }) => figure);
    const remedies = problems.flatMap(({ remedy }) => remedy ?? []);
    return {
      isOpen: false,
      figure: `the way back: ${[...figures, ...unsaid(status.errors, figures)].join('; ')}`,
      remedy: remedies.length > 0 ? remedies.join(' ') : `Run its services: ferry up -c ${pipeline.directory}.`,
    };
  }
  const mapping = await mappingFinding({ pipeline, log });
  if (!mapping.isOpen) return { ...mapping, figure: `the way back: ${mapping.figure}` };
  const startedAt = performance.now();
  const topics = domainSchemas(pipeline.tables).map(topicsOf(pipeline.name, pipeline.mappingVersion).domain);
  const marker = await writeMarker(target, 'canary');
  const partitions = partitionsOf(topics, pipeline.log.partitions);
  await waitUntilDrained(source, pipeline.name, partitions, marker, AbortSignal.timeout(CANARY_MS));
  return { isOpen: true, figure: `a canary came back in ${Math.round(performance.now() - startedAt)} ms` };
}

import type { ClientBase } from 'pg';
import type { ColumnRule } from '../../../core/mapping/column-rule.js';
import { inputsOf } from '../../../core/mapping/compile-rule.js';
import { mayGiveNull } from '../../../core/mapping/may-give-null.js';
import type { RuleKit } from '../../../core/mapping/rule-kit.js';
import { outputsOf } from '../../../core/mapping/table-rules.js';
import { formatPlace } from '../../../core/mapping.js';
import { displayName } from '../../../core/relation.js';
import { didYouMean } from '../../../core/suggest.js';
import { holdsCandidates } from '../../../platform/lineage-table.js';
import { quoteName } from '../../../platform/postgres.js';
import { ruleKitOf } from '../../../platform/rule-kit.js';
import { type Catalog, type CatalogColumn, findColumn } from './catalog.js';
import { defineCheck, type MappedPair, mappedPairs } from './context.js';
import type { Finding, Report } from './finding.js';
import { replicaKey } from './replica-key.js';
import { isStoredInline, ruleMisfit } from './rule-type.js';

/** Every rule fills a column of the target with values that its type has, as far as rule and types tell. */
export const ruleFit = defineCheck(
  { name: 'rule-fit', side: 'target', passed: 'every rule fits its column in the target' },
  async (context, report) => {
    const types = { source: (await context.sourceCatalog()).types, target: (await context.targetCatalog()).types };
    const kit = await ruleKitOf(context.pipeline);
    const findings: Finding[] = [];
    for (const pair of await mappedPairs(context)) {
      for (const [name, rule] of pair.mapping.rules?.columns ?? []) {
        findings.push(...(await ruleFindings({ pair, name, rule, types, kit, target: context.target }, report)));
      }
    }
    return findings;
  },
);

interface Scene {
  readonly pair: MappedPair;
  /** The target column. */
  readonly name: string;
  readonly rule: ColumnRule;
  readonly kit: RuleKit;
  readonly types: { readonly source: Catalog['types']; readonly target: Catalog['types'] };
  readonly target: ClientBase;
}

async function ruleFindings(scene: Scene, report: Report): Promise<Finding[]> {
  const { pair, name, rule, types, kit } = scene;
  const { mapping, source, target } = pair;
  const object = `${displayName(target)}.${name}`;
  const place = formatPlace(mapping.rules!.places.get(name) ?? mapping.place);
  const error = (what: string, remedy: string) => report.error(`${place}: ${object} ${what}`, { object, remedy });
  const to = findColumn(target, name);
  if (!to) {
    const filled = new Set(
      outputsOf(
        mapping,
        source.columns.map((column) => column.name),
      ).map((output) => output.name),
    );
    const names = target.columns.map((column) => column.name).filter((column) => !filled.has(column));
    return [
      error(
        `is filled by a rule and does not exist${didYouMean(name, names)}`,
        'Add it to the target, or correct the rule.',
      ),
    ];
  }
  if (to.generated !== '') return [error('is generated, and takes no values', 'Take the rule out of the mapping.')];
  if (rule.call !== undefined && !kit.functions.has(rule.call)) {
    const hint = didYouMean(rule.call, kit.functions.keys());
    return [error(`is filled by ${rule.call}, and there is no such function${hint}`, EXPORT_IT)];
  }
  const inputs = inputsOf(rule).flatMap((column) => findColumn(source, column) ?? []);
  // A column that is not there has a finding of its own.
  if (inputs.length < inputsOf(rule).length) return [];
  const key = replicaKey(source);
  const isKey = (name: string) => 'columns' in key && key.columns.includes(name);
  const large = inputs.find((column) => !isKey(column.name) && !isStoredInline(column, types.source));
  const findings: Finding[] = [];
  if (source.identity !== 'f' && new Set(inputs).size > 1 && large) {
    const what = `reads ${large.name} beside others, which a change does not carry while it is large and stays as it was`;
    findings.push(error(what, `ALTER TABLE ${quoteName(source)} REPLICA IDENTITY FULL`));
  }
  const misfit = ruleMisfit(rule, inputs, to, types);
  if (misfit) findings.push(error(`is ${to.typeText}: ${misfit.reason}`, misfit.remedy));
  if (rule.cast !== undefined && !(await isType(scene.target, rule.cast, to))) {
    findings.push(error(`is ${to.typeText}, and the rule says cast: ${rule.cast}`, `Write cast: ${to.typeText}`));
  }
  for (const value of literalsOf(rule)) {
    if (await isReadable(scene.target, value, to)) continue;
    findings.push(
      error(`is ${to.typeText}, which has no value ${JSON.stringify(value)}`, 'Correct the value in the rule.'),
    );
  }
  if (to.notNull && rule.constant === null) {
    findings.push(error('is NOT NULL, and the rule gives null', 'Give the rule another constant.'));
  } else if (to.notNull && mayGiveNull(rule, inputs) && !holdsCandidates(source)) {
    const message = `${place}: ${object} is NOT NULL, and the rule may give null: apply halts at the first null`;
    findings.push(
      report.warn(message, { object, remedy: 'Let `default` be the last of its steps, or let the column take nulls.' }),
    );
  }
  return findings;
}

const EXPORT_IT = 'Export it from the module that `functions` in pipeline.yaml names.';

/** Values that the rule itself gives to the column. */
function literalsOf({ constant, steps = [] }: ColumnRule): string[] {
  const given = steps.length === 0 && constant != null ? [constant] : [];
  // What comes before another step is not what arrives; a default lets all but null pass.
  const from = steps.findLastIndex((step) => step.default === undefined);
  const last = steps
    .slice(Math.max(from, 0))
    .flatMap((step) => [
      ...(step.default === undefined ? [] : [step.default]),
      ...(step.map ? Object.values(step.map) : []),
      ...(step.else == null ? [] : [step.else]),
    ]);
  return [...new Set([...given, ...last.filter((value) => value !== null)])];
}

async function isReadable(target: ClientBase, value: string, { typeText }: CatalogColumn): Promise<boolean> {
  try {
    await target.query(`SELECT $1::text::${typeText}`, [value]);
    return true;
  } catch (error) {
    if (/^2[23]/.test((error as { code?: string }).code ?? '')) return false;
    throw error;
  }
}

/** With or without its modifier. */
async function isType(target: ClientBase, written: string, { type, typeText }: CatalogColumn): Promise<boolean> {
  if (written === typeText) return true;
  const { rows } = await target.query<{ same: string | null }>('SELECT pg_catalog.to_regtype($1) = $2::oid AS same', [
    written,
    type,
  ]);
  return rows[0]!.same === 't';
}

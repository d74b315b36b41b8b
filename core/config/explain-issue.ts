import { z } from 'zod';
import { didYouMean } from '../suggest.js';

/** What is wrong at a place of a file. */
export interface Problem {
  readonly path: readonly PropertyKey[];
  /** The key that nobody knows, where that is what is wrong. */
  readonly key?: string;
  readonly message: string;
}

/** Says what an issue of a file's schema is about; where several forms may stand, of the one that was most likely meant. */
export function explainIssue(issue: z.core.$ZodIssue, schema: z.ZodType): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path);
    const hint = didYouMean(issue.keys[0]!, known);
    return [{ path: issue.path, key: issue.keys[0]!, message: `${issue.message}${hint}` }];
  }
  if (issue.code !== 'invalid_union') return [{ path: issue.path, message: issue.message }];
  const forms = issue.errors.filter((issues) => !issues.every(isOtherForm));
  const [meant] = forms;
  if (!meant)
    return [
      {
        path: issue.path,
        message: issue.errors.flatMap((issues) => issues.map(({ message }) => message)).join(', or '),
      },
    ];
  return meant.flatMap((inner) => explainIssue({ ...inner, path: [...issue.path, ...inner.path] }, schema));
}

/** The value is of another kind altogether. */
function isOtherForm(issue: z.core.$ZodIssue): boolean {
  return issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value');
}

type Node = z.core.JSONSchema.BaseSchema;

/** Keys that may stand at a path. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let nodes = formsOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
  for (const key of path) nodes = nodes.flatMap((node) => childOf(node, key)).flatMap(formsOf);
  return nodes.flatMap((node) => Object.keys(node.properties ?? {}));
}

function formsOf(node: Node): Node[] {
  return [node, ...(node.anyOf ?? []).flatMap((form) => formsOf(form as Node))];
}

function childOf(node: Node, key: PropertyKey): Node[] {
  const found = typeof key === 'number' ? node.items : (node.properties?.[String(key)] ?? node.additionalProperties);
  return typeof found === 'object' && !Array.isArray(found) ? [found as Node] : [];
}

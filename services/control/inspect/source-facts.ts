import type { Definition } from '../../../core/inspect/hardcoded.js';

/** What `ferry inspect` reads of the source's catalog beside what preflight and init read. */
export interface SourceFacts {
  readonly database: string;
  /** `server_version`. */
  readonly version: string;
  readonly foreignKeys: readonly ForeignKey[];
  readonly definitions: readonly Definition[];
  readonly functions: readonly FunctionFacts[];
  readonly views: readonly ViewFacts[];
  readonly sequences: readonly SequenceFacts[];
  readonly roles: readonly string[];
  readonly largeObjects: number;
  readonly eventTriggers: readonly string[];
  readonly publications: readonly string[];
  readonly inheritance: readonly { readonly parent: string; readonly child: string }[];
}

export interface ForeignKey {
  readonly name: string;
  /** `schema.table` of both sides. */
  readonly from: string;
  readonly to: string;
  readonly columns: readonly string[];
  /** What they refer to, in the same order. */
  readonly refersTo: readonly string[];
}

export interface FunctionFacts {
  /** With its arguments' types, as regprocedure writes it. */
  readonly object: string;
  /** Of `ALTER FUNCTION ... SET`: `search_path=public`. */
  readonly settings: readonly string[];
}

export interface ViewFacts {
  readonly name: string;
  /** Tables and views that it reads, `schema.table`. */
  readonly reads: readonly string[];
}

export interface SequenceFacts {
  readonly name: string;
  /** Tables whose defaults take from it. */
  readonly users: readonly string[];
}

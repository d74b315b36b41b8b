/**
 * The user is on the way from one project to the other for longer than a call waits. SQLSTATE 40001: what tries a transaction
 * again when the database refuses it, tries this again, too.
 */
export class UserMovingError extends Error {
  readonly code = '40001';

  constructor(pipeline: string, waitedMs: number) {
    super(`schemaferry/routing: the rollout of the pipeline ${pipeline} has been moving this user for ${waitedMs} ms`);
    this.name = 'UserMovingError';
  }
}

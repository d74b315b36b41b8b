/** The flag has not been read for longer than `maxStalenessMs`, and `whenStale` names no project. */
export class StaleFlagError extends Error {
  constructor(pipeline: string, ageMs: number) {
    const since = Number.isFinite(ageMs) ? `for ${Math.round(ageMs)} ms` : 'yet';
    super(`schemaferry/routing: the flag of the pipeline ${pipeline} could not be read ${since}`);
    this.name = 'StaleFlagError';
  }
}

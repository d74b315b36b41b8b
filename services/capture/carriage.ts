import { otherWay, parseTurn, type Turn } from '../../core/way-back.js';

/** Whether changes go on, at the place where the stream stands. */
export class Carriage {
  readonly #pipeline: string;
  #turn: Turn;
  /** The transaction is the work of the other direction's apply: its changes come from where they would go. */
  #isReturning = false;

  constructor(pipeline: string, turn: Turn) {
    this.#pipeline = pipeline;
    this.#turn = turn;
  }

  get turn(): Turn {
    return this.#turn;
  }

  get carries(): boolean {
    return this.#turn === 'open' && !this.#isReturning;
  }

  /** A transaction begins. */
  begin(): void {
    this.#isReturning = false;
  }

  /** The first thing that apply does in a transaction: nothing of it has come yet. @param pipeline whose apply. */
  comesFrom(pipeline: string): void {
    this.#isReturning ||= pipeline === otherWay(this.#pipeline);
  }

  /** @returns whether the turn is this pipeline's. */
  takeTurn(content: string): boolean {
    const { pipeline, turn } = parseTurn(content);
    if (pipeline !== this.#pipeline) return false;
    this.#turn = turn;
    return true;
  }
}

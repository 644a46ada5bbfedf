/** The numbers by which the dataplane knows statements. */
import type { Origin, Policy } from "../../ir/policy.js";
import { isRun } from "../../ir/rule-list.js";

/**
 * Everything that a packet can be decided by, rules and publishes, numbered from 1 in the policy's order. Most of a large
 * policy's origins are never asked for, so numbers go by their indices.
 */
export class Statements {
  readonly count: number;
  private readonly policy: Policy;
  /** By the origin's index; 0: it decides nothing. */
  private readonly numbers: Int32Array;
  private made: readonly Origin[] | undefined;

  constructor(policy: Policy) {
    const { parts, origins } = policy.ruleList;
    const numbers = new Int32Array(origins.length);
    for (const part of parts)
      if (isRun(part)) numbers.fill(1, part.base, part.base + part.end - part.first);
      else numbers[part.origin.index] = 1;
    for (const { origin } of policy.publishes) numbers[origin.index] = 1;
    let count = 0;
    for (let index = 0; index < numbers.length; index++) if (numbers[index] === 1) numbers[index] = ++count;
    this.count = count;
    this.policy = policy;
    this.numbers = numbers;
  }

  /** The number of the statement whose origin has this index. */
  numberOf(index: number): number {
    return this.numbers[index] as number;
  }

  /** The first has the number 1. */
  get list(): readonly Origin[] {
    const { origins } = this.policy.ruleList;
    return (this.made ??= [...this.numbers].flatMap((number, index) => (number === 0 ? [] : [origins.at(index)])));
  }
}

/**
 * The workload of N statements: one network with ten containers, and N distinct `allow ADDRESS -> cK:PORT`.
 *
 * Everything is a function of the numbers: the same on every machine and in every run.
 */

/** What one statement allows, TCP always. */
export interface Tuple {
  readonly source: string;
  /** The container's number. */
  readonly container: number;
  readonly port: number;
}

export const CONTAINERS = 10;

/** Numbers below a bound from a linear congruential generator (Numerical Recipes, ranqd1). */
export function draws(seed: number): (below: number) => number {
  let x = seed >>> 0;
  return (below) => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return Math.floor((x / 2 ** 32) * below);
  };
}

/** The address of a container of the workload. */
export function addressOf(container: number): string {
  return `10.199.0.${container + 2}`;
}

export function tuples(count: number): Tuple[] {
  const draw = draws(1);
  const seen = new Set<string>();
  const all: Tuple[] = [];
  while (all.length < count) {
    const source = `${11 + draw(80)}.${draw(256)}.${draw(256)}.${1 + draw(254)}`;
    const [container, port] = [draw(CONTAINERS), 1 + draw(65535)];
    const key = `${source} ${container} ${port}`;
    if (seen.has(key)) continue;
    seen.add(key);
    all.push({ source, container, port });
  }
  return all;
}

/** The `i`-th tuple that no workload has: what churn adds. `i` is below 2^24. */
export function another(i: number): Tuple {
  return {
    source: `1.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`,
    container: i % CONTAINERS,
    port: 1 + (i % 60_000),
  };
}

export function statement({ source, container, port }: Tuple): string {
  return `allow ${source} -> c${container}:${port}`;
}

/** The containers and nothing else: what is up before anything is measured. */
export function base(): string {
  const containers = Array.from({ length: CONTAINERS }, (_, k) => `container c${k} { network n ip ${addressOf(k)} }`);
  return `${["network n { subnet 10.199.0.0/24 }", ...containers].join("\n")}\n`;
}

/** The base and a statement a line. */
export function policy(all: readonly Tuple[]): string {
  return `${base()}${all.map((tuple) => `${statement(tuple)}\n`).join("")}`;
}

/** `1 statement`, `10,000 statements`. */
export function statements(count: number): string {
  return `${count.toLocaleString("en")} statement${count === 1 ? "" : "s"}`;
}

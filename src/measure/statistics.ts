/** What many timings of the same work come to. */

export type Unit = "ms" | "µs" | "MB" | "per second" | "";

export interface Figure {
  readonly name: string;
  readonly unit: Unit;
  /** How many measurements. */
  readonly count: number;
  readonly median: number;
  /** Undefined with fewer than 100 measurements, which don't have one. */
  readonly p99?: number;
  readonly min: number;
  readonly max: number;
}

const ENOUGH = 100;

/** The value with a share `q`, from 0 to 1, of the ascending `sorted` below it; linear between neighbours. */
export function quantile(sorted: readonly number[], q: number): number {
  if (sorted.length === 0) throw new Error("no measurements");
  const at = (sorted.length - 1) * q;
  const below = sorted[Math.floor(at)] as number;
  const above = sorted[Math.ceil(at)] as number;
  return below + (above - below) * (at - Math.floor(at));
}

export function median(values: readonly number[]): number {
  return quantile(ascending(values), 0.5);
}

export function summarise(name: string, unit: Unit, values: readonly number[]): Figure {
  const sorted = ascending(values);
  return {
    name,
    unit,
    count: sorted.length,
    median: quantile(sorted, 0.5),
    ...(sorted.length < ENOUGH ? {} : { p99: quantile(sorted, 0.99) }),
    min: sorted[0] as number,
    max: sorted[sorted.length - 1] as number,
  };
}

/** One number that isn't a measurement of many: a count of objects. */
export function single(name: string, value: number, unit: Unit = ""): Figure {
  return { name, unit, count: 1, median: value, min: value, max: value };
}

function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

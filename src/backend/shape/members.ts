/** The containers' addresses that are in an address set, worked out once for each set. */
import type { AddressSet, Family } from "../../net/address.js";
import { contains, EMPTY, intersect, type Ranges } from "../../net/ranges.js";
import { of, type Value, values } from "./lanes.js";

export class Members {
  private readonly family: Family;
  private readonly own: Ranges<Value>;
  private readonly ranges = new Map<AddressSet, Ranges<Value>>();
  private readonly singles = new Map<AddressSet, readonly Value[]>();

  constructor(family: Family, own: Ranges<Value>) {
    this.family = family;
    this.own = own;
  }

  rangesOf(addresses: AddressSet): Ranges<Value> {
    const set = of(addresses, this.family);
    if (set.length === 0) return EMPTY;
    if (set.length === 2 && set[0] === set[1]) return contains(this.own, set[0] as Value) ? set : EMPTY;
    let known = this.ranges.get(addresses);
    if (known === undefined) {
      known = intersect(set, this.own);
      this.ranges.set(addresses, known);
    }
    return known;
  }

  /** One by one. */
  of(addresses: AddressSet): readonly Value[] {
    const ranges = this.rangesOf(addresses);
    if (ranges.length === 0) return EMPTY;
    let known = this.singles.get(addresses);
    if (known === undefined) {
      known = values(ranges, this.family);
      this.singles.set(addresses, known);
    }
    return known;
  }
}

/** Indexes of a plan's maps, as the kernel has them: hashes by their whole key, tries by the longest prefix. */
import { formatAddress, type Address } from "../../net/address.js";
import type { Device, LaneName, Maps, Own, Published, Verdict } from "./maps.js";

const protocolKey = (protocol: number | undefined, port: number | undefined): string =>
  `${protocol ?? "*"}:${port ?? "*"}`;

export class Lookup {
  readonly statements: ReadonlyMap<object, number>;
  private readonly owners: ReadonlyMap<string, Own>;
  private readonly devices: ReadonlyMap<string, Device>;
  private readonly members: ReadonlySet<string>;
  private readonly exacts: ReadonlyMap<string, Verdict>;
  private readonly nears: ReadonlyMap<string, number>;
  private readonly fars: ReadonlyMap<string, number>;
  private readonly farLengths: readonly number[];
  private readonly profiles: ReadonlyMap<string, Verdict>;
  private readonly ways: ReadonlyMap<string, Published>;
  private readonly goals: ReadonlyMap<number, readonly Address[]>;

  constructor(maps: Maps) {
    this.statements = new Map(maps.statements.list.map((origin, i) => [origin, i + 1]));
    this.owners = new Map(maps.own.map((own) => [formatAddress(own.address), own]));
    this.devices = new Map(maps.devices.map((device) => [device.device, device]));
    this.members = new Set(maps.members.map(({ container, network }) => `${container} ${network}`));
    this.exacts = unrepeated(
      maps.exact.rows.map(({ source, destination, protocol, port, verdict }) => [
        `${formatAddress(source)} ${formatAddress(destination)} ${protocolKey(protocol, port)}`,
        verdict,
      ]),
    );
    this.nears = unrepeated(maps.near.map((near) => [`${near.lane} ${formatAddress(near.address)}`, near.class]));
    const rows = maps.far.map((far) => ({ ...far, length: far.length + (far.base.family === 4 ? 96 : 0) }));
    this.fars = unrepeated(rows.map((far) => [`${far.class} ${far.length} ${mapped(far.base)}`, far.profile]));
    this.farLengths = [...new Set(rows.map(({ length }) => length))].sort((a, b) => b - a);
    this.profiles = unrepeated(
      maps.ports.map(({ profile, protocol, port, length, verdict }) => [
        `${profile} ${protocol ?? "*"} ${length} ${port}`,
        verdict,
      ]),
    );
    this.ways = unrepeated(
      maps.published.map((way) => [`${hostKey(way.host, way.family)} ${way.protocol} ${way.port}`, way]),
    );
    const goals = new Map<number, Address[]>();
    for (const { goal, address } of maps.goals) goals.set(goal, [...(goals.get(goal) ?? []), address]);
    this.goals = goals;
  }

  own(address: Address): Own | undefined {
    return this.owners.get(formatAddress(address));
  }

  device(name: string): Device | undefined {
    return this.devices.get(name);
  }

  isMember(container: number, network: number): boolean {
    return this.members.has(`${container} ${network}`);
  }

  exact(source: Address, destination: Address, protocol: number | undefined, port: number | undefined): Verdict {
    return (
      this.exacts.get(`${formatAddress(source)} ${formatAddress(destination)} ${protocolKey(protocol, port)}`) ?? {}
    );
  }

  near(lane: LaneName, address: Address): number | undefined {
    return this.nears.get(`${lane} ${formatAddress(address)}`);
  }

  /** The profile of the longest prefix of a class that has the address. */
  far(number: number, address: Address): number | undefined {
    const value = mapped(address);
    for (const length of this.farLengths) {
      const bits = BigInt(128 - length);
      const found = this.fars.get(`${number} ${length} ${(value >> bits) << bits}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  ports(profile: number, protocol: number, port: number | undefined): Verdict {
    for (let length = port === undefined ? 0 : 16; length >= 0; length--) {
      const bits = 16 - length;
      const found = this.profiles.get(`${profile} ${protocol} ${length} ${((port ?? 0) >> bits) << bits}`);
      if (found !== undefined) return found;
    }
    return this.profiles.get(`${profile} * 0 0`) ?? {};
  }

  published(host: Address, protocol: number, port: number | undefined): Published | undefined {
    if (port === undefined) return undefined;
    return (
      this.ways.get(`${hostKey(host, host.family)} ${protocol} ${port}`) ??
      this.ways.get(`${hostKey(undefined, host.family)} ${protocol} ${port}`)
    );
  }

  goal(number: number): readonly Address[] {
    return this.goals.get(number) ?? [];
  }
}

/** IPv4 as ::ffff:a.b.c.d, as the kernel's maps have it: a prefix of IPv6 may cover it. */
const mapped = ({ family, value }: Address): bigint => (family === 4 ? 0xffff00000000n | BigInt(value) : BigInt(value));

const hostKey = (host: Address | undefined, family: 4 | 6): string =>
  host === undefined ? `any${family}` : formatAddress(host);

/** A key that stands twice would hide one of its values. */
function unrepeated<T>(entries: readonly (readonly [string, T])[]): ReadonlyMap<string, T> {
  const map = new Map(entries);
  if (map.size !== entries.length) throw new Error("a key stands twice in one map");
  return map;
}

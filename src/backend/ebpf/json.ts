/** A plan as a document: the map contents, each object with the policy line that it comes from. */
import type { Origin } from "../../ir/policy.js";
import { formatAddress } from "../../net/address.js";
import { location } from "../../text/source.js";
import type { Maps, Verdict } from "./maps.js";

type Row = Readonly<Record<string, unknown>>;

export interface MapsJson {
  readonly policy: string;
  /** By the names of the maps; `statements` says what the numbers in verdicts mean. */
  readonly maps: Readonly<Record<string, readonly Row[]>>;
}

export function toJson(maps: Maps): MapsJson {
  const numbers = new Map<Origin, number>(maps.statements.list.map((origin, i) => [origin, i + 1]));
  const verdict = (of: Verdict): Row => ({
    verdict: Object.fromEntries(Object.entries(of).map(([verb, origin]) => [verb, numbers.get(origin as Origin)])),
    from: fromOf(Object.values(of) as Origin[]),
  });
  const { masquerade, self, gateways } = maps.translation;
  return {
    policy: maps.policy,
    maps: {
      statements: maps.statements.list.map((origin, i) => ({ number: i + 1, text: origin.text, ...from([origin]) })),
      devices: maps.devices.map(({ device, mac, container, from: origins }) => ({
        ...{ device, mac, container },
        ...from(origins),
      })),
      own: maps.own.map(({ address, from: origins, ...flags }) => ({
        address: formatAddress(address),
        ...flags,
        ...from(origins),
      })),
      members: maps.members.map((member) => ({ ...member })),
      exact: maps.exact.rows.map((row) => ({
        source: formatAddress(row.source),
        destination: formatAddress(row.destination),
        protocol: row.protocol,
        port: row.port,
        ...verdict(row.verdict),
      })),
      near: maps.near.map(({ lane, address, class: number, from: origins }) => ({
        ...{ lane, address: formatAddress(address), class: number },
        ...from(origins),
      })),
      far: maps.far.map(({ class: number, base, length, profile, from: origins }) => ({
        ...{ class: number, prefix: `${formatAddress(base)}/${length}`, profile },
        ...from(origins),
      })),
      ports: maps.ports.map(({ profile, protocol, port, length, verdict: of }) => ({
        profile,
        protocol,
        ...(length === 0 ? {} : { ports: portsText(port, length) }),
        ...verdict(of),
      })),
      published: maps.published.map(({ host, family, protocol, port, to, goal, sources, from: origin }) => ({
        ...{ host: host === undefined ? null : formatAddress(host), family, protocol, port, to, goal, sources },
        ...from([origin]),
      })),
      goals: maps.goals.map(({ goal, address }) => ({ goal, address: formatAddress(address) })),
      masquerade: masquerade.map((address) => ({ address: formatAddress(address) })),
      self: self.map(([source, destination]) => ({
        source: formatAddress(source),
        destination: formatAddress(destination),
      })),
      gateways: gateways.map(({ first, last, gateway }) => ({
        first: formatAddress(first),
        last: formatAddress(last),
        gateway: formatAddress(gateway),
      })),
    },
  };
}

function portsText(port: number, length: number): string {
  const last = port + 2 ** (16 - length) - 1;
  return port === last ? String(port) : `${port}-${last}`;
}

const fromOf = (origins: readonly Origin[]): string[] =>
  [...new Set(origins)].map((origin) => `${location(origin.span)} ${origin.text}`);

const from = (origins: readonly Origin[]): Row => (origins.length === 0 ? {} : { from: fromOf(origins) });

/** The document with one object a line, so that a difference shows which. */
export function toText(maps: Maps): string {
  const { policy, maps: contents } = toJson(maps);
  const parts = Object.entries(contents).map(([name, rows]) =>
    rows.length === 0
      ? `${JSON.stringify(name)}: []`
      : `${JSON.stringify(name)}: [\n${rows.map((row) => JSON.stringify(row)).join(",\n")}\n]`,
  );
  return `{"policy": ${JSON.stringify(policy)}, "maps": {\n${parts.join(",\n")}\n}}\n`;
}

export interface MapEntry {
  readonly statement: string;
  readonly at: string;
  readonly objects: readonly string[];
}

/** Each row as text, with the statements that it comes from. */
export function rowsOf(maps: Maps): { object: string; from: readonly Origin[] }[] {
  const document = toJson(maps).maps;
  const verdicts = ({ verdict }: { readonly verdict: Verdict }): Origin[] => Object.values(verdict) as Origin[];
  const origins: Readonly<Record<string, readonly (readonly Origin[])[]>> = {
    devices: maps.devices.map((row) => row.from),
    own: maps.own.map((row) => row.from),
    near: maps.near.map((row) => row.from),
    far: maps.far.map((row) => row.from),
    exact: maps.exact.rows.map(verdicts),
    ports: maps.ports.map(verdicts),
    published: maps.published.map((row) => [row.from]),
  };
  return Object.entries(origins).flatMap(([name, list]) =>
    list.map((from, i) => {
      const { from: _, ...row } = document[name]?.[i] as Row;
      return { object: `${name} ${JSON.stringify(row)}`, from };
    }),
  );
}

/** One entry for each statement that something in the maps comes from, in the policy's order. */
export function sourceMap(maps: Maps): MapEntry[] {
  const objects = new Map<Origin, string[]>();
  for (const { object, from: origins } of rowsOf(maps))
    for (const origin of new Set(origins)) {
      const known = objects.get(origin);
      if (known === undefined) objects.set(origin, [object]);
      else known.push(object);
    }
  return [...objects]
    .sort(([a], [b]) => a.index - b.index)
    .map(([origin, list]) => ({ statement: origin.id, at: location(origin.span), objects: list }));
}

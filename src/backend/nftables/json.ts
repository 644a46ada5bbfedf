/** Prints a ruleset as the JSON document that `nft -j -f` takes (libnftables-json(5)). */
import type { Element, Expression, Key, Part, Ruleset, Set, Table, Target, Type } from "./ruleset.js";
import { asPrefix, FLAG_KEYS, comment, elementComment, scalar, sizeOf, tidy, typeOf } from "./values.js";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The whole batch: makes sure that the tables exist, deletes them, and adds them anew. */
export function toJson(ruleset: Ruleset): { nftables: Json[] } {
  const out: Json[] = [{ metainfo: { json_schema_version: 1 } }];
  for (const table of ruleset.tables) {
    const { family, name } = table;
    out.push(
      { add: { table: { family, name } } },
      { delete: { table: { family, name } } },
      { add: { table: { family, name } } },
    );
    printTable(out, table);
  }
  return { nftables: out };
}

function printTable(out: Json[], table: Table): void {
  const { family, name } = table;
  for (const chain of table.chains) {
    const { hook } = chain;
    const base = hook && { type: hook.type, hook: hook.hook, prio: hook.priority, policy: "accept" };
    out.push({ add: { chain: { family, table: name, name: chain.name, ...base } } });
  }
  for (const set of table.sets) {
    const size = sizeOf(set);
    const definition = {
      family,
      table: name,
      name: set.name,
      type: set.type.length === 1 ? (set.type[0] as string) : [...set.type],
      ...(set.data === undefined ? {} : { map: set.data }),
      ...(set.interval ? { flags: ["interval"] } : set.timeout ? { flags: ["timeout"] } : {}),
      ...(size === undefined ? {} : { size }),
      ...(set.elements.length === 0 ? {} : { elem: set.elements.map((element) => elementJson(set, element)) }),
    };
    out.push({ add: set.data === undefined ? { set: definition } : { map: definition } });
  }
  for (const chain of table.chains)
    for (const rule of chain.rules) {
      const words = rule.comment === undefined ? comment(rule.from) : tidy(rule.comment);
      out.push({
        add: {
          rule: {
            family,
            table: name,
            chain: chain.name,
            expr: rule.expressions.map(expression),
            ...(words === undefined ? {} : { comment: words }),
          },
        },
      });
    }
}

/** An element as it stands in a set's `elem`: a pair for a map. */
export function elementJson(set: Set, element: Element): Json {
  const parts = element.key.map((value, i) => part(set.type[i], value));
  let key: Json = parts.length === 1 ? (parts[0] as Json) : { concat: parts };
  const words = elementComment(element);
  if (words !== undefined) key = { elem: { val: key, comment: words } };
  if (element.data === undefined) return key;
  const { data } = element;
  return [key, typeof data === "object" ? target(data) : part(set.data as Type, data)];
}

function part(type: Type | undefined, value: Part): Json {
  if (typeof value !== "object") return scalar(type, value);
  const length = asPrefix(type, value.from, value.to);
  if (length !== undefined) return { prefix: { addr: scalar(type, value.from), len: length } };
  return { range: [scalar(type, value.from), scalar(type, value.to)] };
}

function target(to: Target): Json {
  return "chain" in to ? { [to.verdict]: { target: to.chain } } : { [to.verdict]: null };
}

function key(name: Key): Json {
  if (name === "iifname" || name === "oifname") return { meta: { key: name } };
  const [first, ...rest] = name.split(" ") as [string, ...string[]];
  if (first === "meta") return { meta: { key: rest.join(" ") } };
  if (first === "fib") return { fib: { result: "type", flags: [rest[0] as string] } };
  if (first === "ct") {
    const directed = rest[0] === "original" || rest[0] === "reply";
    return directed
      ? { ct: { key: rest.slice(1).join(" "), dir: rest[0] as string } }
      : { ct: { key: rest.join(" ") } };
  }
  return { payload: { protocol: first, field: rest.join(" ") } };
}

function concat(keys: readonly Key[]): Json {
  return keys.length === 1 ? key(keys[0] as Key) : { concat: keys.map(key) };
}

const family = (number: 4 | 6): string => (number === 4 ? "ip" : "ip6");
const operator = (name: Key, not: boolean | undefined): string =>
  FLAG_KEYS.has(name) ? (not ? "!" : "in") : not ? "!=" : "==";

function expression(e: Expression): Json {
  switch (e.kind) {
    case "match":
      return { match: { op: operator(e.key, e.not), left: key(e.key), right: part(typeOf(e.key), e.value) } };
    case "among":
      return {
        match: { op: "==", left: key(e.key), right: { set: e.values.map((value) => part(typeOf(e.key), value)) } },
      };
    case "flags":
      return {
        match: {
          op: e.not ? "!=" : "==",
          left: { "&": [key("tcp flags"), [...e.mask]] },
          right: e.value.length === 1 ? (e.value[0] as string) : [...e.value],
        },
      };
    case "lookup":
      return { match: { op: e.not ? "!=" : "==", left: concat(e.keys), right: `@${e.set}` } };
    case "vmap":
      return { vmap: { key: concat(e.keys), data: `@${e.map}` } };
    case "count": {
      const parts = [...(e.number === undefined ? [] : [e.number]), ...e.keys.map(key)];
      return { set: { op: "update", elem: { concat: parts }, set: `@${e.set}`, stmt: [{ counter: null }] } };
    }
    case "limit":
      return { limit: { rate: e.count, per: e.per } };
    case "log":
      return { log: { prefix: e.prefix } };
    case "reject":
      return { reject: e.with === "tcp reset" ? { type: "tcp reset" } : { type: "icmpx", expr: "port-unreachable" } };
    case "dnat": {
      const map = (name: string): Json => ({ map: { key: concat(e.keys), data: `@${name}` } });
      return {
        dnat: {
          family: family(e.family),
          addr: map(e.address),
          ...(e.port === undefined ? {} : { port: map(e.port) }),
        },
      };
    }
    case "spread": {
      const type = e.family === 4 ? "ipv4_addr" : "ipv6_addr";
      const numgen = { numgen: { mode: "inc", mod: e.targets.length, offset: 0 } };
      const data = { set: e.targets.map((address, i): Json => [i, part(type, address)]) };
      return {
        dnat: {
          family: family(e.family),
          addr: { map: { key: numgen, data } },
          ...(e.port === undefined ? {} : { port: e.port }),
        },
      };
    }
    case "snat":
      return { snat: { family: family(e.family), addr: { map: { key: concat(e.keys), data: `@${e.address}` } } } };
    case "masquerade":
      return { masquerade: null };
    case "verdict":
      return target(e.target);
  }
}

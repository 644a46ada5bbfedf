/** A policy, and updates of it that look random and are the same each time. */
import type { Update } from "../../src/transaction/edits.js";

export const BASE = `network n { subnet 10.9.0.0/24; subnet fd09::/64; icc off }
network m { subnet 10.8.0.0/24 }
container a { network n }
container b { network n; network m }
container c { network n }
let all = {a, b, c}
allow 192.0.2.1 -> a:80
allow 192.0.2.1 -> a:80
allow a -> b:1
deny a -> c
allow b -> a:53/udp
allow 10.0.0.0/8 -> c:1000-2000
reject c -> 192.0.2.7:25
allow 192.0.2.2 -> b
allow a -> 192.0.2.3
allow a -> 192.0.2.3:9
deny 192.0.2.200 -> a:9
deny a -> 192.0.2.200:9
deny a -> b:9
deny a -> 192.0.2.201
reject 192.0.2.200 -> a:9
reject a -> b:9
publish 8080 -> a:80
`;

/** Numbers that look random and are the same each time (Numerical Recipes' generator). */
function draws(seed: number): (below: number) => number {
  let x = seed >>> 0;
  return (below) => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return Math.floor((x / 2 ** 32) * below);
  };
}

/** Statements that are added: mostly plain, some that aren't only elements, some twice. */
function statement(draw: (below: number) => number): string {
  const verb = ["allow", "allow", "allow", "deny", "reject"][draw(5)] as string;
  const name = (): string => ["a", "b", "c"][draw(3)] as string;
  const address = `192.0.2.${draw(12)}`;
  const port = `${1 + draw(5)}${["", "", "/udp", "/sctp"][draw(4)] as string}`;
  const kinds = [
    `${verb} ${address} -> ${name()}:${port}`,
    `${verb} ${name()} -> ${address}:${port}`,
    `${verb} ${name()} -> ${name()}:${port}`,
    `${verb} ${address} -> ${name()}`,
    `${verb} all -> 192.0.2.${draw(3)}:${port}`,
  ];
  const odd = [
    `${verb} ${address} -> {a, b}:{7, 8/udp}`,
    `${verb} 192.0.2.0/24 -> ${name()}:${port}`,
    `${verb} ${name()} -> a:icmp`,
  ];
  return (draw(12) === 0 ? odd[draw(odd.length)] : kinds[draw(kinds.length)]) as string;
}

/** Without a container at either end, or of a container with itself: the whole way refuses or warns of those. */
const makesSense = (text: string): boolean => {
  const [, from, to] = /^\w+ (\S+) -> (\{[^}]*\}|[^:\s]+)/.exec(text) ?? [];
  return from !== to;
};

/** Updates, and the statements that are there after them. */
export function randomUpdates(seed: number, count: number): { readonly updates: Update[]; readonly there: string[] } {
  const draw = draws(seed);
  const updates: Update[] = [];
  const there: string[] = BASE.split("\n").filter((line) => /^(allow|deny|reject)/.test(line));
  while (updates.length < count) {
    const add = draw(5) === 0 ? undefined : statement(draw);
    if (add !== undefined && !makesSense(add)) continue;
    const [remove] =
      there.length > 4 && (add === undefined || draw(2) === 0) ? there.splice(draw(there.length), 1) : [];
    if (add === undefined && remove === undefined) continue;
    if (add !== undefined) there.push(add);
    updates.push({ ...(add === undefined ? {} : { add }), ...(remove === undefined ? {} : { remove }) });
  }
  return { updates, there };
}

/** Published ports of every kind, of which plain ones come and go: `c` has none at first. */
export const PUBLISHING = `network n { subnet 10.9.0.0/24; subnet fd09::/64; icc off }
network m { subnet 10.8.0.0/24 }
container a { network n; publish 8070 -> 70 }
container b { network n; network m }
container c { network m }
let both = {a, b}
allow 192.0.2.1 -> a:80
publish 8000 -> a:80
publish 8090 -> a:8090
publish 8001 -> b:81
publish 9000-9010 -> b:9000-9010
publish 127.0.0.1:7000 -> a:70
publish 7100 -> both:71
publish 7200 -> b:72 from 192.0.2.0/24
publish 7300 -> a:73/udp
`;

/** Updates of `PUBLISHING`, some of which only the long way can do, and the plain lines that are there after them. */
export function randomPublishes(seed: number, count: number): { readonly updates: Update[]; readonly there: string[] } {
  const draw = draws(seed);
  const updates: Update[] = [];
  const there = ["publish 8000 -> a:80", "publish 8090 -> a:8090", "publish 8001 -> b:81"];
  const free = (): string | undefined => {
    const port = 8000 + draw(24);
    const isTaken = there.some((line) => line.startsWith(`publish ${port} `)) || port === 8070;
    return isTaken
      ? undefined
      : `publish ${port} -> ${["a", "b", "a", "b", "c"][draw(5)]}:${draw(2) === 0 ? port : 80}`;
  };
  while (updates.length < count) {
    const add = [draw(4) === 0 ? undefined : free()];
    if (add[0] !== undefined) there.push(add[0]);
    if (draw(6) === 0 && add[0] !== undefined) {
      add.push(free());
      if (add[1] !== undefined) there.push(add[1]);
    }
    const old = there.length - add.filter((line) => line !== undefined).length;
    const [remove] = old > 2 && draw(2) === 0 ? there.splice(draw(old), 1) : [];
    const text = add.flatMap((line) => (line === undefined ? [] : [`${line}\n`])).join("");
    if (text === "" && remove === undefined) continue;
    updates.push({ ...(text === "" ? {} : { add: text }), ...(remove === undefined ? {} : { remove }) });
  }
  return { updates, there };
}

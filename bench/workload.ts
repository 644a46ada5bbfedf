/** The workload of N statements, and the same tuples as a person would write them for nft. */

export interface Workload {
  /** Ten containers and nothing else: what is up before. */
  readonly base: string;
  /** The base and N statements `allow ADDRESS -> cK:PORT`, one a line, all distinct. */
  readonly policy: string;
  /** One verdict map with a size and its base chain, by hand. */
  readonly nft: string;
}

/** A small linear congruential generator (Numerical Recipes): the same workload on every machine. */
function* numbers(seed: number): Generator<number> {
  for (let x = seed >>> 0; ;) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    yield x;
  }
}

export function workload(count: number): Workload {
  const next = numbers(1);
  const draw = (below: number): number => Math.floor(((next.next().value as number) / 2 ** 32) * below);
  const base = Array.from({ length: 10 }, (_, k) => `container c${k} { network n ip 10.199.0.${k + 2} }`);
  base.unshift("network n { subnet 10.199.0.0/24 }");
  const seen = new Set<string>();
  const allows: string[] = [];
  const elements: string[] = [];
  while (allows.length < count) {
    const address = `${11 + draw(80)}.${draw(256)}.${draw(256)}.${1 + draw(254)}`;
    const [k, port] = [draw(10), 1 + draw(65535)];
    const key = `${address} ${k} ${port}`;
    if (seen.has(key)) continue;
    seen.add(key);
    allows.push(`allow ${address} -> c${k}:${port}`);
    elements.push(`${address} . 10.199.0.${k + 2} . tcp . ${port} : accept`);
  }
  const size = 2 ** Math.ceil(Math.log2(count + 1));
  return {
    base: `${base.join("\n")}\n`,
    policy: `${[...base, ...allows].join("\n")}\n`,
    nft: `table inet hand {
  map m {
    type ipv4_addr . ipv4_addr . inet_proto . inet_service : verdict
    size ${size}
    elements = { ${elements.join(",\n")} }
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    ct state established,related accept
    ip saddr . ip daddr . meta l4proto . th dport vmap @m
  }
}
`,
  };
}

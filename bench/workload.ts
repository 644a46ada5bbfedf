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

/** A policy of N lines as people write them: denies, prefixes, ranges, groups, lets, publishes and logs among allows. */
export function mixed(count: number): string {
  const next = numbers(7);
  const draw = (below: number): number => Math.floor(((next.next().value as number) / 2 ** 32) * below);
  const lines = ["network n { subnet 10.199.0.0/24 }", "network m { subnet 10.200.0.0/24; subnet fd42::/64 }"];
  for (let k = 0; k < 10; k++) lines.push(`container c${k} { network n }`, `container d${k} { network m; expose 80 }`);
  lines.push("let web = {80, 443}", "let office = {203.0.113.0/24, 198.51.100.7}");
  const one = (): string => `${draw(2) === 0 ? "c" : "d"}${draw(10)}`;
  const prefix = (): string => `${11 + draw(80)}.${draw(256)}.${draw(256)}`;
  const address = (): string => `${prefix()}.${1 + draw(254)}`;
  const port = (): number => 1 + draw(65535);
  const kinds = [
    (): string => `allow ${address()} -> ${one()}:${port()}`,
    (): string => `deny ${address()} -> ${one()}`,
    (): string => `deny ${one()} -> ${prefix()}.0/24`,
    (): string => `allow ${one()} -> ${one()}:${port()}/udp log "x"`,
    (): string => `allow {${address()}, ${address()}} -> {${one()}, ${one()}}:{22, web}`,
    (): string => `allow office -> ${one()}:${port()}`,
    (): string => {
      const base = prefix();
      return `reject ${base}.1-${base}.${2 + draw(200)} -> ${one()}:${port()}`;
    },
  ];
  for (let i = 0; i < count; i++)
    lines.push(
      i % 100 === 99 ? `publish ${1 + i} -> ${one()}:${port()}` : (kinds[draw(kinds.length)] as () => string)(),
    );
  return `${lines.join("\n")}\n`;
}

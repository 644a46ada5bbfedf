/** From a kernel object, as compile or nft print it, to the statements that it comes from. */
import type { Element, Ruleset, Set as NftSet } from "../backend/nftables/ruleset.js";
import { elementText, ruleText } from "../backend/nftables/text.js";
import type { Origin } from "../ir/policy.js";

export interface Explained {
  /** The object in full: table, set or chain, and itself. */
  readonly object: string;
  readonly kind: "element" | "rule" | "set" | "chain";
  /** Statements that it comes from. Of a set or chain, those of what is in it. */
  readonly statements: readonly Origin[];
  /** What it is there for, where no statement asks for it. */
  readonly purpose: string | undefined;
}

/**
 * The objects of a ruleset that a text names: a set, a chain, an element, a rule; with or without what it stands in, its
 * comment, handle or counter. Where none is named whole, those that contain the text.
 */
export function objectsNamed(ruleset: Ruleset, text: string): Explained[] {
  const wanted = normal(text);
  if (wanted === "") return [];
  const all = everyObject(ruleset);
  const whole = all.filter(({ names }) => names.includes(wanted));
  const found =
    whole.length > 0
      ? whole
      : all.filter(({ names, explained }) => explained.kind !== "set" && names.some((name) => name.includes(wanted)));
  return found.map(({ explained }) => explained);
}

interface Candidate {
  readonly explained: Explained;
  readonly names: readonly string[];
}

function everyObject({ tables }: Ruleset): Candidate[] {
  const out: Candidate[] = [];
  const add = (explained: Explained, forms: readonly string[]): void =>
    void out.push({ explained, names: [...new Set([explained.object, ...forms].map(normal))] });
  for (const { family, name, sets, chains } of tables) {
    const where = `${family} ${name}`;
    for (const set of sets) {
      const statements = distinct(set.elements.flatMap(({ from }) => from));
      const word = set.data === undefined ? "set" : "map";
      add({ object: `${where} ${set.name}`, kind: "set", statements, purpose: set.comment }, [
        set.name,
        `@${set.name}`,
        `${word} ${set.name}`,
        `${word} ${where} ${set.name}`,
      ]);
      for (const element of set.elements) {
        const own = elementText(set, element);
        const explained: Explained = {
          object: `${where} ${set.name} { ${own} }`,
          kind: "element",
          statements: element.from,
          purpose: element.from.length > 0 ? undefined : set.comment,
        };
        add(explained, [
          own,
          keyText(set, element),
          `${set.name} { ${own} }`,
          `${set.name} { ${keyText(set, element)} }`,
        ]);
      }
    }
    for (const chain of chains) {
      const statements = distinct(chain.rules.flatMap(({ from }) => from));
      add({ object: `${where} ${chain.name}`, kind: "chain", statements, purpose: "a chain of the skeleton" }, [
        chain.name,
        `chain ${chain.name}`,
        `chain ${where} ${chain.name}`,
      ]);
      for (const rule of chain.rules) {
        const own = ruleText(rule);
        const purpose =
          rule.from.length > 0 ? undefined : (rule.comment ?? "a rule of the skeleton, which every policy has");
        add({ object: `${where} ${chain.name} ${own}`, kind: "rule", statements: rule.from, purpose }, [
          own,
          `${chain.name} ${own}`,
          `chain ${chain.name} ${own}`,
        ]);
      }
    }
  }
  return out;
}

/** An element without what it leads to. */
function keyText(set: NftSet, { key }: Element): string {
  return elementText(set, { key, from: [] });
}

function distinct(origins: readonly Origin[]): Origin[] {
  return [...new Set(origins)].sort((a, b) => a.index - b.index);
}

/** nft lists a protocol and the port behind it as one, and the flags of TCP by their mask. */
function folded(text: string): string {
  const [, before, protocol, after] = /^(.*?)meta l4proto (tcp|udp|sctp) (.*\bth .*)$/.exec(text) ?? [];
  const ports = after === undefined ? text : `${before}${after.replace(/\bth /g, `${protocol} `)}`;
  return ports.replace(
    /tcp flags & \(([\w|]+)\) (==|!=) (\w+)/,
    (_, mask: string, operator: string, value: string) =>
      `tcp flags ${operator === "==" ? "" : "!= "}${value} / ${mask.replaceAll("|", ",")}`,
  );
}

/** Without what nft adds in a listing or a policy's line behind it, and without comments: what tells objects apart. */
function normal(text: string): string {
  return folded(text)
    .replace(/ # (handle \d+|\S+:\d+:\d+( \S+:\d+:\d+)*)\s*$/, "")
    .replace(/\bcounter packets \d+ bytes \d+\s*/g, "")
    .replace(/ ?comment "[^"]*"/g, "")
    .replace(/^(add|delete|insert|create) (element|rule|set|map|chain) /, "")
    .replace(/,\s*$/, "")
    .replace(/\s+/g, " ")
    .trim();
}

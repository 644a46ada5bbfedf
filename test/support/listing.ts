/** The ruleset of a lab's host, to compare with another's. */
import type { Host } from "../kernel/lab.js";

/** The rules as nft lists them, without what depends on their history. */
export async function listing(host: Host): Promise<string[]> {
  const { stdout } = await host.run("nft", ["-j", "list", "ruleset"]);
  const { nftables } = JSON.parse(stdout) as { nftables: Record<string, Record<string, unknown>>[] };
  return nftables
    .filter((one) => !("metainfo" in one))
    .map((one) => {
      const [[kind, object]] = Object.entries(one) as [[string, Record<string, unknown>]];
      const { handle: _, size: __, elem, ...rest } = object;
      return `${kind} ${JSON.stringify({ ...rest, elem: ((elem ?? []) as unknown[]).map((e) => JSON.stringify(e)).sort() })}`;
    })
    .sort();
}

/** `compile --apply --dry-run --json`: programs can tell what was done from what would be. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, lab } from "../kernel/lab.js";
import { forgetCommand } from "../support/command.js";
import { done, live, shop, write } from "../support/history.js";

const test = suite("a dry run");
const it = await when(test, "namespaces", "ip", "nft", "nf_tables", "util-linux");
test.after(forgetCommand);

interface Said {
  readonly changed: boolean;
  readonly dryRun?: boolean;
}

async function apply(host: Host, path: string, ...more: string[]): Promise<[boolean, boolean | undefined]> {
  const { changed, dryRun } = JSON.parse(await done(host, "compile", path, "--apply", "--json", ...more)) as Said;
  return [changed, dryRun];
}

it("says in its JSON that it is one, whether or not something would change", async () => {
  await lab(async (host) => {
    const path = await write(host, "policy.tsnet", shop(22));
    assert.equal(await apply(host, path, "--dry-run"), [true, true]);
    assert.equal(await live(host), []);
    assert.equal(await apply(host, path), [true, undefined]);
    assert.equal(await apply(host, path, "--dry-run"), [false, true]);
  });
});

test.run();

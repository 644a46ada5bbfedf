/** What a killed command left: which commands say so, and which bring it to its end without being told its name. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, lab } from "../kernel/lab.js";
import { bundle, forgetCommand } from "../support/command.js";
import { done, fails, shop, write } from "../support/history.js";

const test = suite("transaction: cut off");
const it = await when(test, "namespaces", "ip", "nft", "nf_tables", "util-linux");
const swept = await bundle("test/support/swept.ts", "swept.cjs");
test.after(forgetCommand);

/** Runs the command and kills it as it begins this step. */
async function killed(host: Host, step: string, ...args: string[]): Promise<void> {
  const options = { env: { SWEEP: `kill-at:step ${step}` }, accept: "any" } as const;
  const error: unknown = await host.run(process.execPath, [swept, ...args], options).then(
    ({ stderr }) => new Error(`it came to its end: ${stderr}`),
    (failure: unknown) => failure,
  );
  assert.match(String(error), "was killed");
}

async function nothingIsLeft(host: Host): Promise<void> {
  assert.is(await host.read("/run/tsnet/journal"), undefined);
  assert.match(await done(host, "ls"), /^nothing is live here\n$/);
  assert.is((await host.run("ip", ["-o", "link", "show", "type", "veth"])).stdout.match(/tsv-/g), null);
  assert.is((await host.run("nft", ["list", "tables"])).stdout.match(/tsnet-shop/), null);
}

it("a first apply that was killed is told by ls, and taken away by audit --fix and by remove", () =>
  lab(async (host) => {
    const path = await write(host, "shop.tsnet", shop(80));
    for (const step of ["rules", "raise", "record"])
      for (const command of [["audit", "--fix"], ["remove"]] as const) {
        await killed(host, step, "compile", path, "--apply");
        const said = await done(host, "ls");
        assert.match(said, `the apply of 'shop' at `);
        assert.match(said, `was cut off at step '`);
        assert.match(said, "tsnet remove --policy shop");
        const { cutOff } = JSON.parse(await done(host, "ls", "--json")) as {
          cutOff: { policy: string; doing: string };
        };
        assert.equal([cutOff.policy, cutOff.doing], ["shop", "apply"]);
        const mended = await done(host, ...command);
        assert.not.match(mended, "nothing was mended");
        await nothingIsLeft(host);
      }
    assert.match(await fails(host, 2, "remove"), "no policy is live here");
  }));

it("audit --fix goes back to what is on record, and completes a removal", () =>
  lab(async (host) => {
    await done(host, "compile", await write(host, "shop.tsnet", shop(80)), "--apply");
    const before = JSON.parse(await done(host, "ls", "--json")) as { policies: { hash: string }[] };
    await killed(host, "raise", "compile", await write(host, "other.tsnet", shop(81)), "--apply");
    assert.match(await done(host, "audit", "--fix"), /mended +the apply of 'shop'/);
    const after = JSON.parse(await done(host, "ls", "--json")) as typeof before & { cutOff: unknown };
    assert.equal([after.policies[0]?.hash, after.cutOff], [before.policies[0]?.hash, null]);
    await killed(host, "rules", "remove");
    assert.match(await done(host, "audit", "--fix"), /mended +the remove of 'shop'/);
    await nothingIsLeft(host);
  }));

test.run();

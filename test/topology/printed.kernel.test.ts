/** What `compile --topology` prints is a script: run by a shell it makes what an apply finds as it should be. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { lab } from "../kernel/lab.js";
import { forgetCommand } from "../support/command.js";
import { done, shop, write } from "../support/history.js";

const test = suite("the printed topology");
const it = await when(test, "namespaces", "ip", "nft", "nf_tables", "util-linux");
test.after(forgetCommand);

const TEXT = shop(
  22,
  'network six { subnet fd90::/64; icc off }\ncontainer "0 \'x $(y)" { network six }\npublish 80 -> server',
);

it("leaves nothing to an apply but the rules and the hosts files, and the host as it was", () =>
  lab(async (host) => {
    const own = async (): Promise<string> =>
      (await host.run("sh", ["-c", "ip -4 route show default; ip -o address show up0"])).stdout;
    const before = await own();
    const path = await write(host, "policy.tsnet", TEXT);
    await host.run("sh", ["-e"], { input: await done(host, "compile", path, "--topology") });
    assert.is(await own(), before);
    const { changes } = JSON.parse(await done(host, "compile", path, "--apply", "--json")) as { changes: string[] };
    assert.ok(changes.length > 1);
    assert.equal(
      changes.filter((change) => !/^(write \S+\/hosts|load the ruleset|.*forward)/.test(change)),
      [],
    );
  }));

test.run();

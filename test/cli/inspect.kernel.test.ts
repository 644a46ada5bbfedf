/** `inspect`: containers and networks in Docker's shape. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, lab } from "../kernel/lab.js";
import { forgetCommand } from "../support/command.js";
import { applied, done, fails, shop } from "../support/history.js";

const test = suite("inspect");
const it = await when(test, "namespaces", "ip", "nft", "nf_tables", "util-linux");
test.after(forgetCommand);

type Entry = Readonly<Record<string, string | number>>;

async function networksOf(host: Host, name: string): Promise<Readonly<Record<string, Entry>>> {
  const [only] = JSON.parse(await done(host, "inspect", name)) as [
    { NetworkSettings: { Networks: Readonly<Record<string, Entry>> } },
  ];
  return only.NetworkSettings.Networks;
}

it("has a network for the modes host and none, without addresses, in the shape of every other", async () => {
  await lab(async (host) => {
    const modes = [
      "container machine { mode host }",
      "container alone { mode none }",
      "container guest { mode container:user }",
    ];
    await applied(host, shop(22, modes.join("\n")));
    const { n } = await networksOf(host, "user");
    assert.is(n?.["IPAddress"], "172.18.0.11");
    assert.equal(await networksOf(host, "guest"), { n });
    for (const [name, network] of [
      ["machine", "host"],
      ["alone", "none"],
    ] as const) {
      const found = await networksOf(host, name);
      assert.equal(Object.keys(found), [network]);
      const entry = found[network] as Entry;
      assert.equal(Object.keys(entry), Object.keys(n ?? {}));
      assert.is([entry["IPAddress"], entry["Gateway"], entry["MacAddress"]].join(""), "");
    }
  });
});

it("says what could be meant: by policy and name where several policies have it, of a policy that is named its own", async () => {
  await lab(async (host) => {
    for (const [i, more] of ["container only { network n }", ""].entries())
      await applied(host, `policy p${i}\nnetwork n { subnet 172.2${i}.0.0/24 }\ncontainer c1 { network n }\n${more}`);
    assert.match(await fails(host, 2, "inspect", "nosuch"), /live are: p0\/c1, only, p1\/c1$/m);
    assert.match(await fails(host, 2, "inspect", "p0/nosuch"), /live are: p0\/c1, p0\/only$/m);
  });
});

test.run();

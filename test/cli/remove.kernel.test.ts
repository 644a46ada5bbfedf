/** Which policy `tsnet remove` takes away, and when none. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { lab } from "../kernel/lab.js";
import { forgetCommand, tsnet } from "../support/command.js";
import { applied, done, fails, live, write } from "../support/history.js";

const test = suite("remove");
const it = await when(test, "namespaces", "ip", "nft", "nf_tables", "util-linux");
test.after(forgetCommand);

const TEXT = "network n { subnet 172.18.0.0/16 }\ncontainer a { network n }\n";

it("a file with errors, or whose include can't be read, takes nothing away", () =>
  lab(async (host) => {
    // Without a line that names it, a policy is `tsnet`.
    await applied(host, TEXT);
    const before = await live(host);
    for (const [text, said] of [
      ["polcy shop\ncontainer a { }\n", /error\[/],
      ['include "none.tsnet"\n', /none\.tsnet/],
      [`${TEXT}allow a -> nobody:1\n`, /unknown-name/],
    ] as const) {
      const path = await write(host, "wrong.tsnet", text);
      assert.match(await fails(host, 1, "remove", path), said, text);
      const { exitCode } = await tsnet(host, ["remove", path, "--json"]);
      assert.is(exitCode, 1, text);
      assert.equal(await live(host), before, text);
    }
    await done(host, "remove", await write(host, "right.tsnet", TEXT));
    assert.equal(await live(host), []);
  }));

test.run();

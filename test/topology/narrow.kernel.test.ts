/** Networks whose MTU is below what IPv6 needs: the kernel has none of its sysctls on their devices. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { lab } from "../kernel/lab.js";
import { forgetCommand, tsnet } from "../support/command.js";
import { at } from "../support/live.js";

const test = suite("topology: narrow");
const it = await when(test, "namespaces", "ip", "nft", "nf_tables", "util-linux");
test.after(forgetCommand);

const network = (mtu: number, v6 = ""): string => `policy small
network n { subnet 10.85.1.0/24; ${v6} mtu ${mtu} }
container a { network n ip 10.85.1.2 }
container b { network n ip 10.85.1.3 }
`;
const V6 = "subnet fd85:1::/64;";

for (const transport of ["netlink", "nft"])
  it(`by ${transport}: applied, as it should be, and changed to and fro`, () =>
    lab(async (host) => {
      const run = async (args: readonly string[], input = ""): Promise<string> => {
        const options = { input, env: { TSNET_TRANSPORT: transport } };
        const { stdout, stderr, exitCode } = await tsnet(host, args, options);
        assert.is(exitCode, 0, `${args.join(" ")}: ${stdout}${stderr}`);
        return stdout;
      };
      for (const text of [
        network(1000),
        network(1500),
        network(1279),
        network(1280, V6),
        network(68),
        network(1400, V6),
      ]) {
        await run(["compile", "--apply", "-"], text);
        assert.match(await run(["compile", "--apply", "-"], text), "nothing to change", text);
        assert.match(await run(["audit"]), "small: as the policy says", text);
        assert.is(await host.ping(at("a", "small"), "10.85.1.3"), "reply", text);
      }
      // What somebody does to a device of an IPv6 network takes its IPv6 away.
      await host.runIn(at("a", "small"), "ip", ["link", "set", "dev", "eth0", "mtu", "1000"]);
      await run(["audit", "--fix"]);
      assert.match(await run(["audit"]), "small: as the policy says");
    }));

test.run();

/** An open handle hears of what others do to the ruleset: it reads again where that concerns it, and only there. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, lab } from "../kernel/lab.js";
import { Handle, isQuick } from "../support/handle.js";

const test = suite("what a handle hears");
const it = await when(test, "namespaces", "nf_tables", "netlink");

const BASE = `network n { subnet 10.93.0.0/24 }
container a { network n ip 10.93.0.2 }
allow 192.0.2.1 -> a:80
allow 192.0.2.2 -> a:80
`;
const edited = (port: number): string => `${BASE}allow 192.0.2.3 -> a:${port}\n`;

const foreign = (host: Host): Promise<unknown> =>
  host.nft(
    "add table inet foreign\nadd set inet foreign s { type ipv4_addr; }\nadd element inet foreign s { 192.0.2.9 }\n",
  );
const isListening = async (host: Host): Promise<boolean> => {
  const { stdout } = await host.run("cat", ["/proc/net/netlink"]);
  // Protocol 12, and the bit of group 7.
  return stdout.split("\n").some((line) => / 12 +\d+ +00000040 /.test(line));
};
const portsOf = async (host: Host): Promise<string> =>
  (await host.run("nft", ["list", "table", "inet", "tsnet-tsnet"])).stdout;

it("a foreign table costs no reading, however many commits it had", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    await handle.apply(BASE);
    await handle.apply(edited(1));
    const alone = await handle.messages(edited(2));
    await foreign(host);
    await host.nft("delete table inet foreign\n");
    const beside = await handle.messages(edited(3));
    assert.ok(beside <= alone, `${beside} messages, ${alone} where nobody did anything`);
    // Nothing to do, and then the same again.
    await foreign(host);
    await handle.apply(edited(3));
    assert.ok((await handle.messages(edited(4))) <= alone);
    assert.match(await portsOf(host), /192\.0\.2\.3 .* 4\b/);
    assert.not.match(await portsOf(host), /192\.0\.2\.3 .* 3\b/);
    await handle.close();
    assert.not.ok(await isListening(host));
  }));

it("what others did to its own tables is found and put right, before, between and after what concerns nobody", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    await handle.apply(BASE);
    const set = /set (allow-\S+)/.exec(await portsOf(host))?.[1] ?? "";
    const theft = `delete element inet tsnet-tsnet ${set} { 192.0.2.1 . 10.93.0.2 . tcp . 80 }\n`;
    for (const [i, deeds] of [
      [theft],
      [theft, "foreign"],
      ["foreign", theft],
      ["foreign", theft, "foreign"],
    ].entries()) {
      assert.match(await portsOf(host), /192\.0\.2\.1 /);
      for (const deed of deeds) await (deed === "foreign" ? foreign(host) : host.nft(deed));
      assert.not.match(await portsOf(host), /192\.0\.2\.1 /);
      await handle.apply(i % 2 === 0 ? edited(10 + i) : BASE);
    }
    assert.match(await portsOf(host), /192\.0\.2\.1 /);
    await host.nft("flush ruleset\n");
    await handle.apply(BASE);
    assert.match(await portsOf(host), /192\.0\.2\.1 /);
    await handle.close();
  }));

it("an update after a rest is single elements, though others did something meanwhile", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    await handle.apply(BASE);
    const update = async (address: string): Promise<boolean> => {
      const [result] = await handle.update({ add: `allow ${address} -> a:80` });
      return result !== undefined && result.changed && isQuick(result);
    };
    assert.ok(await update("192.0.2.21"));
    for (let i = 0; i < 500 && !(await isListening(host)); i++);
    await foreign(host);
    assert.ok(await update("192.0.2.22"));
    for (let i = 0; i < 500 && !(await isListening(host)); i++);
    const set = /set (allow-\S+)/.exec(await portsOf(host))?.[1] ?? "";
    await host.nft(`delete element inet tsnet-tsnet ${set} { 192.0.2.21 . 10.93.0.2 . tcp . 80 }\n`);
    // Now the whole way is gone, and what was taken is back.
    assert.not.ok(await update("192.0.2.23"));
    for (const address of ["192.0.2.21", "192.0.2.22", "192.0.2.23"]) assert.match(await portsOf(host), `${address} `);
    await handle.close();
  }));

test.run();

/** Updates through an open handle: the same as an apply of the edited text, however short the way. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { applyEdits, type Update } from "../../src/transaction/edits.js";
import { Diagnostics } from "../../src/text/diagnostic.js";
import { lab } from "../kernel/lab.js";
import { forgetCommand, tsnet } from "../support/command.js";
import { apply, at } from "../support/live.js";
import { Handle, isQuick } from "../support/handle.js";
import { listing } from "../support/listing.js";
import { BASE, randomUpdates } from "../support/updates.js";
import { alive, Traffic } from "../support/traffic.js";
import { until } from "../security/place.js";

const test = suite("updates");
const HANDLE = import.meta.resolve("../support/handle.ts");
const COUNT = Number(process.env["TSNET_UPDATES"] ?? 100);

test(`${COUNT} random updates leave what a fresh apply of the edited text leaves`, async () => {
  const { updates, there } = randomUpdates(3, COUNT);
  const texts = { files: [{ name: "lab.tsnet", text: BASE }], roots: ["lab.tsnet"] };
  const text = applyEdits(texts, updates, new Diagnostics()).files[0]?.text as string;
  // The text has the statements that are left, whatever else is in it.
  assert.equal(
    text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => /^(allow|deny|reject)/.test(line))
      .sort(),
    [...there].sort(),
  );

  let edited: string[] = [];
  await lab(async (host) => {
    const handle = new Handle(host);
    await handle.apply(BASE);
    const results = await handle.update(...updates);
    const quick = results.filter(isQuick).length;
    assert.ok(quick > COUNT * 0.5, `${quick} of ${COUNT} went the short way`);
    edited = await listing(host);
    // Before anything is settled, the record knows; and afterwards.
    assert.is(await handle.recorded(), text);
    await handle.close();
    assert.is(await handle.recorded(), text);
    assert.is((await apply(host, text)).changed, false);
  });
  await lab(async (host) => {
    await apply(host, text);
    assert.equal(edited, await listing(host));
  });
});

test("a handle notices what others do to its devices, and the next update puts them right", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    await handle.apply(BASE);
    const links = async (): Promise<string> => (await host.run("ip", ["-o", "link"])).stdout;
    const [device = ""] = /tsv-\w+/.exec(await links()) ?? [];
    const ip =
      (...words: string[]) =>
      () =>
        host.run("ip", words);
    const touched: readonly (readonly [what: string, touch: () => Promise<unknown>])[] = [
      ["a device is gone", ip("link", "delete", device)],
      ["a device is down", ip("link", "set", device, "down")],
      ["routes are gone", ip("route", "flush", "proto", "83")],
      [
        "nothing is forwarded",
        async () => {
          for (const value of ["1", "0"]) await host.sysctl("ipv4/ip_forward", value);
        },
      ],
    ];
    const forwards = async (): Promise<string> =>
      (await host.run("cat", [`/proc/sys/net/ipv4/conf/${device}/forwarding`])).stdout.trim();
    let last = 60;
    for (const [i, [what, touch]] of touched.entries()) {
      // Before the first quick update, and after some.
      if (i > 0) {
        const [quick] = await handle.update({ add: `allow 192.0.2.${last++} -> a:80` });
        assert.ok(quick !== undefined && isQuick(quick), `before ${what}`);
      }
      const routes = async (): Promise<string> => (await host.run("ip", ["route", "show", "proto", "83"])).stdout;
      const before = await routes();
      await touch();
      const [mended] = await handle.update({ add: `allow 192.0.2.${last++} -> a:80` });
      assert.ok(mended?.changed, what);
      assert.match(await links(), new RegExp(`${device}\\S* <[^>]*\\bUP\\b`), what);
      assert.is(await forwards(), "1", what);
      assert.is((await routes()).split("\n").sort().join(), before.split("\n").sort().join(), what);
    }
    // What is no business of ours isn't.
    await host.run("ip", ["link", "add", "name", "other", "type", "bridge"]);
    await host.run("ip", ["link", "delete", "other"]);
    const [, quick] = await handle.update({ add: "allow 192.0.2.80 -> a:80" }, { add: "allow 192.0.2.81 -> a:80" });
    assert.ok(quick !== undefined && isQuick(quick));
    await handle.close();
  }));

test("a handle notices what others do, loses nothing of theirs, and puts its own right", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    await handle.apply(BASE);
    const [first] = await handle.update({ add: "allow 192.0.2.50 -> a:80" });
    assert.ok(first !== undefined && isQuick(first));
    await host.nft("table inet foreign { chain c { type filter hook forward priority 5; policy accept; }\n}\n");
    const [second, third] = await handle.update(
      { add: "allow 192.0.2.51 -> a:80" },
      { add: "allow 192.0.2.52 -> a:80" },
    );
    assert.ok(second?.changed && third !== undefined && isQuick(third));
    assert.match((await host.run("nft", ["list", "tables"])).stdout, "table inet foreign");
    // One of ours is gone, and the next update finds out.
    await host.run(
      "nft",
      ["delete", "element", "inet", "tsnet-tsnet", "allow-port4", "{ 192.0.2.50 . 10.9.0.4 . tcp . 80 }"],
      { accept: "any" },
    );
    await host.nft("flush set inet tsnet-tsnet allow-port4");
    await handle.update({ add: "allow 192.0.2.53 -> a:80" });
    const { stdout } = await host.run("nft", ["list", "set", "inet", "tsnet-tsnet", "allow-port4"]);
    for (const last of [50, 51, 52, 53]) assert.match(stdout, `192.0.2.${last} .`);
    // Another writer gets in while the handle rests; what it removed of another policy stays removed.
    await apply(host, "policy other\nnetwork o { subnet 10.77.0.0/24 }\ncontainer x { network o }");
    await handle.update({ remove: "allow 192.0.2.53 -> a:80" });
    // Wrong updates change nothing and leave the handle usable.
    for (const wrong of [
      { add: "allow nobody -> a:80" },
      { add: "allow a ->" },
      { remove: "allow 192.0.2.99 -> a:80" },
    ]) {
      const before = await listing(host);
      await handle.update(wrong).then(
        () => assert.unreachable(JSON.stringify(wrong)),
        (error: unknown) => assert.match(String(error), /error\[/),
      );
      assert.equal(await listing(host), before);
    }
    const [last] = await handle.update({ add: "allow 192.0.2.54 -> a:80" });
    assert.ok(last?.changed);
    await handle.close();
  }));

test("what another program left beside the record isn't overruled; a handle at rest closes while others write", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    await handle.apply(BASE);
    const resting = async (): Promise<boolean> => (await host.read("/run/tsnet/lock")) === undefined;
    await until("the handle rests", resting);
    await host.call(HANDLE, "leaveEdit", "tsnet", "deny a -> b:77");
    await handle.update({ add: "allow a -> b:9" }).then(
      () => assert.unreachable("it was overruled"),
      (error: unknown) => assert.match(String(error), "somebody else has applied another text"),
    );
    assert.match((await handle.recorded()) ?? "", "deny a -> b:77");
    await until("the handle rests again", resting);
    // A lock of a process that lives: its own parent.
    const holder = await host.run("sh", [
      "-c",
      'started=$(cut -d" " -f22 /proc/$PPID/stat); printf \'{"pid":%s,"started":"%s","command":"other"}\' $PPID $started > /run/tsnet/lock',
    ]);
    assert.is(holder.exitCode, 0, holder.stderr);
    await handle.close();
    assert.match((await host.read("/run/tsnet/lock")) ?? "", "other");
  }));

test("what isn't an edit is refused, and so is one of a policy that somebody else has applied since", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    await handle.apply(BASE);
    const refused = async (update: unknown, why: RegExp): Promise<void> => {
      const before = await listing(host);
      await handle.update(update as Update).then(
        () => assert.unreachable(JSON.stringify(update)),
        (error: unknown) => assert.match(String(error), why),
      );
      assert.equal(await listing(host), before);
    };
    await refused({ add: 'include "more.tsnet"' }, /include-unreadable/);
    await refused({ add: "policy other" }, /can't rename/);
    for (const odd of ["allow a -> b:7", null, {}, { adds: "allow a -> b:7" }, { add: ["allow a -> b:7"] }])
      await refused(odd, /update takes statements as text/);
    await host.run("dd", ["of=/run/lab/other.tsnet", "status=none"], { input: `${BASE}deny a -> b:1\n` });
    // The handle is busy, and lets the command in all the same.
    const many = Array.from({ length: 3000 }, (_, i) => ({ add: `allow 192.0.2.77 -> a:${i + 1}` }));
    const busy = handle.update(...many).then(
      () => "done",
      (error: unknown) => String(error),
    );
    const { exitCode, stderr } = await tsnet(host, ["compile", "/run/lab/other.tsnet", "--apply"]);
    assert.is(exitCode, 0, stderr);
    assert.match(await busy, "somebody else has applied another text");
    await refused({ add: "allow a -> b:9" }, /somebody else has applied another text/);
    assert.match((await host.run("nft", ["list", "ruleset"])).stdout, "deny a -> b:1");
    await handle.apply(BASE);
    const [again] = await handle.update({ add: "allow 192.0.2.60 -> a:80" });
    assert.ok(again?.changed);
    await handle.close();
  }));

test("edited texts that are applied are noted beside the record until the handle rests", () =>
  lab(async (host) => {
    const record = (): Promise<string | undefined> => host.read("/run/tsnet/applied/tsnet.record");
    const confirmed = (): Promise<string | undefined> => host.read("/var/lib/tsnet/confirmed/tsnet.record");
    const edited = (...lines: string[]): string => BASE.replace("allow 192.0.2.2 -> b\n", `${lines.join("\n")}\n`);
    const handle = new Handle(host);
    await handle.apply(BASE);
    const [before, known] = [await record(), await confirmed()];
    const texts = [
      edited("allow 192.0.2.2 -> b", "allow 192.0.2.61 -> b:7"),
      edited("allow 192.0.2.2 -> b", "allow 192.0.2.62 -> b:7"),
      `allow 192.0.2.63 -> b:8\n${edited("allow 192.0.2.2 -> b", "allow 192.0.2.62 -> b:7")}`,
    ];
    // At once, so that the handle doesn't rest in between.
    for (const { changed } of await handle.applyAll(...texts)) assert.ok(changed);
    const last = texts.at(-1) as string;
    assert.is(await handle.recorded(), last);
    await until("the handle rests", async () => (await host.read("/run/tsnet/lock")) === undefined);
    assert.is.not(await record(), before, "what was noted is in the record");
    assert.is.not(await confirmed(), known, "what was noted is what a reboot brings back");
    assert.is(await handle.recorded(), last);
    assert.is(await host.read("/run/tsnet/applied/tsnet.edits"), undefined);
    // Of both kinds in one file.
    const third = edited("allow 192.0.2.2 -> b", "allow 192.0.2.64 -> b:7");
    const after = await host.call<string>(HANDLE, "editThrough", last, "allow 192.0.2.65 -> b:9", third);
    assert.is(after, third);
    assert.is((await apply(host, third)).changed, false);
    // Another policy through the same handle, with edits of the first beside its record.
    const other = (port: number): string =>
      `policy other\nnetwork o { subnet 10.77.0.0/24 }\ncontainer x { network o }\nallow 192.0.2.1 -> x:1\nallow 192.0.2.1 -> x:${port}\n`;
    await handle.applyAll(third, last, other(2), other(3), other(4));
    assert.is(await handle.recorded(), last);
    assert.is(await handle.recorded("other"), other(4));
    assert.is((await apply(host, last)).changed, false);
    await handle.close();
    assert.is(await handle.recorded("other"), other(4));
    assert.is((await apply(host, other(4))).changed, false);
  }));

test("rules in another order are no change, and nothing is sent for them", () =>
  lab(async (host) => {
    const rules = ["allow 192.0.2.71 -> b:7", "deny 192.0.2.72 -> b", "allow 192.0.2.73 -> b:8"];
    const orders = [
      [0, 1, 2],
      [2, 0, 1],
      [1, 0, 2],
    ];
    const text = (order: readonly number[]): string => `${BASE}${order.map((i) => `${rules[i]}\n`).join("")}`;
    const handle = new Handle(host);
    await handle.apply(text([0, 1]));
    const [first, ...others] = await handle.applyAll(...orders.map(text));
    assert.is(first?.changed, true);
    assert.equal(
      others.map(({ changed }) => changed),
      [false, false],
    );
    const last = text([1, 0, 2]);
    assert.is(await handle.recorded(), last);
    await handle.close();
    assert.is(await handle.recorded(), last);
    assert.is((await apply(host, last)).changed, false);
  }));

test("an update cuts the connections that it denies, and no others", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    const traffic = new Traffic(host);
    await handle.apply(
      `${BASE}allow a -> c:7001\nallow a -> b:7002\nallow b -> a:7003/udp\n`.replace("deny a -> c\n", ""),
    );
    const address = async (name: string): Promise<string> =>
      /inet (10\.9\.0\.\d+)/.exec((await host.runIn(at(name), "ip", ["-4", "address"])).stdout)?.[1] as string;
    await handle.update({ add: "allow b -> c:7004" });
    const doomed = await traffic.open("tcp", at("a"), at("c"), await address("c"), 7001);
    const kept = [
      await traffic.open("tcp", at("a"), at("b"), await address("b"), 7002),
      await traffic.open("udp", at("b"), at("a"), await address("a"), 7003),
      // Begun since the handle was last asked.
      await traffic.open("tcp", at("b"), at("c"), await address("c"), 7004),
    ];
    const [unrelated] = await handle.update({ remove: "allow 192.0.2.1 -> a:80" });
    assert.ok(unrelated !== undefined && isQuick(unrelated));
    await alive([doomed, ...kept]);
    await handle.update({ remove: "allow a -> c:7001" });
    await alive(kept);
    // The server's words must not come through any more either.
    const { received } = await doomed.client.look(doomed.ends.client);
    await doomed.server.send(doomed.ends.server);
    await alive(kept);
    assert.is((await doomed.client.look(doomed.ends.client)).received, received);
    // And one that the handle could only have been told of.
    await handle.update({ remove: "allow b -> c:7004" });
    const before = (await kept[2]?.client.look(kept[2].ends.client))?.received;
    await kept[2]?.server.send(kept[2].ends.server);
    await alive(kept.slice(0, 2));
    assert.is((await kept[2]?.client.look(kept[2].ends.client))?.received, before);
    await until("the handle rests", async () => (await host.read("/run/tsnet/lock")) === undefined);
    await handle.close();
  }));

test("the command is forgotten", forgetCommand);
test.run();

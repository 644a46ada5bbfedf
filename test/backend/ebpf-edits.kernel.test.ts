/** Single edits of the maps in force: the same as an apply of the edited text, at once, and known to whoever looks. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Diagnostics } from "../../src/text/diagnostic.js";
import { applyEdits } from "../../src/transaction/edits.js";
import { when } from "../kernel/features.js";
import { type Host, lab } from "../kernel/lab.js";
import { C2, front } from "../security/place.js";
import { forgetCommand, tsnet } from "../support/command.js";
import { Handle, isQuick } from "../support/handle.js";
import { apply, at } from "../support/live.js";
import { alive, Traffic } from "../support/traffic.js";
import { BASE, randomUpdates } from "../support/updates.js";

const test = suite("ebpf: single edits");
const it = await when(test, "namespaces", "nf_tables", "ebpf");
const COUNT = Number(process.env["TSNET_UPDATES"] ?? 100);

interface Element {
  readonly key: readonly string[];
  readonly value: readonly string[];
}

async function dump<T>(host: Host, ...which: string[]): Promise<T> {
  return JSON.parse((await host.run("bpftool", ["-j", "map", "dump", ...which])).stdout) as T;
}

async function mapsOf(host: Host): Promise<string> {
  const { stdout } = await host.run("find", ["/run/tsnet/bpf", "-name", "maps"]);
  return stdout.trim();
}

/** Of bytes, the lowest first. */
const number = (bytes: readonly string[]): number => bytes.reduceRight((sum, byte) => sum * 256 + Number(byte), 0);

async function generation(host: Host): Promise<number> {
  const [active] = await dump<Element[]>(host, "pinned", `${await mapsOf(host)}/active`);
  return number(active?.value ?? []);
}

/** The keys in force, as bpftool shows them, and whether a statement of each verb speaks: deny, reject, allow. */
async function spoken(host: Host): Promise<string[]> {
  const slot = (await generation(host)) & 1;
  const slots = await dump<Element[]>(host, "pinned", `${await mapsOf(host)}/exacts`);
  const inner = slots.find(({ key }) => number(key) === slot)?.value ?? [];
  const elements = await dump<Element[]>(host, "id", String(number(inner)));
  const speaks = (value: readonly string[], at: number): boolean =>
    value.slice(at, at + 4).some((byte) => Number(byte) !== 0);
  return elements
    .map(({ key, value }) => `${key.join("")} ${[0, 4, 8].map((at) => Number(speaks(value, at))).join("")}`)
    .sort();
}

it(`${COUNT} random updates leave what a fresh apply of the edited text leaves`, async () => {
  const { updates: random, there } = randomUpdates(5, COUNT);
  // At last some that all go the short way: an apply in between would put right what an edit has left out.
  const last = [1, 2, 3, 4].map((port) => `deny 192.0.2.99 -> a:${port}`);
  const gone = there.filter((text) => /^\w+ 192\.0\.2\.\d+ -> \w:\d+$/.test(text)).slice(0, 5);
  assert.ok(gone.length > 1);
  const updates = [
    ...random,
    ...last.map((add) => ({ add })),
    ...[...last.slice(2), ...gone].map((remove) => ({ remove })),
  ];
  const texts = { files: [{ name: "lab.tsnet", text: BASE }], roots: ["lab.tsnet"] };
  const text = applyEdits(texts, updates, new Diagnostics()).files[0]?.text as string;
  let edited: string[] = [];
  await lab(async (host) => {
    const handle = new Handle(host, "ebpf");
    await handle.apply(BASE);
    const results = await handle.update(...updates);
    const quick = results.filter(isQuick).length;
    assert.ok(results.slice(COUNT).every(isQuick));
    assert.ok(quick > COUNT * 0.5, `${quick} of ${COUNT} went the short way`);
    edited = await spoken(host);
    assert.is(await handle.recorded(), text);
    await handle.close();
    assert.is(await handle.recorded(), text);
  });
  await lab(async (host) => {
    await apply(host, text, "ebpf");
    const fresh = await spoken(host);
    assert.ok(fresh.length > 10);
    assert.equal(edited, fresh);
  });
});

it("an update stops the connections that it denies, and no others; what it allows begins", () =>
  lab(async (host) => {
    const traffic = new Traffic(host);
    const handle = new Handle(host, "ebpf");
    // Where containers may not talk but for what is allowed.
    await handle.apply(front("icc off", "allow c1 -> c2:{2001/udp, 2002}, allow c2 -> c1:2003"));
    const [doomed, sibling] = [
      await traffic.open("udp", at("c1"), at("c2"), C2.ip, 2001),
      await traffic.open("tcp", at("c1"), at("c2"), C2.ip, 2002),
    ];
    const { received } = await doomed.client.look(doomed.ends.client);
    await host.listen(at("c2"), "tcp", 2005);
    assert.is(await host.tcp(at("c1"), C2.ip, 2005), "timeout");
    const results = await handle.update({ add: "deny c1 -> c2:2001/udp" }, { add: "allow c1 -> c2:2005" });
    assert.ok(results.every(isQuick), JSON.stringify(results));
    for (let i = 0; i < 3; i++) {
      await doomed.server.send(doomed.ends.server);
      await doomed.client.send(doomed.ends.client);
    }
    await alive([sibling]);
    assert.is((await doomed.client.look(doomed.ends.client)).received, received);
    assert.is(await host.tcp(at("c1"), C2.ip, 2005), "open");
    const [back] = await handle.update({ remove: "allow c1 -> c2:2005" });
    assert.ok(back !== undefined && isQuick(back));
    assert.is(await host.tcp(at("c1"), C2.ip, 2005), "timeout");
    // The plan has no number for what came since; who dropped a packet is known all the same.
    const { stdout } = await tsnet(host, ["stats", "--drops", "--json"]);
    const { events } = JSON.parse(stdout) as { events: { by: { text: string } | null }[] };
    await handle.close();
    assert.ok(
      events.some(({ by }) => by?.text === "deny c1 -> c2:2001/udp"),
      stdout,
    );
  }));

it("what somebody else has changed in between is noticed, and so is an edit that was cut off", () =>
  lab(async (host) => {
    const handle = new Handle(host, "ebpf");
    await handle.apply(BASE);
    const [first] = await handle.update({ add: "allow 192.0.2.50 -> a:80" });
    assert.ok(first !== undefined && isQuick(first));
    // As one leaves it who is killed after the number has moved and before the elements change.
    const before = await generation(host);
    const bytes = [before + 2, 0, 0, 0].map((byte, i) => (i === 0 ? byte : (before >> (8 * i)) & 255)).map(String);
    await host.run("bpftool", [
      ...["map", "update", "pinned", `${await mapsOf(host)}/active`],
      ...["key", "0", "0", "0", "0", "value", ...bytes],
    ]);
    const [second, third] = await handle.update(
      { add: "allow 192.0.2.51 -> a:80" },
      { add: "allow 192.0.2.52 -> a:80" },
    );
    assert.ok(second !== undefined && !isQuick(second), JSON.stringify(second));
    assert.ok(third !== undefined && isQuick(third), JSON.stringify(third));
    await handle.close();
    const text = (await handle.recorded()) as string;
    assert.match(text, "allow 192.0.2.50 -> a:80");
    const live = await spoken(host);
    await apply(host, text, "ebpf");
    assert.equal(live, await spoken(host));
  }));

it("an edit goes into no maps that were taken away", () =>
  lab(async (host) => {
    const handle = new Handle(host, "ebpf");
    await handle.apply(BASE);
    const [first] = await handle.update({ add: "allow 192.0.2.50 -> a:80" });
    assert.ok(first !== undefined && isQuick(first));
    await host.run("rm", ["-r", (await mapsOf(host)).replace(/\/maps$/, "")]);
    const [second] = await handle.update({ add: "allow 192.0.2.51 -> a:80" });
    assert.ok(second !== undefined && !isQuick(second), JSON.stringify(second));
    const text = (await handle.recorded()) as string;
    await handle.close();
    const live = await spoken(host);
    await apply(host, text, "ebpf");
    assert.equal(live, await spoken(host));
  }));

it("what tightens one key of two addresses and loosens another isn't done key by key", () =>
  lab(async (host) => {
    const handle = new Handle(host, "ebpf");
    await handle.apply(BASE);
    const quick = async (update: { add?: string; remove?: string }): Promise<boolean> =>
      (await handle.update(update)).every(isQuick);
    assert.ok(await quick({ add: "deny 192.0.2.9 -> a" }));
    assert.not(await quick({ remove: "deny 192.0.2.9 -> a", add: "deny 192.0.2.9 -> a:80" }));
    assert.ok(await quick({ remove: "deny 192.0.2.9 -> a:80", add: "deny 192.0.2.8 -> a:80" }));
    assert.ok(await quick({ add: "deny 192.0.2.7 -> a\ndeny 192.0.2.7 -> a:80" }));
    await handle.close();
  }));

test("the command is forgotten", forgetCommand);
test.run();

/** Ports that are published and taken back through an open handle: the same as an apply of the edited text. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { applyEdits } from "../../src/transaction/edits.js";
import { Diagnostics } from "../../src/text/diagnostic.js";
import { when } from "../kernel/features.js";
import { HOST4, HOST6, lab, WORLD } from "../kernel/lab.js";
import { C1, cross, expect, front, GATEWAY, until } from "../security/place.js";
import { Handle, isQuick } from "../support/handle.js";
import { listing } from "../support/listing.js";
import { apply, at } from "../support/live.js";
import { alive, Traffic } from "../support/traffic.js";
import { PUBLISHING, randomPublishes } from "../support/updates.js";

const test = suite("updates of published ports");
const it = await when(test, "namespaces", "ip", "nf_tables");
const COUNT = Number(process.env["TSNET_UPDATES"] ?? 100);

it(`${COUNT} random updates leave what a fresh apply of the edited text leaves`, async () => {
  const { updates, there } = randomPublishes(7, COUNT);
  const texts = { files: [{ name: "lab.tsnet", text: PUBLISHING }], roots: ["lab.tsnet"] };
  const text = applyEdits(texts, updates, new Diagnostics()).files[0]?.text as string;
  assert.equal(
    text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => /^publish 80\d\d /.test(line))
      .sort(),
    [...there].sort(),
  );
  let edited: string[] = [];
  await lab(async (host) => {
    const handle = new Handle(host);
    await handle.apply(PUBLISHING);
    const results = await handle.update(...updates);
    const quick = results.filter(isQuick).length;
    assert.ok(quick > COUNT * 0.5 && quick < COUNT, `${quick} of ${COUNT} went the short way`);
    edited = await listing(host);
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

/** Everybody's ways to a host port. */
function ways(port: number): ReturnType<typeof cross> {
  const here = [HOST4, HOST6, GATEWAY.ip, GATEWAY.ip6];
  return [
    ...cross("tcp", [at("c1"), at("c2"), undefined], here, port),
    ...cross("tcp", [undefined], ["127.0.0.1", "::1"], port),
    ...cross("tcp", [WORLD], [HOST4, HOST6], port),
  ];
}

it("a port that comes is open for everybody, one that goes is closed, and the others stay", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    await handle.apply(front("icc off", "publish 8080 -> c1:80\npublish 8081 -> c1:8081\n"));
    await host.listen(at("c1"), "tcp", 80);
    await host.listen(at("c1"), "tcp", 8082);
    const results = await handle.update({ add: "publish 9090 -> c1:80" }, { add: "publish 8082 -> c1:8082" });
    assert.ok(results.every(isQuick), JSON.stringify(results));
    assert.equal(
      results.map(({ operations }) => operations),
      // Of both families: where it leads to, its port there unless that is the same, and that the filter lets it in.
      [6, 4],
    );
    for (const port of [8080, 9090, 8082]) await expect(host, "open", ways(port));
    // The direct way is none of theirs.
    await expect(host, "timeout", cross("tcp", [at("c2"), WORLD], [C1.ip, C1.ip6], 80));
    // Of one that nobody has asked for no connection can be left.
    const quick = await handle.update({ add: "publish 8083 -> c1:8083" }, { remove: "publish 8083 -> c1:8083" });
    assert.ok(quick.every(isQuick), JSON.stringify(quick));
    await handle.update({ remove: "publish 9090 -> c1:80" });
    for (const port of [8083, 9090]) await expect(host, "refused", ways(port));
    await expect(host, "open", ways(8080));
    // Where a port leads somewhere else with the same word, no packet meets half of each: that is planned whole.
    const [moved] = await handle.update({ add: "publish 8082 -> c1:80", remove: "publish 8082 -> c1:8082" });
    assert.ok(moved !== undefined && moved.changed && !isQuick(moved));
    await host.close(at("c1"), "tcp", 8082);
    await expect(host, "open", ways(8082));
    await handle.close();
  }));

it("a port that somebody holds isn't published, nor one twice, and the handle goes on", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    const text = front("", "publish 8080 -> c1:80\npublish 8081 -> c1:81\npublish 9000-9010 -> c2:9000-9010\n");
    await apply(host, "policy other\nnetwork o { subnet 10.95.0.0/24 }\ncontainer x { network o; publish 8088->80 }");
    await handle.apply(text);
    await host.listen(undefined, "tcp", 8085);
    const [first] = await handle.update({ add: "publish 8082 -> c1:82" });
    assert.ok(first !== undefined && isQuick(first));
    const before = await listing(host);
    for (const [add, why] of [
      ["publish 8085 -> c1:85", /host port 8085\/tcp is held by/],
      ["publish 8088 -> c1:85", /host port 8088\/tcp is published by the policy 'other'/],
      ["publish 8082 -> c1:83", /host port 8082\/tcp is published twice/],
      ["publish 9005 -> c1:83", /host port 9005\/tcp is published twice/],
      ["publish 8090 -> c1:1\npublish 8090 -> c1:2", /host port 8090\/tcp is published twice/],
      ["publish 8090 -> nobody:1", /nobody/],
      ["publish 0 -> c1:1", /error\[/],
    ] as const)
      await handle.update({ add }).then(
        () => assert.unreachable(add),
        (error: unknown) => assert.match(String(error), why, add),
      );
    await handle.update({ remove: "publish 8099 -> c1:82" }).then(
      () => assert.unreachable("it wasn't there"),
      (error: unknown) => assert.match(String(error), /has no statement/),
    );
    assert.equal(await listing(host), before);
    // Another policy's port that is free by now, and one that it took while this handle rested.
    await apply(host, "policy other\nnetwork o { subnet 10.95.0.0/24 }\ncontainer x { network o; publish 8089->80 }");
    assert.ok((await handle.update({ add: "publish 8088 -> c1:85" }))[0]?.changed);
    await handle.update({ add: "publish 8089 -> c1:85" }).then(
      () => assert.unreachable("8089"),
      (error: unknown) => assert.match(String(error), /published by the policy 'other'/),
    );
    await handle.close();
  }));

it("a port without which a rule would be wrong isn't taken back, and what more depends on is planned whole", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    await handle.apply(front("", "publish 8080 -> c1:80\npublish 8081 -> c1:81\ndeny world -> host:8081\n"));
    await handle.update({ remove: "publish 8081 -> c1:81" }).then(
      () => assert.unreachable("the rule speaks of nothing"),
      (error: unknown) => assert.match(String(error), /rule-without-container/),
    );
    // The last publish of a container takes a setting of its device along.
    await handle.apply(front("", "publish 8080 -> c1:80\npublish 8081 -> c2:81\n"));
    const local = (): Promise<string | undefined> => host.sysctl(`ipv4/conf/${C1.device}/route_localnet`);
    assert.match((await local()) ?? "", /^1/);
    const [last] = await handle.update({ remove: "publish 8080 -> c1:80" });
    assert.ok(last?.changed);
    assert.match((await local()) ?? "", /^0/);
    // So do the last of a map, which its rule goes with, and what others are numbered by.
    for (const [rules, remove] of [
      ["publish 8080 -> c1:80\npublish 8081 -> c1:8081\n", "publish 8081 -> c1:8081"],
      ["publish 49153 -> c1:80\npublish 8080 -> c1:81\npublish all -> c3\n", "publish 49153 -> c1:80"],
    ] as const) {
      const text = front("", rules).replace("container c3 {", "container c3 { expose 80;");
      await handle.apply(text);
      const [result] = await handle.update({ remove });
      assert.ok(result?.changed);
      const left = await listing(host);
      await handle.apply(text.replace(remove, ""));
      assert.equal(await listing(host), left);
    }
    await handle.close();
  }));

it("connections through a port that goes are cut, and no others", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    const traffic = new Traffic(host);
    await handle.apply(front("icc off", "publish 8080 -> c1:80\npublish 8081 -> c1:81\npublish 8082 -> c1:82\n"));
    await handle.update({ add: "publish 8083 -> c1:83" });
    const kept = [
      await traffic.open("tcp", WORLD, at("c1"), HOST4, 8080, 80),
      await traffic.open("tcp", WORLD, at("c1"), HOST6, 8081, 81),
    ];
    // Begun since the handle was last asked.
    const doomed = [
      await traffic.open("tcp", WORLD, at("c1"), HOST4, 8082, 82),
      await traffic.open("tcp", WORLD, at("c1"), HOST6, 8083, 83),
    ];
    for (const [i, remove] of ["publish 8082 -> c1:82", "publish 8083 -> c1:83"].entries()) {
      await handle.update({ remove });
      const { client, server, ends } = doomed[i] as (typeof doomed)[number];
      const before = (await client.look(ends.client)).received;
      await server.send(ends.server);
      await alive(kept);
      assert.is((await client.look(ends.client)).received, before, remove);
    }
    await handle.close();
  }));

it("what an update that was killed had taken away is cut by the apply that comes next", () =>
  lab(async (host) => {
    const traffic = new Traffic(host);
    const text = (...lines: string[]): string => front("icc off", ["publish 8080 -> c1:80", ...lines].join("\n"));
    await apply(host, text("publish 8082 -> c1:82", "allow world -> c2:98"));
    const kept = await traffic.open("tcp", WORLD, at("c1"), HOST4, 8080, 80);
    const doomed = await traffic.open("tcp", WORLD, at("c1"), HOST4, 8082, 82);
    for (const [family, address] of [
      [4, C1.ip],
      [6, C1.ip6],
    ] as const)
      for (const element of [
        `publish${family}-to { tcp . 8082 }`,
        `publish${family}-port { tcp . 8082 }`,
        `published${family}-tcp { 8082 . ${address} . 82 }`,
      ])
        await host.nft(`delete element inet tsnet-tsnet ${element}`);
    const heard = async (): Promise<number> => (await doomed.client.look(doomed.ends.client)).received;
    // Replies of a connection aren't judged.
    const first = await heard();
    await doomed.server.send(doomed.ends.server);
    await until("the reply comes through", async () => (await heard()) > first);
    await apply(host, text("allow world -> c2:98"));
    const before = await heard();
    await doomed.server.send(doomed.ends.server);
    await alive([kept]);
    assert.is(await heard(), before);
  }));

it("a handle goes on where somebody else has applied the very text that it has edited", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    const text = front("", "publish 8080 -> c1:80\n");
    await handle.apply(text);
    await handle.update({ add: "publish 8081 -> c1:81" }, { add: "publish 8082 -> c1:82" });
    await apply(host, `${text}publish 8081 -> c1:81\npublish 8082 -> c1:82\n`);
    assert.ok((await handle.update({ add: "publish 8083 -> c1:83" }))[0]?.changed);
    await apply(host, `${text}publish 8081 -> c1:81\n`);
    await handle.update({ add: "publish 8084 -> c1:84" }).then(
      () => assert.unreachable("it was overruled"),
      (error: unknown) => assert.match(String(error), "somebody else has applied another text"),
    );
    await handle.close();
  }));

test.run();

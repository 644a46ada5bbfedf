/** `plan` and what explain says of a live policy, against a real kernel. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lab } from "../kernel/lab.js";
import { forgetCommand, tsnet } from "../support/command.js";

const test = suite("plan");

const POLICY = `policy shop
network front { subnet 10.90.1.0/24; icc off }
container web { network front ip 10.90.1.2 }
container db { network front ip 10.90.1.4 }
allow web -> db:5432
`;
const EDITED = `${POLICY}allow web -> db:22\ncontainer log { network front ip 10.90.1.5 }\n`;

interface PlanJson {
  readonly changed: boolean;
  readonly appliedAt: string | null;
  readonly difference: { readonly changes: readonly { readonly box: string; readonly effect: string }[] };
  readonly objects: readonly {
    readonly verb: string;
    readonly object: string;
    readonly statements: readonly { readonly text: string }[];
  }[];
  readonly topology: readonly { readonly text: string }[];
  readonly sysctls: readonly { readonly path: string }[];
}

test("says what an apply would change, changes nothing and waits for nobody", () =>
  lab(async (host) => {
    const plan = async (input: string, ...more: string[]): Promise<{ exitCode: number; said: PlanJson }> => {
      const { exitCode, stdout, stderr } = await tsnet(host, ["plan", "-", "--json", ...more], { input });
      assert.ok(stdout.startsWith("{"), stderr);
      return { exitCode, said: JSON.parse(stdout) as PlanJson };
    };
    const rules = async (): Promise<string> => (await host.run("nft", ["-j", "list", "ruleset"])).stdout;
    const before = await rules();
    const first = await plan(POLICY);
    assert.is(first.exitCode, 4);
    assert.is(first.said.appliedAt, null);
    assert.match(first.said.objects[0]?.object ?? "", /^table inet tsnet-shop: /);
    assert.ok(
      first.said.sysctls.some(({ path }) => path.endsWith("forwarding")),
      "forwarding is off in a new namespace",
    );
    assert.is(await rules(), before);
    assert.is((await tsnet(host, ["compile", "-", "--apply"], { input: POLICY })).exitCode, 0);

    const same = await plan(POLICY);
    assert.is(same.exitCode, 0);
    assert.equal([same.said.changed, same.said.objects, same.said.topology, same.said.sysctls], [false, [], [], []]);

    // A lock that somebody holds is left as it is.
    const live = await rules();
    await host.run("sh", ["-c", 'exec 3>/run/tsnet/lock; printf \'{"pid":1,"started":"","command":"x"}\' >&3']);
    for (const transport of ["netlink", "nft"]) {
      const { exitCode, said } = await plan(EDITED, "--transport", transport);
      assert.is(exitCode, 4, transport);
      const words = said.difference.changes.map(({ effect, box }) => `${effect} ${box}`);
      assert.ok(words.includes("opens web -> db:22"), words.join());
      const texts = said.objects.map(({ verb, object }) => `${verb} ${object}`);
      const added = texts.filter((text) => text.includes("allow-port4"));
      assert.equal(added, [
        'add inet tsnet-shop allow-port4 { 10.90.1.2 . 10.90.1.4 . tcp . 22 comment "allow web -> db:22" }',
      ]);
      assert.ok(
        texts.some((text) => text.startsWith("add inet tsnet-shop own4 { 10.90.1.5 ")),
        texts.join("\n"),
      );
      assert.not.ok(
        texts.some((text) => text.startsWith("remove")),
        texts.join("\n"),
      );
      assert.ok(said.topology.some(({ text }) => text.includes("/shop/log")));
      assert.is(await rules(), live);
    }
    await host.run("rm", ["/run/tsnet/lock"]);

    // What somebody else has changed is named as far as a policy on record knows it.
    await host.run("nft", [
      "delete",
      "element",
      "inet",
      "tsnet-shop",
      "allow-port4",
      "{ 10.90.1.2 . 10.90.1.4 . tcp . 5432 }",
    ]);
    await host.run("nft", ["insert", "rule", "inet", "tsnet-shop", "forward", "accept"]);
    const drifted = await plan(POLICY);
    assert.is(drifted.exitCode, 4);
    assert.equal(drifted.said.difference.changes, []);
    assert.equal(
      drifted.said.objects.map(({ verb, object, statements: [from] }) =>
        `${verb} ${object} ${from?.text ?? ""}`.trim(),
      ),
      [
        'add inet tsnet-shop allow-port4 { 10.90.1.2 . 10.90.1.4 . tcp . 5432 comment "allow web -> db:5432" } allow web -> db:5432',
        "remove inet tsnet-shop forward rule 1, which no policy on record has",
      ],
    );
    assert.is((await tsnet(host, ["compile", "-", "--apply"], { input: POLICY })).exitCode, 0);
    assert.is((await plan(POLICY)).exitCode, 0);

    // diff --live is against the record, and explain gives the handles that nft has.
    const { exitCode, stdout } = await tsnet(host, ["diff", "--live", "-"], { input: EDITED });
    assert.is(exitCode, 4);
    assert.match(stdout, "opens web -> db:22");
    const explained = await tsnet(host, ["explain", "-", "web -> db:5432", "--json"], { input: POLICY });
    const { path } = JSON.parse(explained.stdout) as { path: { chain: string; handle?: number }[] };
    const listed = (await host.run("nft", ["-a", "list", "chain", "inet", "tsnet-shop", "cc4"])).stdout;
    const last = path.findLast(({ chain }) => chain === "cc4");
    assert.match(listed, new RegExp(`@allow-port4 goto allow-found4-.* # handle ${last?.handle}\\b`));
    const elsewhere = await tsnet(host, ["explain", "-", "web -> db:5432", "--json"], { input: EDITED });
    assert.not.match(elsewhere.stdout, '"handle"');
  }));

test("says of another backend what would come and go, and of iptables that somebody is in the way", () =>
  lab(async (host) => {
    const plan = async (...more: string[]): Promise<{ exitCode: number | undefined; said: PlanJson }> => {
      const { exitCode, stdout } = await tsnet(host, ["plan", "-", "--json", ...more], { input: POLICY });
      return { exitCode, said: JSON.parse(stdout) as PlanJson };
    };
    const apply = async (...more: string[]): Promise<void> => {
      const { exitCode, stderr } = await tsnet(host, ["compile", "-", "--apply", ...more], { input: POLICY });
      assert.is(exitCode, 0, stderr);
    };
    await apply("--backend", "nft");
    const switched = await plan("--backend", "iptables");
    assert.is(switched.exitCode, 4);
    assert.equal([...new Set(switched.said.objects.map(({ verb }) => verb))], ["add", "remove"]);
    assert.is(switched.said.objects.at(-1)?.object, "what the backend nft carries");
    await apply("--backend", "iptables");
    assert.is((await plan()).exitCode, 0);
    for (const args of [
      ["-F", "FORWARD"],
      ["-I", "FORWARD", "-j", "ACCEPT"],
    ]) {
      await host.run("iptables", args);
      const { exitCode, said } = await plan();
      assert.is(exitCode, 4, args.join(" "));
      assert.match(said.objects[0]?.object ?? "", "somebody else has changed or got ahead of");
      await apply();
      assert.is((await plan()).exitCode, 0, args.join(" "));
    }
  }));

test("the command is forgotten", forgetCommand);
test.run();

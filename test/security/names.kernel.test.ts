/** Names are data: whatever stands in quotes reaches no shell and breaks out of no string. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, lab } from "../kernel/lab.js";
import { forgetCommand, tsnet } from "../support/command.js";
import { snapshot, unchanged } from "./place.js";

const test = suite("security: names");
const it = await when(test, "namespaces", "ip", "nf_tables");

const CANARY = "/run/lab/canary";

/** Each would touch the canary, add a table, climb out of a directory, or be taken for something else, somewhere. */
const NASTY: readonly string[] = [
  `$(touch ${CANARY})`,
  `\`touch ${CANARY}\``,
  `; touch ${CANARY} ;`,
  `' ; touch ${CANARY} ; '`,
  `" ; touch ${CANARY} ; "`,
  `| touch ${CANARY} &`,
  `" } ; add table inet pwned ; {"`,
  `"; } add table inet pwned {`,
  `\\" \\ \\\\`,
  `$\{CANARY} $CANARY %s%n {{x}}`,
  "../../../run/lab/canary",
  "..",
  "-rf",
  "--help",
  "a b  c",
  "контейнер ☃ 😀",
  "é\u0301\u0301",
  "n".repeat(200),
  `${"ü".repeat(120)}$(touch ${CANARY})`,
  "#comment",
  "@here",
  "@veths",
  "c1 -> c2",
  "fd00::1",
  "10.0.0.0/8",
];

/** No name at all: refused. */
const NONE: readonly string[] = [
  "",
  "x\nadd table inet pwned\n",
  "x\r127.0.0.1 evil",
  "a\tb",
  "a\u0000b",
  "a\u001b[31mb",
  "\u202Eevil\u2066\u200B",
];

/** Words of nft's grammar and of ip's, which a name may be without quotes. */
const WORDS = [
  "fwd",
  "drop",
  "accept",
  "table",
  "chain",
  "set",
  "map",
  "type",
  "dev",
  "add",
  "default_",
  "lo",
  "eth0",
  "and",
  "vmap",
  "jump",
];

/** An alias is a word of a hosts file, and refused as anything else. */
const aliasOf = (i: number): string => `${i}${(NASTY[i] as string).replace(/[\s#\p{Cc}\p{Cf}]/gu, "")}`;

/** A name that begins with a dash is an option, unless its policy stands before it. */
const given = (name: string): string => (name.startsWith("-") ? `tsnet/${name}` : name);

const third = (first: number): string[] => NASTY.filter((_, i) => i % 3 === first);

const quoted = (name: string): string => `"${name.replace(/["\\]/g, "\\$&")}"`;

async function write(host: Host, path: string, text: string): Promise<void> {
  await host.run("dd", [`of=${path}`, "status=none"], { input: text });
}

async function untouched(host: Host): Promise<void> {
  assert.is(await host.read(CANARY), undefined, "the canary was touched");
  const { stdout } = await host.run("nft", ["list", "tables"]);
  assert.not.match(stdout, /pwned/);
}

/** Runs a command that must succeed. */
async function ok(host: Host, ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await tsnet(host, args);
  assert.is(exitCode, 0, `${args.join(" ")}: ${stderr.slice(0, 600)}`);
  return stdout;
}

/** Lets some promises run at a time. */
async function each<T>(list: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const queue = [...list];
  const worker = async (): Promise<void> => {
    for (let one = queue.shift(); one !== undefined; one = queue.shift()) await work(one);
  };
  await Promise.all([worker(), worker(), worker()]);
}

it("of containers, networks, lets and links", () =>
  lab(async (host) => {
    const before = await snapshot(host);
    const containers = [...NASTY, ...WORDS];
    const network = (i: number) => `n ${NASTY[i]}`;
    const names = [
      ...NASTY.slice(0, 8).map(
        (_, i) => `network ${quoted(network(i))} { subnet 10.91.${i}.0/24; subnet fd91:${i}::/64 }`,
      ),
      ...NASTY.map(
        (name, i) => `container ${quoted(name)} { network ${quoted(network(i % 8))}; env K=${i}; expose ${80 + i} }`,
      ),
      ...WORDS.map((name) => `container ${name} {}`),
      ...NASTY.slice(0, 6).map((name, i) => `let ${quoted(`l ${name}`)} = {${quoted(NASTY[i] as string)}, fwd}`),
      ...NASTY.slice(0, 6).map(
        (name, i) =>
          `deny ${quoted(`l ${name}`)} -> ${quoted(NASTY[i + 8] as string)}:${1000 + i} log ${['"plain"', '"it\'s"', '"a;b"', '"#"', '"x y"', '"`id`"'][i]}`,
      ),
      ...NASTY.map((name, i) => `link fwd -> ${quoted(name)} as ${quoted(aliasOf(i))}`),
      ...NASTY.map((name, i) => `publish ${20000 + i} -> ${quoted(name)}:80`),
      ...WORDS.map((name) => `allow ${name} -> fwd:22`),
    ];
    await write(host, "/run/lab/nasty.tsnet", `${names.join("\n")}\n`);
    await ok(host, "check", "/run/lab/nasty.tsnet");
    await ok(host, "compile", "/run/lab/nasty.tsnet", "--topology");
    const text = await ok(host, "compile", "/run/lab/nasty.tsnet", "--format", "text");
    // What is printed for people loads as well as what is loaded.
    await host.nft(text);
    await untouched(host);
    await host.run("nft", ["flush", "ruleset"]);
    await ok(host, "compile", "/run/lab/nasty.tsnet", "--apply");
    assert.match(await ok(host, "compile", "/run/lab/nasty.tsnet", "--apply"), /nothing to change/);
    const live = JSON.parse(await ok(host, "ls", "--json")) as { policies: { containers: { name: string }[] }[] };
    assert.equal(live.policies[0]?.containers.map(({ name }) => name).sort(), [...containers].sort());
    await ok(host, "ls");
    // Every third, each command beginning elsewhere: a command takes a fifth of a second.
    await each(third(0), async (name) => {
      assert.match(await ok(host, "explain", "/run/lab/nasty.tsnet", `${quoted(name)} -> fwd:22`), /allow|deny/);
    });
    await each(third(1), async (name) => {
      const inspected = JSON.parse(await ok(host, "inspect", given(name))) as { Name: string }[];
      assert.is(inspected[0]?.Name, `/${name}`);
    });
    await each([...third(2), "fwd"], async (name) => {
      const said = await tsnet(host, ["exec", given(name), "--", "cat", "/etc/hosts"]);
      assert.is(said.exitCode, 0, said.stderr);
      // One line an address, and no line that a name made.
      for (const line of said.stdout.split("\n").slice(6, -1))
        assert.match(line, /^(10\.9?[0-9.]+|fd91:[0-9a-f:]+)\t\S+( \S+)?$/u);
    });
    const variables = await tsnet(host, ["exec", "fwd", "--", "env", "-0"]);
    assert.is(variables.exitCode, 0, variables.stderr);
    assert.ok(variables.stdout.includes(`_NAME=/fwd/${aliasOf(0)}\0`));
    await ok(host, "remove");
    await unchanged(host, before);
    assert.is(await host.read("/run/tsnet"), undefined);
    await untouched(host);
  }));

it("of policies", () =>
  lab(async (host) => {
    const before = await snapshot(host);
    const names = [...new Set([...third(0), ...NASTY.filter((name) => name.startsWith("-"))])];
    await each([...names.keys()], async (i) => {
      const name = names[i] as string;
      await write(
        host,
        `/run/lab/policy-${i}.tsnet`,
        `policy ${quoted(name)}\nnetwork n { subnet 10.92.${i}.0/24 }\ncontainer c { network n }\n`,
      );
      await ok(host, "compile", `/run/lab/policy-${i}.tsnet`, "--apply");
    });
    const live = JSON.parse(await ok(host, "ls", "--json")) as { policies: { name: string }[] };
    assert.equal(live.policies.map(({ name }) => name).sort(), [...names].sort());
    await each(
      names.filter((name) => !name.startsWith("-")),
      async (name) => {
        assert.match(await ok(host, "inspect", `${name}/c`), /"Name": ?"\/c"/);
        assert.match(await ok(host, "exec", `${name}/c`, "--", "ip", "address"), /10\.92\./);
      },
    );
    // By name and by file, in turn.
    for (const [i, name] of names.entries())
      await ok(host, "remove", ...(i % 2 === 0 ? [`--policy=${name}`] : [`/run/lab/policy-${i}.tsnet`]));
    await unchanged(host, before);
    await untouched(host);
  }));

it("where a name isn't free they are refused with exit 1, and change nothing", () =>
  lab(async (host) => {
    const before = await snapshot(host);
    const places: ((name: string) => string)[] = [
      (name) => `network n { bridge ${name} }\ncontainer c { network n }`,
      (name) => `network n { driver macvlan ${name} }\ncontainer c { network n }`,
      (name) => `container a { }\ncontainer b { }\ndeny a -> b log ${name}`,
    ];
    const broken = places.flatMap((place) =>
      third(0)
        .slice(0, 6)
        .map((name) => place(quoted(name))),
    );
    broken.push(
      ...NONE.flatMap((name) => [`container ${quoted(name)} { }`, `policy ${quoted(name)}\ncontainer c { }`]),
    );
    await each([...broken.keys()], async (i) => {
      await write(host, `/run/lab/broken-${i}.tsnet`, `${broken[i]}\n`);
      const { exitCode, stderr } = await tsnet(host, ["compile", `/run/lab/broken-${i}.tsnet`, "--apply"]);
      if (exitCode === 0) await tsnet(host, ["remove", `/run/lab/broken-${i}.tsnet`]);
      // A log prefix may hold much.
      assert.ok(
        exitCode === 1 || (exitCode === 0 && broken[i]?.includes(" log ")),
        `${broken[i]}: ${exitCode} ${stderr.slice(0, 300)}`,
      );
    });
    await untouched(host);
    await unchanged(host, before);
    // A path is a path: nothing of it is run, and a file that isn't there is said to be.
    for (const name of third(1).slice(0, 3)) {
      await write(host, "/run/lab/path.tsnet", `container c { netns ${quoted(`/run/lab/${name}`)} }\n`);
      assert.is((await tsnet(host, ["compile", "/run/lab/path.tsnet", "--apply"])).exitCode, 3);
      await write(host, "/run/lab/path.tsnet", `include ${quoted(name)}\n`);
      assert.is((await tsnet(host, ["check", "/run/lab/path.tsnet"])).exitCode, 1);
      await untouched(host);
    }
    await unchanged(host, before);
  }));

it("the command goes away", forgetCommand);

test.run();

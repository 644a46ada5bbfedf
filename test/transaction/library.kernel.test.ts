/** What a program that uses the library hears where it passes the wrong thing, or may not change this host. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../src/index.js";
import { when } from "../kernel/features.js";
import { lab } from "../kernel/lab.js";
import { bundle, forgetCommand } from "../support/command.js";

const test = suite("the library");
const it = await when(test, "namespaces", "util-linux");
test.after(forgetCommand);

const library = await bundle("src/index.ts", "library.cjs");

/** Prints what an apply is refused with. */
const PROGRAM = `const { compile, open } = require(process.argv[1]);
(async () => {
  const net = await open();
  await net.apply(compile("container a {}").policy).catch(({ name, message, help }) =>
    console.log(JSON.stringify({ name, message, help })));
  await net.close();
})();`;

test("compile says what it takes", () => {
  for (const bad of [undefined, null, 5, Buffer.from("container a {}")])
    assert.throws(
      () => compile(bad as unknown as string),
      (error: Error) =>
        error instanceof TypeError && error.message.startsWith("compile takes a policy's text, as a string"),
    );
  assert.is(compile("container a {}").failed, false);
});

it("an apply without the privilege says what is lacking, not which file couldn't be made", async () => {
  await lab(async (host) => {
    // Who owns a directory writes in it, unless its mode says otherwise.
    await host.run("chmod", ["555", "/run"]);
    const refused = async (...capabilities: string[]): Promise<{ message: string; help: string }> => {
      const without = capabilities.map((name) => `-${name}`).join();
      const args = ["--bounding-set", without, "--inh-caps", without, process.execPath, "-e", PROGRAM, library];
      return JSON.parse((await host.run("setpriv", args)).stdout) as { message: string; help: string };
    };
    const unable = await refused("dac_override", "net_admin");
    assert.match(unable.message, "changing this host's network needs root: lacks CAP_NET_ADMIN");
    assert.match(unable.help, "run it with sudo");
    const unwriting = await refused("dac_override");
    assert.match(unwriting.message, /^what is live can't be recorded: EACCES.*\/run\/tsnet/);
    assert.is(unwriting.help, "run it as root");
  });
});

test.run();

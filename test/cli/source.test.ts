import { spawnSync } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { commandLine, forgetCommand } from "../support/command.js";
import { root } from "../support/policies.js";

const test = suite("where a policy comes from");

const [program = "", ...args] = commandLine(["check"]);
test.after(forgetCommand);

const options = { cwd: root, encoding: "utf8", timeout: 60_000 } as const;

test("a pipe that doesn't block is read to its end", () => {
  // The second half is written when the first has been taken, so that a read in between finds nothing.
  const script = `use Fcntl; pipe(my $from, my $to);
    fcntl($from, F_SETFL, fcntl($from, F_GETFL, 0) | O_NONBLOCK);
    my $id = fork; if (!$id) { close $to; open(STDIN, "<&", $from); exec(@ARGV) }
    syswrite($to, "icc off\\nallow c2 ");
    for (;;) { exit 9 if waitpid($id, 1); ioctl($from, 0x541B, my $left = pack("i", 0)); last if !unpack("i", $left) }
    syswrite($to, "-> c1:22\\n"); close $to; waitpid($id, 0); exit($? >> 8)`;
  const { status, stdout, stderr } = spawnSync("perl", ["-e", script, program, ...args, "-"], options);
  assert.is(status, 0, stderr);
  assert.match(stdout, "2 containers, 1 network, 1 rule");
});

test("what has no end is refused", () => {
  for (const [name, given] of [
    ["/dev/zero", "/dev/zero"],
    ["standard input", "-"],
  ] as const) {
    const shell = `${[program, ...args].join(" ")} ${given} < /dev/zero`;
    const { status, stderr } = spawnSync("bash", ["-c", shell], options);
    assert.is(status, 2, stderr);
    assert.match(stderr, `tsnet: can't read ${name}: it has more than 256 MiB\n`);
  }
});

test.run();

/** `share`: directories that sandboxes see, and nothing else does, with real sockets. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, lab } from "../kernel/lab.js";
import { commandLine, forgetCommand, tsnet } from "../support/command.js";
import { applied, done, fails, write } from "../support/history.js";

const test = suite("shares");
const it = await when(test, "namespaces", "ip", "nft", "nf_tables", "util-linux");
test.after(forgetCommand);

const POLICY = `policy shop
container db { mode none }
container app { mode none }
container web { }
container aside { mode container:web }
container agent { mode host }
`;
const KEPT = "/run/tsnet/shares/shop";

const inside = (host: Host, name: string, script: string): Promise<string> =>
  done(host, "exec", name, "--", "sh", "-c", script);

/** Whether the container sees a directory there. */
const sees = async (host: Host, name: string, path: string): Promise<boolean> =>
  (await tsnet(host, ["exec", name, "--", "test", "-d", path])).exitCode === 0;

/** Everything on the host below the places that shares are put at, as far as it is there. */
const standing = async (host: Host): Promise<string> =>
  (await host.run("find", ["/", "/srv", "/tmp", "/opt", "-maxdepth", "1", "-not", "-path", "/tmp/*"])).stdout;

// Answers one word by a socket, and connects to it.
const SERVER = `use Socket; my $path = shift; socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die; bind($s, pack_sockaddr_un($path)) or die "$path: $!";
  listen($s, 1); open(my $f, ">", "$path.ready"); close $f; accept(my $c, $s); my $line = <$c>; syswrite($c, "you said $line");`;
const CLIENT = `use Socket; my $path = shift; for (1 .. 1000) { last if -e "$path.ready"; select(undef, undef, undef, 0.01) }
  socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die; connect($s, pack_sockaddr_un($path)) or die "$path: $!";
  syswrite($s, "hello\n"); print scalar <$s>;`;

it("joins containers without a network by a socket, and is seen by no other", async () => {
  await lab(async (host) => {
    const before = await standing(host);
    await applied(
      host,
      `${POLICY}share "/shared/db" {db, app}\nshare "/srv/a/b" {app, web}\nshare "/tmp/tsnet-agent" {agent, web}`,
    );
    for (const [server, client, path] of [
      ["db", "app", "/shared/db/socket"],
      ["aside", "app", "/srv/a/b/socket"],
      ["agent", "web", "/tmp/tsnet-agent/socket"],
    ] as const) {
      const [, said] = await Promise.all([
        done(host, "exec", server, "--", "perl", "-e", SERVER, path),
        done(host, "exec", client, "--", "perl", "-e", CLIENT, path),
      ]);
      assert.is(said, "you said hello\n", path);
    }
    const [{ Mounts }] = JSON.parse(await done(host, "inspect", "aside")) as [
      { Mounts: { Source: string; Destination: string }[] },
    ];
    assert.equal(
      Mounts.map(({ Source, Destination }) => [Source, Destination]),
      [
        [`${KEPT}/%2Fsrv%2Fa%2Fb`, "/srv/a/b"],
        [`${KEPT}/%2Ftmp%2Ftsnet-agent`, "/tmp/tsnet-agent"],
      ],
    );
    const seen = async (name: string): Promise<boolean[]> => {
      const out: boolean[] = [];
      for (const path of ["/shared/db", "/srv/a/b", "/tmp/tsnet-agent"]) out.push(await sees(host, name, path));
      return out;
    };
    assert.equal(await seen("db"), [true, false, false]);
    assert.equal(await seen("app"), [true, true, false]);
    assert.equal(await seen("aside"), [false, true, true]);
    assert.equal(await seen("agent"), [false, false, true]);
    // Nor where they are kept.
    for (const name of ["db", "web"]) assert.is(await inside(host, name, `ls -A ${KEPT}/.. | wc -l`), "0\n", name);
    assert.is(await standing(host), before);
    assert.match(await done(host, "remove"), `did remove directory ${KEPT}/%2Fshared%2Fdb\n`);
    assert.is((await host.run("find", ["/run/tsnet"], { accept: "any" })).stdout, "");
    assert.is(await standing(host), before);
  });
});

it("what is beside a place that had to be made stays what it is, and is not lost unseen", async () => {
  await lab(async (host) => {
    await host.run("sh", [
      "-c",
      "mkdir -p /run/lab/d/sub /run/lab/d/.dot; echo one > '/run/lab/d/- a'; ln -s sub /run/lab/d/link",
    ]);
    await applied(host, `${POLICY}share "/run/lab/d/x/y" {app}\nshare "/run/lab/d/sub" {web}\nshare "/made" {app}`);
    assert.is(
      await inside(host, "app", "cd /run/lab/d && ls -A | sort && cat './- a' && echo two > sub/file && readlink link"),
      "- a\n.dot\nlink\nsub\nx\none\nsub\n",
    );
    assert.is((await host.run("cat", ["/run/lab/d/sub/file"])).stdout, "two\n");
    // Where it exists it is mounted over.
    assert.is(
      await inside(host, "web", "ls -A /run/lab/d/sub; echo mine > /run/lab/d/sub/mine; ls /run/lab/d/sub"),
      "mine\n",
    );
    assert.is((await host.run("ls", ["/run/lab/d/sub"])).stdout, "file\n");
    const { exitCode, stderr } = await tsnet(host, ["exec", "app", "--", "touch", "/nowhere"]);
    assert.is(exitCode, 1);
    assert.match(stderr, "Read-only file system");
    assert.is(
      await inside(host, "app", "cd /usr/bin && pwd && ls -d /made /proc/self/status"),
      "/usr/bin\n/made\n/proc/self/status\n",
    );
    assert.is((await tsnet(host, ["exec", "app", "--", "sh", "-c", "exit 7"])).exitCode, 7);
    // Where one is, relative names lead into the copy; and being where nothing is any more is no reason to fail.
    const from = (directory: string, name: string, script: string): string =>
      `mkdir -p /run/lab/gone; cd ${directory}; rmdir /run/lab/gone; exec "$@" exec ${name} -- sh -c '${script}'`;
    for (const [directory, name, script, said] of [
      ["/run/lab/d", "app", "ls -d x/y", "x/y\n"],
      ["/", "app", "ls -d made", "made\n"],
      ["/run/lab/gone", "web", "echo here", "here\n"],
    ] as const)
      assert.is((await host.run("sh", ["-c", from(directory, name, script), "sh", ...commandLine([])])).stdout, said);
  });
});

it("keeps what is in it through edits, goes with its statement, and failing applies change nothing", async () => {
  await lab(async (host) => {
    const first = `${POLICY}share "/shared/db" {db, app}\n`;
    await applied(host, first);
    await inside(host, "db", "echo kept > /shared/db/file");
    await applied(
      host,
      `${POLICY}share "/shared//db/" {app}\nshare "/shared/db" {web}\nshare "/shared/db/in" {agent}\n`,
    );
    assert.is(await inside(host, "web", "cat /shared/db/file"), "kept\n");
    assert.is(await sees(host, "db", "/shared/db"), false);
    // Something is in the way of the new one.
    await host.run("sh", ["-c", `echo mine > ${KEPT}/%2Fother`]);
    const path = await write(host, "policy.tsnet", `${POLICY}share "/other" {db, app}\n`);
    assert.match(
      await fails(host, 3, "compile", path, "--apply"),
      `${KEPT}/%2Fother, where the share /other is to be, is there already and no directory`,
    );
    assert.is(await inside(host, "web", "cat /shared/db/file"), "kept\n");
    await host.run("rm", [`${KEPT}/%2Fother`]);
    await done(host, "compile", path, "--apply");
    assert.is((await host.run("ls", [KEPT])).stdout, "%2Fother\n");
    assert.match(await done(host, "compile", path, "--apply"), "nothing to change");
  });
});

it("a directory that somebody takes away is drift, and one with a mount of somebody's stays", async () => {
  await lab(async (host) => {
    await applied(host, `${POLICY}share "/shared/db" {db, app}\nshare "/shared/app" {app}`);
    await host.run("rmdir", [`${KEPT}/%2Fshared%2Fdb`]);
    const { exitCode, stdout } = await tsnet(host, ["audit", "--json"]);
    assert.is(exitCode, 4);
    const { drift } = JSON.parse(stdout) as { drift: { object: string; statement: string }[] };
    assert.equal(
      drift.map(({ object, statement }) => [object, statement]),
      [[`directory ${KEPT}/%2Fshared%2Fdb`, '/run/lab/policy.tsnet:7: share "/shared/db" {db, app}']],
    );
    assert.match(
      await fails(host, 3, "exec", "db", "--", "true"),
      `the directory that 'db' has at /shared/db is gone (${KEPT}/%2Fshared%2Fdb)\n       apply the policy again`,
    );
    await done(host, "compile", "/run/lab/policy.tsnet", "--apply");
    await done(host, "exec", "db", "--", "test", "-d", "/shared/db");
    await host.run("sh", [
      "-c",
      `mkdir /run/lab/precious && echo 1 > /run/lab/precious/file && mkdir ${KEPT}/%2Fshared%2Fapp/in`,
    ]);
    await host.run("mount", ["--bind", "/run/lab/precious", `${KEPT}/%2Fshared%2Fapp/in`]);
    const said = await tsnet(host, ["remove"]);
    assert.match(said.stdout + said.stderr, `something is mounted at ${KEPT}/%2Fshared%2Fapp/in`);
    assert.is((await host.run("cat", ["/run/lab/precious/file"])).stdout, "1\n");
    await host.run("umount", [`${KEPT}/%2Fshared%2Fapp/in`]);
    await tsnet(host, ["remove", "--policy", "shop"]);
    assert.is((await host.run("find", ["/run/tsnet"], { accept: "any" })).stdout, "");
  });
});

it("is mounted in a /run with entries before mount's own", async () => {
  await lab(async (host) => {
    await host.run("sh", [
      "-c",
      "mkdir /run/dbus /run/lock; echo 1 > /run/a.pid; ln -s lock /run/link; mkdir -m 1777 /run/lab/tmp",
    ]);
    await applied(host, `${POLICY}share "/run/db" {app}\nshare "/run/lab/tmp/x" {web}`);
    assert.is(await inside(host, "app", "ls -d /run/db /run/lock; cat /run/a.pid"), "/run/db\n/run/lock\n1\n");
    assert.is(await inside(host, "web", "touch /run/lab/tmp/mine && ls /run/lab/tmp"), "mine\nx\n");
  });
});

it("leaves the command its variables and its user namespaces", async () => {
  await lab(async (host) => {
    const env = ["n", "e", "here", "root", "moved", "left"].map((name) => `env ${name}=5`).join("; ");
    await applied(host, `${POLICY}container own { ${env} }\nshare "/made" {own}\nshare "/srv/made" {own}`);
    const script = 'echo $n$e$here$root$moved$left; env | grep -c "^_tsnet"; ls -A / | grep -c tsnet';
    assert.is((await tsnet(host, ["exec", "own", "--", "sh", "-c", script])).stdout, "555555\n0\n0\n");
    const nested = await tsnet(host, ["exec", "own", "--", "unshare", "-Ur", "ls", "-d", "/made"]);
    assert.equal([nested.exitCode, nested.stdout], [0, "/made\n"], nested.stderr);
    // Where the root can't be put elsewhere, as one in memory that a machine starts from, it is the same but for the latter.
    await host.run("sh", ["-c", "mkdir /run/lab/bin; ln -s /bin/false /run/lab/bin/pivot_root"]);
    const words = commandLine([
      "exec",
      "own",
      "--",
      "sh",
      "-c",
      "ls -d /made; ls -A / | grep -c tsnet; touch /x || pwd",
    ]);
    const path = `PATH=/run/lab/bin:${process.env["PATH"] ?? ""}`;
    assert.is(
      (await host.run("sh", ["-c", 'cd /usr && exec "$@"', "sh", "env", path, ...words])).stdout,
      "/made\n0\n/usr\n",
    );
  });
});

it("follows no link out of a copy", async () => {
  await lab(async (host) => {
    const before = await standing(host);
    await host.run("sh", [
      "-c",
      "ln -s / /run/lab/root; ln -s /run/lab /run/lab/again; ln -s nowhere /run/lab/nowhere",
    ]);
    await applied(
      host,
      `${POLICY}share "/run/lab/root" {app}\nshare "/run/lab/root/made" {web}\nshare "/run/lab/nowhere" {db}
       share "/run/lab/again/x" {agent}\nshare "/run/lab/x" {agent}`,
    );
    assert.match(
      await fails(host, 3, "exec", "app", "--", "true"),
      "/run/lab/root would hide /dev, which commands need",
    );
    assert.is(await inside(host, "web", "ls -d /made /run/lab/root/made"), "/made\n/run/lab/root/made\n");
    assert.match(await fails(host, 3, "exec", "db", "--", "true"), "/run/lab/nowhere is a link that leads nowhere");
    assert.match(await fails(host, 3, "exec", "agent", "--", "true"), "is /run/lab/x, which is in another share");
    assert.is(await standing(host), before);
  });
});

it("refuses a place that it can't be mounted at, by name", async () => {
  await lab(async (host) => {
    await host.run("sh", ["-c", "echo > /run/lab/file; ln -s /run/tsnet /run/lab/link"]);
    await applied(
      host,
      `${POLICY}share "/run/lab/file/x" {db}\nshare "/run/lab/file" {app}\nshare "/run/lab/link" {web}`,
    );
    assert.match(
      await fails(host, 3, "exec", "db", "--", "true"),
      "/run/lab/file is no directory\n       share another path",
    );
    assert.match(await fails(host, 3, "exec", "app", "--", "true"), "/run/lab/file is no directory");
    assert.match(
      await fails(host, 3, "exec", "web", "--", "true"),
      "/run/lab/link would hide /run/tsnet/shares, which commands need",
    );
  });
});

test.run();

/** Wiring of the commands that ask a policy at work. Each command is a file of its own, loaded when it runs. */
import { Option } from "commander";
import { examples } from "./examples.js";
import { FILE_HELP, positive, transportOption, type Wiring } from "./wiring.js";

/** An option that may be given several times. */
function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

export const LIVE_COMMANDS: Wiring = {
  test: (program) =>
    program
      .command("test")
      .description("runs files of `assert` statements against a policy, or with real packets against what is live")
      .argument("<file...>", "files of tests: assert, let and include; `-` is standard input")
      .option("--policy-file <file>", "the policy that they are about; may be given several times", collect)
      .option("--live", "send real packets where the policy is live, besides")
      .option("--policy <name>", "with --live and without --policy-file: which policy, where several are live")
      .addOption(new Option("--format <form>", "how results are written").choices(["tap", "junit"]).default("tap"))
      .option("--junit <file>", "write JUnit's XML into this file, besides")
      .addOption(new Option("--json", "one JSON object").conflicts("format"))
      .addHelpText(
        "after",
        `
Without --live it needs neither root nor a kernel: each assertion is checked for every packet that it covers.
--live asks it of the policy that is live, and sends packets between its containers, and between them and this host.
For that long, sockets of tsnet's own answer on the ports that are asked and on which nobody listens. Packets from and to
the world aren't sent: an assertion of which no packet can be sent is skipped, with the reason.
--json: { policy, live, passed, failed, skipped, tests: [{ text, file, line, column, outcome, message, why, help,
counterexample, measured, notMeasured }], diagnostics }; the last two of a test with --live alone.
Exit status: 0 all hold, 1 one doesn't or a file has errors, 2 a file can't be read, 3 packets couldn't be sent at all.
` +
          examples(
            "tsnet test rules.test.tsnet --policy-file shop.tsnet",
            "tsnet test tests/*.tsnet --policy-file shop.tsnet --junit results.xml",
            "echo 'assert deny world -> db' | tsnet test - --policy-file shop.tsnet",
            "tsnet test rules.test.tsnet --live",
          ),
      )
      .action(async (files: string[], options) => (await import("./test.js")).test(files, options)),

  stats: (program) =>
    program
      .command("stats")
      .description("live counters per policy statement: the packets that each decided")
      .argument("[file...]", "policy files, or a container's name; none: all that is live")
      .option("--watch [seconds]", "look again and again, every second unless said", positive)
      .addOption(
        new Option("--log", "the last packets that `log` wrote, of policies that eBPF carries").conflicts("watch"),
      )
      .addOption(new Option("--drops", "the last packets that eBPF dropped, and why").conflicts(["watch", "log"]))
      .option("--json", "one JSON object; with --watch one a line")
      .addOption(transportOption())
      .addHelpText(
        "after",
        `
Of an allowed connection its first packet counts, of a denied one each. A packet counts for the statements that decide
it: those that name its ends and ports one by one before those of groups, ranges and zones. Counters survive an apply,
also of statements that others are written beside, and go with the policy. POLICY/NAME names a container where several
policies have it. With connection accounting on (sysctl net.netfilter.nf_conntrack_acct), bytes of the connections that
are open, both ways.
--json: { accounting, policies: [{ policy, statements: [{ kind, text, file, line, column, packets, bytes }],
defaults: [{ default, network, verdict, packets, bytes }], never }] }; \`bytes\` is null without accounting, \`never\` has
the statements that have decided no packet.
Counters only where nftables carries the policy: exits with 3 where iptables or eBPF does.

eBPF programs can't write to the kernel's log: what statements with \`log\` say is kept by them, the last 1,024 packets,
and --log prints it. --drops prints as many of what didn't pass, with the statement or the other reason. Both begin anew
when the dataplane is loaded anew, and name no statement of a packet that an earlier apply decided.
With --json: { events: [{ policy, time, verdict, reason, prefix, proto, source, sourcePort, destination, port, by }] }.
` +
          examples(
            "tsnet stats",
            "tsnet stats shop.tsnet --watch",
            "tsnet stats shop/db",
            "tsnet stats --log",
            "tsnet stats --json | jq -r '.policies[].never[]'",
          ),
      )
      .action(async (files: string[], options) => (await import("./stats.js")).stats(files, options)),

  trace: (program) =>
    program
      .command("trace")
      .description("follows live packets of one flow through the hooks, each step with its policy line")
      .argument("<query>", "whose packets, as explain takes it: 'c2 -> c1:22'")
      .option("--policy <name>", "in which policy's names, where several are live")
      .option("--count <packets>", "end after so many packets", positive)
      .option("--for <seconds>", "end after so many seconds", positive)
      .option("--json", "one JSON object a packet and line")
      .addHelpText(
        "after",
        `
Follows packets from the source to the destination as they are sent, so 'c2 -> host:49153' follows a published port, and
no replies. Ctrl-C ends it. Of more than 100 packets a second only so many are shown. The kernel is told by a table of
tsnet's own, which decides nothing and is gone when the command ends, even if it is killed.
--json: { source, destination, proto, port, flags, verdict, decision: { verdict, by, default },
steps: [{ hook, table, chain, effect, object, by }] }, a line each; \`decision\` is what the policy says.
Only where nftables carries the policy: exits with 3 where iptables or eBPF does.
` +
          examples(
            "tsnet trace 'c2 -> c1:22'",
            "tsnet trace 'world -> host:49153' --count 1",
            "tsnet trace 'c1 -> world' --for 30 --json",
          ),
      )
      .action(async (query: string, options) => (await import("./trace.js")).trace(query, options)),

  audit: (program) =>
    program
      .command("audit")
      .description("the live kernel against the policy: what drifted, and which foreign rules are in the way")
      .argument("[file...]", `${FILE_HELP}; without them every live policy, as it was applied`)
      .option("--fix", "apply again what has drifted, and say what that mended")
      .option("--json", "one JSON object")
      .addHelpText(
        "after",
        `
Reads rules, devices, addresses, routes, neighbours, sysctls, namespaces and hosts files back. The rules, as the kernel
has them, are held against the policy for every packet. Exits with 4 on drift, and where a foreign rule drops what the
policy allows.
Only where nftables carries the policy: exits with 3 where iptables or eBPF does.
--json: { drift: [{ object, statement, message }], foreign: [{ object, effect, statement, message }],
findings: [{ code, severity, message, file, line }] }, and with --fix mended: [message].
` + examples("tsnet audit", "tsnet audit shop.tsnet", "tsnet audit --fix", "tsnet audit --json | jq .drift"),
      )
      .action(async (files: string[], options) => (await import("./audit.js")).audit(files, options)),
};

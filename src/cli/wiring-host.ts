/** Wiring of the commands about what is live on this host. Each command is a file of its own, loaded when it runs. */
import { WAITER } from "./confirmation.js";
import { examples } from "./examples.js";
import { AUTO_HELP, backendOption, FILE_HELP, transportOption, type Wiring } from "./wiring.js";

export const HOST_COMMANDS: Wiring = {
  try: (program, { rest }) =>
    program
      .command("try")
      .description("the whole policy in a throwaway namespace: builds it, probes every pair with real packets")
      .argument("<file...>", FILE_HELP)
      .usage("[options] <file...> [-- COMMAND...]")
      .addOption(backendOption("nft"))
      .option("--json", "one JSON object: { cells: [...] }")
      .addHelpText(
        "after",
        AUTO_HELP + examples("tsnet try shop.tsnet", "tsnet try shop.tsnet -- tsnet exec c1 -- ip addr"),
      )
      .action(async (files: string[], options) => (await import("./try.js")).tryPolicy(files, rest, options)),

  ls: (program) =>
    program
      .command("ls")
      .description("the policies, networks and containers that are live")
      .option("--json", "one JSON object")
      .addHelpText("after", examples("tsnet ls"))
      .action(async (options) => (await import("./ls.js")).ls(options)),

  inspect: (program) =>
    program
      .command("inspect")
      .description("one live container or network as JSON, in the shape of `docker inspect`")
      .argument("<name>", "NAME, or POLICY/NAME where several policies have it")
      .option("--json", "the same; it is JSON anyway")
      .addHelpText("after", examples("tsnet inspect c1", "tsnet inspect shop/web"))
      .action(async (name: string) => (await import("./inspect.js")).inspect(name)),

  exec: (program, { rest }) =>
    program
      .command("exec")
      .description("runs a command in a container's sandbox, with its hosts file, link variables and shares")
      .argument("<name>", "NAME, or POLICY/NAME where several policies have it")
      .usage("<name> -- COMMAND...")
      .addHelpText("after", examples("tsnet exec c1 -- ip addr", "tsnet exec app -- sh -c 'echo $DATABASE_PORT'"))
      .action(async (name: string) => (await import("./exec.js")).exec(name, rest)),

  remove: (program) =>
    program
      .command("remove")
      .description("takes away everything a policy made, and nothing else")
      .argument("[file...]", "policy files that name the policy; without them the only live one")
      .option("--policy <name>", "the policy's name")
      .option("--json", "one JSON object")
      .addOption(transportOption())
      .addHelpText("after", examples("tsnet remove", "tsnet remove --policy shop"))
      .action(async (files: string[], options) => (await import("./remove.js")).remove(files, options)),

  confirm: (program) =>
    program
      .command("confirm")
      .description("keeps what `compile --apply --confirm SECONDS` has put on trial")
      .option("--json", "one JSON object")
      .addHelpText(
        "after",
        `
While a policy is on trial nothing else is applied on this host. \`tsnet rollback\` ends the trial at once.
--json: { policy, hash, confirmed }
` + examples("tsnet compile shop.tsnet --apply --confirm 60 && ssh host tsnet confirm", "tsnet confirm"),
      )
      .action(async (options) => (await import("./confirm.js")).confirm(options)),

  rollback: (program) =>
    program
      .command("rollback")
      .description("goes back to the Nth last applied policy: 1, the default, is the one before the live one")
      .argument("[n]", "how far back from what is live")
      .option("--policy <name>", "which policy, where several are live")
      .option("--list", "print the entries and their numbers, change nothing")
      .option("--json", "one JSON object")
      .addHelpText(
        "after",
        `
0 is live. Going back is applied like any policy and becomes the live one, so going back twice returns. After a remove,
1 is what was removed. Of a policy on trial, 1 is what was before the trial.
--json: { policy, n, hash, changed, operations, timings, changes }; hash is null
where nothing is live afterwards, timings absent where a trial was ended.
--list --json: { entries: [{ policy, n, hash, appliedAt, by, files, live, onTrial }] }
` + examples("tsnet rollback --list", "tsnet rollback", "tsnet rollback 3 --policy shop"),
      )
      .action(async (n: string | undefined, options) => (await import("./rollback.js")).rollback(n, options)),

  restore: (program) =>
    program
      .command("restore")
      .description("makes all policies that were live and confirmed live again: after a reboot or a flush of the rules")
      .option("--json", "one JSON object")
      .addHelpText(
        "after",
        `
A policy that can't be restored is left out whole: none of its ports is published, its containers have no network.
--json: { policies: [{ policy, restored, changed, operations, error }] }
` + examples("tsnet restore"),
      )
      .action(async (options) => (await import("./restore.js")).restore(options)),

  install: (program) =>
    program
      .command("install")
      .description("has systemd run `tsnet restore` at boot, before the network is up")
      .option("--print", "print the units, change nothing")
      .option("--remove", "take the units away")
      .option("--json", "one JSON object")
      .addHelpText(
        "after",
        `
Where systemd doesn't run it prints what to add where, and exits with 3.
` + examples("tsnet install", "tsnet install --print", "tsnet install --remove"),
      )
      .action(async (options) => (await import("./install.js")).install(options)),

  [WAITER]: (program) =>
    program
      .command(WAITER, { hidden: true })
      .argument("<id>")
      .action(async (id: string) => (await import("../transaction/watch.js")).awaitEnd(id)),
};

/** `tsnet plan` */
import { diff, isSame } from "../audit/diff/diff.js";
import { differenceJson, differenceLines, originJson } from "../audit/diff/report.js";
import type { Asked } from "../backend/choice.js";
import { Inexpressible } from "../backend/inexpressible.js";
import { changedText } from "../topology/forwarding.js";
import { changesAnything, preview, type Preview } from "../transaction/preview.js";
import { location } from "../text/source.js";
import { choiceJson, noteChoice } from "./chosen.js";
import { summary } from "./diff.js";
import { EXIT } from "./exit.js";
import { failInexpressible } from "./inexpressible.js";
import { compileOrFail } from "./input.js";
import { print, printJson, shown } from "./output.js";

export async function plan(files: readonly string[], options: { json?: boolean; backend?: Asked }): Promise<void> {
  const compiled = compileOrFail(files, options.json);
  const { policy } = compiled;
  try {
    const would = await preview(compiled, options.backend);
    const { choice } = would;
    noteChoice(choice);
    const changed = changesAnything(would);
    const difference = diff(would.before, policy);
    process.exitCode = changed ? EXIT.differs : EXIT.done;
    if (options.json)
      return printJson({
        policy: policy.name,
        appliedAt: would.appliedAt ?? null,
        changed,
        difference: differenceJson(would.before, policy, difference),
        objects: would.objects.map(({ verb, object, from }) => ({ verb, object, statements: from.map(originJson) })),
        topology: would.topology.map(({ verb, object, text, from }) => ({ verb, object, text, from: from ?? null })),
        sysctls: would.sysctls,
        ...(choice === undefined ? {} : { chosen: choiceJson(choice) }),
      });
    const name = shown(policy.name);
    if (would.appliedAt === undefined)
      print(
        changed
          ? `${name} isn't live: everything of it is new`
          : `${name} isn't on record as applied, but all of it is there; an apply puts it on record`,
      );
    for (const line of differenceLines(would.before, policy, difference)) print(shown(line));
    if (changed) print(isSame(difference) ? "no packet's verdict differs" : summary(difference.changes.length));
    printObjects(would);
    const { appliedAt, objects, switches } = would;
    if (appliedAt !== undefined && !switches && isSame(difference) && objects.length > 0)
      print(
        "the text means what is live: the kernel differs where somebody else has changed it, or statements are in another order",
      );
    print(
      changed ? `${name}: nothing was changed; apply it with tsnet compile FILE --apply` : `${name}: nothing to change`,
    );
  } catch (error) {
    if (!(error instanceof Inexpressible)) throw error;
    failInexpressible(error, options.json ?? false);
  }
}

/** More objects than this are counted. */
const OBJECTS = 60;

function printObjects({ objects, topology, sysctls }: Preview): void {
  const lines = [
    ...topology.map(({ text, from }) => `would ${text}${from === undefined ? "" : `   (${from})`}`),
    ...objects.map(
      ({ verb, object, from: [origin] }) =>
        `would ${verb} ${object}${origin === undefined ? "" : `   (${location(origin.span)})`}`,
    ),
    ...sysctls.map((change) => `would ${changedText(change)}`),
  ];
  for (const line of lines.slice(0, OBJECTS)) print(shown(line));
  if (lines.length > OBJECTS) print(`… and ${lines.length - OBJECTS} more; --json lists them all`);
}

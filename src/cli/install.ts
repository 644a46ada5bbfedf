/** `tsnet install` */
import { readFileSync, realpathSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeWhole } from "../system/files.js";
import { disableUnits, enableUnits, reloadUnits, systemdRuns, UNITS } from "../system/systemd.js";
import { EXIT, Failure } from "./exit.js";
import { note, print, printExactly, printJson, shown } from "./output.js";
import { MARKER, type Unit, units } from "./units.js";

export interface InstallFlags {
  readonly print?: boolean;
  readonly remove?: boolean;
  readonly json?: boolean;
}

export async function install(options: InstallFlags): Promise<void> {
  if (options.print && options.remove) throw new Failure(EXIT.usage, "give either --print or --remove");
  const command = [process.execPath, realpathSync(process.argv[1] ?? ""), "restore"];
  const wanted = units(command);
  if (options.print) return show(wanted, command, options.json ?? false);
  if (options.remove) return remove(wanted, options.json ?? false);
  if (!systemdRuns()) return advise(command, options.json ?? false);
  for (const file of writableByOthers(command))
    note(`tsnet: ${shown(file)} runs as root at boot now, and others than root can change it`);
  for (const unit of wanted) refuseForeign(unit);
  for (const { name, text } of wanted) writeWhole(pathOf(name), text, 0o644);
  await enableUnits(wanted.map(({ name }) => name));
  if (options.json) return printJson({ installed: true, units: wanted.map(({ name }) => pathOf(name)), command });
  for (const { name } of wanted) print(`did write and enable ${pathOf(name)}`);
  print("the policies that are live and confirmed come back at every boot");
}

const pathOf = (unit: string): string => join(UNITS, unit);

function show(wanted: readonly Unit[], command: readonly string[], json: boolean): void {
  if (json) return printJson({ units: wanted.map(({ name, text }) => ({ path: pathOf(name), text })), command });
  printExactly(wanted.map(({ name, text }) => `# ${pathOf(name)}\n${text}`).join("\n"));
}

async function remove(wanted: readonly Unit[], json: boolean): Promise<void> {
  for (const unit of wanted) refuseForeign(unit);
  const there = wanted.filter(({ name }) => read(pathOf(name)) !== undefined).map(({ name }) => name);
  if (there.length > 0) {
    await disableUnits(there);
    for (const name of there) rmSync(pathOf(name), { force: true });
    await reloadUnits();
  }
  if (json) return printJson({ installed: false, changed: there.length > 0, units: there.map(pathOf) });
  for (const name of there) print(`did disable and remove ${pathOf(name)}`);
  print(there.length === 0 ? "no unit of tsnet's is installed" : "what is live stays until the next boot");
}

/** Throws for a file of that name that we haven't written. */
function refuseForeign({ name }: Unit): void {
  const text = read(pathOf(name));
  if (text === undefined || text.startsWith(MARKER)) return;
  throw new Failure(
    EXIT.system,
    `${pathOf(name)} is there already, and \`tsnet install\` hasn't written it`,
    "move it away; `tsnet install --print` shows what would be written",
  );
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** A boot that restores nothing is no success, so a script must not take it for one. */
function advise(command: readonly string[], json: boolean): never {
  const line = command
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(" ");
  if (json) printJson({ installed: false, units: [], command });
  else
    print(
      `Have this run as root at boot, after the file systems are mounted and before the network comes up:

  ${line}

  OpenRC    as /etc/local.d/tsnet.start, executable, and: rc-update add local boot
  sysvinit  in /etc/rc.local, or as an init script with 'Required-Start: $local_fs' and 'X-Start-Before: networking'
  runit     in /etc/runit/core-services/99-tsnet.sh, or the distribution's stage 1

Once more when the network is up lets devices that came later forward too.`,
    );
  throw new Failure(EXIT.system, "nothing was installed: systemd doesn't run here", "see above for what to add where");
}

/** Of the program's files those that somebody else than root could replace. */
function writableByOthers(command: readonly string[]): string[] {
  const files = command.filter((word) => word.startsWith("/"));
  return files.filter((file) =>
    [file, dirname(file)].some((path) => {
      const { uid, mode } = statSync(path);
      return uid !== 0 || (mode & 0o022) !== 0;
    }),
  );
}

/**
 * What a command in a sandbox sees in other places than this host has it: files laid over others, directories mounted
 * where there may be none. All of it in a mount namespace of the command's own, so that nothing of it is anywhere else.
 *
 * A place that doesn't exist can't be mounted on, and making it would leave something on the host. So the directory that
 * it would be in is copied, for that namespace, into a tmpfs: what is in it is bound there, each to itself. The root
 * directory's copy becomes the command's root.
 */
import { existsSync, realpathSync, statfsSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";

export interface Bind {
  readonly from: string;
  readonly to: string;
}

/** A verb of `MOUNT_SCRIPT` and its arguments; the second may be empty. */
export type MountStep = readonly ["bind" | "copy" | "root" | "make" | "hide" | "seal", string, string];

/**
 * Takes the number of steps, the steps, and the command. No name is ever text of it. What a step can't do is said by its
 * tool, and ends it with 126.
 *
 * `fill` runs in the directory that it copies: below the mount that covers it, that is where it still is. `root` copies
 * the root directory over a directory that it keeps at hand as number 9.
 */
export const MOUNT_SCRIPT = `
here=$PWD root= moved=
fill() {
  mount -t tmpfs -o mode=755 tsnet "$1" || exit 126
  for e in .* *; do
    if [ "$e" = . ] || [ "$e" = .. ]; then continue; fi
    if [ -L "$e" ]; then cp -P "./$e" "$1/$e"
    elif [ -d "$e" ]; then mkdir "$1/$e" && mount -c --rbind "./$e" "$1/$e"
    elif [ -e "$e" ]; then : > "$1/$e" && mount -c --bind "./$e" "$1/$e"
    fi || exit 126
  done
  chown --reference=. "$1" && chmod --reference=. "$1" || exit 126
}
n=$1; shift
while [ "$n" -gt 0 ]; do
  case $1 in
  bind) mount -c --bind "$2" "$root$3" ;;
  copy) moved=1 && cd "$2" && fill "$2" ;;
  root) exec 9< "$2" && cd / && fill "$2" && root=$2 ;;
  make) mkdir -p "$root$2" ;;
  hide) mount -t tmpfs -o ro,mode=700 tsnet "$root$2" ;;
  seal) mount -o remount,ro "$root$2" ;;
  esac || exit 126
  shift 3
  n=$((n-1))
done
exec 9<&-
if [ -n "$root" ]; then exec chroot "$root" sh -c 'cd "$1" || cd /; shift; exec "$@"' sh "$here" "$@"; fi
# By its name, which leads into the copy. Where nothing was copied it may be one that has no name any more.
if [ -n "$moved" ]; then cd "$here" || cd /; fi
exec "$@"`;

/** linux/magic.h */
const TMPFS_MAGIC = 0x01021994;
/** What `root` keeps at hand. */
const COVERED = "/proc/self/fd/9";

/** Why a directory can't be mounted at a place: what is in the way. */
export class NoPlace extends Error {
  override readonly name = "NoPlace";
}

interface Placed extends Bind {
  /** Whether there is no directory yet. */
  readonly made: boolean;
  /** The directory that must be copied so that it can be made. */
  readonly copied: string | undefined;
  readonly inRoot: boolean;
}

/**
 * `files` are laid over files that exist; `directories` are mounted at places that needn't, and see them alone what is in
 * them: `hidden`, where all of these are, is empty then. Throws `NoPlace`.
 */
export function mountSteps(
  files: readonly Bind[],
  directories: readonly Bind[],
  hidden: string | undefined,
): MountStep[] {
  const placed: Placed[] = [];
  // Those inside another come behind it.
  for (const bind of [...directories].sort((a, b) => (a.to < b.to ? -1 : 1))) {
    const outer = placed.findLast(({ to }) => bind.to.startsWith(`${to}/`));
    placed.push(
      outer === undefined ? place(bind, hidden) : { ...bind, made: true, copied: undefined, inRoot: outer.inRoot },
    );
  }
  const copies = [...new Set(placed.map(({ copied }) => copied))].filter((one) => one !== undefined && one !== "/");
  const inRoot = placed.filter((one) => one.inRoot);
  return [
    ...files.map(({ from, to }) => step("bind", from, to)),
    ...copies.sort().map((copied) => step("copy", copied as string)),
    ...placed.filter((one) => !one.inRoot).flatMap(mounted),
    ...copies.filter((copied) => !isVolatile(copied as string)).map((copied) => step("seal", copied as string)),
    ...(inRoot.length === 0 ? [] : [step("root", inRoot[0]?.from as string)]),
    ...inRoot.flatMap((one, i) => mounted(i === 0 ? { ...one, from: COVERED } : one)),
    ...(hidden === undefined ? [] : [step("hide", hidden)]),
    ...(inRoot.length === 0 ? [] : [step("seal", "/")]),
  ];
}

function step(verb: MountStep[0], first: string, second = ""): MountStep {
  return [verb, first, second];
}

function mounted({ from, to, made }: Placed): MountStep[] {
  return [...(made ? [step("make", to)] : []), step("bind", from, to)];
}

function place(bind: Bind, hidden: string | undefined): Placed {
  const { to } = bind;
  const ancestor = nearest(to);
  const real = realpathSync(ancestor);
  if (!statSync(real).isDirectory()) throw new NoPlace(`${ancestor} is no directory`);
  const place = join(real, relative(ancestor, to));
  if (hidden !== undefined && `${hidden}/`.startsWith(`${place}/`))
    throw new NoPlace(`${to} is ${place}, which tsnet needs`);
  if (ancestor === to) return { ...bind, made: false, copied: undefined, inRoot: false };
  return { ...bind, made: true, copied: real, inRoot: real === "/" };
}

/** The nearest of a path and what it is in that exists. */
function nearest(path: string): string {
  return existsSync(path) ? path : nearest(dirname(path));
}

/** Whether what is made there is lost anyway, or is anybody's: a copy of it may be written to. */
function isVolatile(directory: string): boolean {
  return statfsSync(directory).type === TMPFS_MAGIC || (statSync(directory).mode & 0o1002) === 0o1002;
}

/**
 * What a command in a sandbox sees in other places than this host has it: files laid over others, directories mounted
 * where there may be none. All of it in a mount namespace of the command's own, so that nothing of it is anywhere else.
 *
 * A place that doesn't exist can't be mounted on, and making it would leave something on the host. So the directory that
 * it would be in is copied, for that namespace, into a tmpfs: what is in it is bound there, each to itself. The root
 * directory's copy becomes the command's root.
 */
import { existsSync, lstatSync, realpathSync, statfsSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";

export interface Bind {
  readonly from: string;
  readonly to: string;
}

/** A verb of `MOUNT_SCRIPT` and its arguments, which may be empty. */
export type MountStep = readonly ["bind" | "copy" | "root" | "make" | "hide" | "turn" | "seal", string, string];

/**
 * Takes the number of steps, the steps, and the command. No name is ever text of it. What a step can't do is said by its
 * tool, and ends it with 126.
 *
 * `fill` runs in the directory that it copies: below the mount that covers it, that is where it still is. `root` copies
 * the root directory over a directory that it keeps at hand as number 9, and `turn` makes the copy the root: by chroot, in which
 * the kernel makes no user namespaces, only where nothing else goes. mount keeps no notes (-n), which it would begin to in a copy of /run.
 */
export const MOUNT_SCRIPT = `
_tsnet_here=$PWD _tsnet_root= _tsnet_moved=
_tsnet_fill() {
  mount -n -t tmpfs -o mode=755,nosuid,nodev tsnet "$1" || exit 126
  for _tsnet_one in .* *; do
    case $_tsnet_one in .|..) continue ;; esac
    if [ -L "./$_tsnet_one" ]; then cp -dp "./$_tsnet_one" "$1/$_tsnet_one" || exit 126; continue; fi
    if [ -d "./$_tsnet_one" ]; then mkdir "$1/$_tsnet_one"
    elif [ -e "./$_tsnet_one" ]; then : > "$1/$_tsnet_one"
    else continue
    fi || exit 126
    mount -n -c --rbind "./$_tsnet_one" "$1/$_tsnet_one" 2>/dev/null && continue
    # What is gone meanwhile isn't missed.
    if [ -e "./$_tsnet_one" ]; then mount -n -c --rbind "./$_tsnet_one" "$1/$_tsnet_one" || exit 126; fi
    rm -d "$1/$_tsnet_one" || exit 126
  done
  chown --reference=. "$1" && chmod --reference=. "$1" || exit 126
}
_tsnet_left=$1; shift
while [ "$_tsnet_left" -gt 0 ]; do
  case $1 in
  bind) mount -n -c --bind "$2" "$_tsnet_root$3" ;;
  copy) _tsnet_moved=1 && cd "$2" && _tsnet_fill "$2" ;;
  root) exec 9< "$2" && cd / && _tsnet_fill "$2" && _tsnet_root=$2 ;;
  make) mkdir -p "$_tsnet_root$2" ;;
  hide) mount -n -t tmpfs -o ro,mode=700 tsnet "$_tsnet_root$2" ;;
  seal) mount -n -o remount,ro "$_tsnet_root$2" ;;
  turn)
    _tsnet_moved=1
    exec 9<&-
    mkdir "$_tsnet_root/.tsnet" && cd "$_tsnet_root" || exit 126
    # A root that is no mount itself, as of a chroot, can't be put elsewhere.
    if pivot_root . .tsnet 2>/dev/null; then cd / && umount -n -l /.tsnet && rmdir /.tsnet && _tsnet_root=
    else rmdir .tsnet
    fi ;;
  esac || exit 126
  shift 3
  _tsnet_left=$((_tsnet_left-1))
done
if [ -n "$_tsnet_root" ]; then
  exec chroot "$_tsnet_root" sh -c 'cd "$1" || cd /; shift; exec "$@"' sh "$_tsnet_here" "$@"
fi
# By its name, which leads into the copy. Where nothing was copied it may be one that has no name any more.
if [ -n "$_tsnet_moved" ]; then cd "$_tsnet_here" || cd /; fi
unset _tsnet_here _tsnet_root _tsnet_moved _tsnet_left _tsnet_one
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
  const placed = directories.map((bind) => place(bind, hidden));
  for (const [i, { to }] of placed.entries())
    // What is in the one is its containers' to say: a link of theirs could lead anywhere.
    if (placed.some((other, j) => i !== j && `${to}/`.startsWith(`${other.to}/`)))
      throw new NoPlace(`${directories[i]?.to} is ${to}, which is in another share`);
  const copies = [...new Set(placed.map(({ copied }) => copied))].filter((one) => one !== undefined && one !== "/");
  const inRoot = placed.filter(({ copied }) => copied === "/");
  return [
    ...files.map(({ from, to }) => step("bind", from, to)),
    // One in another comes behind it.
    ...copies.sort().map((copied) => step("copy", copied as string)),
    ...placed.filter(({ copied }) => copied !== "/").flatMap(mounted),
    ...copies.filter((copied) => !isVolatile(copied as string)).map((copied) => step("seal", copied as string)),
    ...(inRoot.length === 0 ? [] : [step("root", inRoot[0]?.from as string)]),
    ...inRoot.flatMap((one, i) => mounted(i === 0 ? { ...one, from: COVERED } : one)),
    ...(hidden === undefined ? [] : [step("hide", hidden)]),
    ...(inRoot.length === 0 ? [] : [step("turn", ""), step("seal", "/")]),
  ];
}

function step(verb: MountStep[0], first: string, second = ""): MountStep {
  return [verb, first, second];
}

function mounted({ from, to, made }: Placed): MountStep[] {
  return [...(made ? [step("make", to)] : []), step("bind", from, to)];
}

/** What a mount over would take away from every command; and what is in there. */
const NEEDED = ["/dev", "/proc", "/sys", "/usr/bin", "/usr/lib", "/bin", "/lib"];

/** Links are followed now, so that none leads elsewhere in a copy. */
function place({ from, to }: Bind, hidden: string | undefined): Placed {
  const ancestor = nearest(to);
  const real = realpathSync(ancestor);
  if (!statSync(real).isDirectory()) throw new NoPlace(`${ancestor} is no directory`);
  const at = join(real, relative(ancestor, to));
  const over = [...NEEDED, ...(hidden === undefined ? [] : [hidden])].find((one) => isIn(one, at));
  if (over !== undefined) throw new NoPlace(`${to} would hide ${over}, which commands need`);
  if (hidden !== undefined && isIn(at, hidden)) throw new NoPlace(`${to} is ${at}, which is tsnet's own`);
  return ancestor === to
    ? { from, to: at, made: false, copied: undefined }
    : { from, to: at, made: true, copied: real };
}

function isIn(path: string, directory: string): boolean {
  return directory === "/" || `${path}/`.startsWith(`${directory}/`);
}

/** The nearest of a path and what it is in that exists. */
function nearest(path: string): string {
  if (existsSync(path)) return path;
  if (isLink(path)) throw new NoPlace(`${path} is a link that leads nowhere`);
  return nearest(dirname(path));
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

/** Whether what is made there is lost anyway, or is anybody's: a copy of it may be written to. */
function isVolatile(directory: string): boolean {
  return statfsSync(directory).type === TMPFS_MAGIC || (statSync(directory).mode & 0o1002) === 0o1002;
}

/** What the kernel answers when it refuses (errno-base.h, errno.h). */
import { constants } from "node:os";

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno)
    .map(([name, number]): [number, string] => [number, name])
    .concat([
      [85, "ERESTART"],
      [524, "ENOTSUPP"],
    ]),
);

/** As strerror(3) has them, for those that a user may meet. */
const SENTENCES: Readonly<Record<string, string>> = {
  EPERM: "operation not permitted",
  ENOENT: "no such object",
  EEXIST: "it exists already",
  EBUSY: "it is in use",
  EINVAL: "invalid argument",
  ENFILE: "the set is full",
  ENOMEM: "out of memory",
  ENOBUFS: "no buffer space",
  EOPNOTSUPP: "not supported by this kernel",
  EAFNOSUPPORT: "the address family is not supported",
  ENODEV: "no such device",
  ENETUNREACH: "the network is unreachable",
  EADDRNOTAVAIL: "the address isn't there",
  ERESTART: "somebody else changed the ruleset meanwhile",
};

export function errnoName(number: number): string {
  return NAMES.get(number) ?? `error ${number}`;
}

/** The kernel refused a message. */
export class NetlinkError extends Error {
  override readonly name = "NetlinkError";
  /** As EPERM. */
  readonly code: string;
  readonly errno: number;
  /** The kernel's own sentence (NLMSGERR_ATTR_MSG), where it gave one. */
  readonly said: string | undefined;
  /** Position of the refused message in what was sent, from 0; undefined: the whole of it. */
  readonly index: number | undefined;

  constructor(errno: number, said?: string, index?: number) {
    const code = errnoName(errno);
    super(`${said ?? SENTENCES[code] ?? "the kernel refused"} (${code})`);
    this.code = code;
    this.errno = errno;
    this.said = said;
    this.index = index;
  }
}

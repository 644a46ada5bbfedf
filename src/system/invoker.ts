/** Who asks for what is done: the person behind sudo where there is one, else this process's user. */
import { userInfo } from "node:os";

/** Asking reads /etc/passwd, and a program may apply again and again. */
let user: string | undefined;

export function invoker(): string {
  const sudoer = process.env["SUDO_USER"] ?? "";
  if (sudoer !== "") return sudoer;
  // What the kernel knows root by, whatever /etc/passwd calls it.
  if (process.getuid?.() === 0) return "root";
  try {
    return (user ??= userInfo().username);
  } catch {
    // No user has this id: a container without /etc/passwd.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}

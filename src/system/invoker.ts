/** Who asks for what is done: the person behind sudo where there is one, else this process's user. */
import { userInfo } from "node:os";

export function invoker(): string {
  const sudoer = process.env["SUDO_USER"] ?? "";
  if (sudoer !== "") return sudoer;
  // Who applies mostly is: to ask reads /etc/passwd.
  if (process.getuid?.() === 0) return "root";
  try {
    return userInfo().username;
  } catch {
    // No user has this id: a container without /etc/passwd.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}

/**
 * Each thing that this program asks of the machine passes here first, so that a test can fail any one of them, or end
 * the process at any one of them, and look at what is left. Nothing else may hang on it.
 */

/** `what` is one line: the kind of thing and its object, as `command ip -batch -`. */
export type Observer = (what: string) => void;

let observer: Observer | undefined;

/** What the observer throws is thrown in place of doing the thing. Undefined: nobody looks on. */
export function observe(now: Observer | undefined): void {
  observer = now;
}

export function attempt(what: string): void {
  observer?.(what);
}

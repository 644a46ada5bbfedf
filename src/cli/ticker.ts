/** Progress of work that takes long. */
import { standardError } from "./sink.js";

/** What goes on, on a terminal, after the first second. */
export function ticker(): { progress: (text: string) => void; done: () => void } {
  if (!standardError.isTerminal) return { progress: () => undefined, done: () => undefined };
  let text = "";
  let visible = false;
  const show = (): void => {
    visible = true;
    standardError.write(`\r\u001b[K${text} …`);
  };
  const timer = setTimeout(show, 1000);
  return {
    progress: (next) => {
      text = next;
      if (visible) show();
    },
    done: () => {
      clearTimeout(timer);
      if (visible) standardError.write("\r\u001b[K");
    },
  };
}

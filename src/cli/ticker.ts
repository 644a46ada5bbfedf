/** Progress of work that takes long. */

/** What goes on, on a terminal, after the first second. */
export function ticker(): { progress: (text: string) => void; done: () => void } {
  if (!process.stderr.isTTY) return { progress: () => undefined, done: () => undefined };
  let text = "";
  let visible = false;
  const show = (): void => {
    visible = true;
    process.stderr.write(`\r\u001b[K${text} …`);
  };
  const timer = setTimeout(show, 1000);
  return {
    progress: (next) => {
      text = next;
      if (visible) show();
    },
    done: () => {
      clearTimeout(timer);
      if (visible) process.stderr.write("\r\u001b[K");
    },
  };
}

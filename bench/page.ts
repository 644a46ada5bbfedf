/** The page that explains the figures. */

export const PAGE = "docs/performance.md";

const BEGIN = "<!-- figures: written by npm run bench -- --docs -->";
const END = "<!-- end of figures -->";

/** The page with these figures in place of those that it has. Throws where it has no place for them. */
export function withFigures(page: string, figures: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from === -1 || to < from) throw new Error(`${PAGE} has no place for figures`);
  return `${page.slice(0, from + BEGIN.length)}\n\n${figures}\n\n${page.slice(to)}`;
}

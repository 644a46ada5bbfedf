/** Line charts as SVG, both axes logarithmic: how cost grows with the number of statements. */

export interface Series {
  readonly name: string;
  /** Pairs of x and y, both above 0, in the order of x. */
  readonly points: readonly (readonly [number, number])[];
}

export interface Panel {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
}

const WIDTH = 560;
const HEIGHT = 360;
const MARGIN = { left: 76, right: 290, top: 44, bottom: 52 };
/** Okabe and Ito's colours, which colour-blind readers can tell apart. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f"];
const MARKS = ["circle", "square", "diamond", "triangle"] as const;

/** A document of its own, the panels one below the other; a panel without points is left out. */
export function plot(panels: readonly Panel[], caption: string): string {
  const drawn = panels.filter(({ series }) => series.some(({ points }) => points.length > 0));
  const height = drawn.length * HEIGHT + 28;
  const body = drawn.map((panel, i) => `<g transform="translate(0 ${i * HEIGHT})">\n${draw(panel)}</g>\n`).join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH + MARGIN.right}" height="${height}" viewBox="0 0 ${WIDTH + MARGIN.right} ${height}" font-family="sans-serif" font-size="12" role="img">
<title>${escape(drawn.map(({ title }) => title).join("; "))}</title>
<rect width="100%" height="100%" fill="#fff"/>
${body}<text x="12" y="${height - 10}" font-size="11" fill="#555">${escape(caption)}</text>
</svg>
`;
}

interface Axis {
  readonly from: number;
  readonly to: number;
  place(value: number): number;
}

/** From the power of ten below the least value to the one above the greatest. */
function axis(values: readonly number[], start: number, end: number): Axis {
  const from = Math.floor(Math.log10(Math.min(...values)));
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values))));
  return { from, to, place: (value) => start + ((Math.log10(value) - from) / (to - from)) * (end - start) };
}

function draw({ title, x, y, series }: Panel): string {
  const points = series.flatMap((one) => one.points);
  const across = axis(
    points.map(([value]) => value),
    MARGIN.left,
    WIDTH,
  );
  const up = axis(
    points.map(([, value]) => value),
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
  );
  const lines = [`<text x="${MARGIN.left}" y="24" font-size="15" font-weight="bold">${escape(title)}</text>`];
  for (let power = across.from; power <= across.to; power++) {
    const at = round(across.place(10 ** power));
    lines.push(
      `<line x1="${at}" y1="${MARGIN.top}" x2="${at}" y2="${HEIGHT - MARGIN.bottom}" stroke="#ddd"/>`,
      `<text x="${at}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${label(power)}</text>`,
    );
  }
  for (let power = up.from; power <= up.to; power++) {
    const at = round(up.place(10 ** power));
    lines.push(
      `<line x1="${MARGIN.left}" y1="${at}" x2="${WIDTH}" y2="${at}" stroke="#ddd"/>`,
      `<text x="${MARGIN.left - 8}" y="${at + 4}" text-anchor="end">${label(power)}</text>`,
    );
  }
  lines.push(
    `<text x="${(MARGIN.left + WIDTH) / 2}" y="${HEIGHT - 14}" text-anchor="middle">${escape(x)}</text>`,
    `<text transform="translate(18 ${(HEIGHT - MARGIN.bottom + MARGIN.top) / 2}) rotate(-90)" text-anchor="middle">${escape(y)}</text>`,
  );
  series.forEach((one, i) => lines.push(...drawSeries(one, i, across, up)));
  return `${lines.join("\n")}\n`;
}

function drawSeries({ name, points }: Series, i: number, across: Axis, up: Axis): string[] {
  const colour = COLOURS[i % COLOURS.length] as string;
  const kind = MARKS[(i + Math.floor(i / COLOURS.length)) % MARKS.length] as (typeof MARKS)[number];
  const at = points.map(([a, b]): [number, number] => [round(across.place(a)), round(up.place(b))]);
  const legend = MARGIN.top + 8 + i * 20;
  return [
    `<polyline points="${at.map(([a, b]) => `${a},${b}`).join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...at.map(([a, b]) => mark(kind, a, b, colour)),
    mark(kind, WIDTH + 18, legend - 4, colour),
    `<text x="${WIDTH + 28}" y="${legend}">${escape(name)}</text>`,
  ];
}

function mark(kind: (typeof MARKS)[number], x: number, y: number, colour: string): string {
  switch (kind) {
    case "circle":
      return `<circle cx="${x}" cy="${y}" r="4" fill="${colour}"/>`;
    case "square":
      return `<rect x="${x - 3.5}" y="${y - 3.5}" width="7" height="7" fill="${colour}"/>`;
    case "diamond":
      return `<path d="M${x} ${y - 5}l5 5l-5 5l-5 -5z" fill="${colour}"/>`;
    case "triangle":
      return `<path d="M${x} ${y - 5}l5 9h-10z" fill="${colour}"/>`;
  }
}

function label(power: number): string {
  return power < 0 ? (10 ** power).toFixed(-power) : (10 ** power).toLocaleString("en");
}

const round = (value: number): number => Math.round(value * 10) / 10;

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** How cost grows with N, drawn from the suites. */
import { type Panel, plot, type Series } from "./plot.js";
import type { Suite } from "./report.js";

const FAMILIES = [
  { begin: "cold apply", title: "Cold apply, a whole process", y: "milliseconds" },
  { begin: "churn", title: "One statement changed", y: "microseconds" },
  { begin: "nothing or little changed", title: "Applying again, a whole process", y: "milliseconds" },
] as const;

/** One panel for each kind of suite that was measured at several N; medians. The names of suites hold N. */
export function growth(suites: readonly Suite[], caption: string): string {
  return plot(
    FAMILIES.map(({ begin, title, y }): Panel => {
      const series = new Map<string, [number, number][]>();
      for (const { name, figures } of suites) {
        const count = /, ([\d,]+) statements?/.exec(name)?.[1]?.replaceAll(",", "");
        if (!name.startsWith(begin) || count === undefined) continue;
        for (const figure of figures) {
          if (figure.unit !== "ms" && figure.unit !== "µs") continue;
          const points = series.get(figure.name) ?? [];
          points.push([Number(count), figure.median]);
          series.set(figure.name, points);
        }
      }
      const all = [...series].map(([name, points]): Series => ({ name, points: points.sort(([a], [b]) => a - b) }));
      return { title, x: "statements", y, series: all };
    }),
    caption,
  );
}

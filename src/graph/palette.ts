/** Colours, each pair of text and ground at least 4.5 to 1 (WCAG 2.2 AA); a test works the ratios out. */

export const ROLES = [
  "page",
  "panel",
  "box",
  "rule",
  "text",
  "muted",
  "allow",
  "allow-soft",
  "publish",
  "publish-soft",
  "deny",
  "deny-soft",
  "some",
  "some-soft",
  "mark",
  "focus",
] as const;
export type Role = (typeof ROLES)[number];
export type Palette = Readonly<Record<Role, string>>;

export const LIGHT: Palette = {
  page: "#f6f7f9",
  panel: "#ffffff",
  box: "#f0f3f6",
  rule: "#cdd5dd",
  text: "#161b22",
  muted: "#55606c",
  allow: "#0a6847",
  "allow-soft": "#cfeadd",
  publish: "#1d4fbf",
  "publish-soft": "#dbe6fc",
  deny: "#b3261e",
  "deny-soft": "#fbe0dd",
  some: "#7a4b00",
  "some-soft": "#fbe8c6",
  mark: "#fff3bf",
  focus: "#1d4fbf",
};

export const DARK: Palette = {
  page: "#0e1217",
  panel: "#161b22",
  box: "#1d242d",
  rule: "#38434f",
  text: "#e7ecf1",
  muted: "#9fabb8",
  allow: "#57d39b",
  "allow-soft": "#133a2b",
  publish: "#86b2ff",
  "publish-soft": "#1a2f55",
  deny: "#ff938a",
  "deny-soft": "#4a1d1a",
  some: "#f2bf62",
  "some-soft": "#42300d",
  mark: "#3a320c",
  focus: "#86b2ff",
};

/** Custom properties for one palette: `--page: #f6f7f9; …`. */
export function properties(palette: Palette): string {
  return ROLES.map((role) => `--${role}:${palette[role]};`).join("");
}

// Who may import whom: the road that data takes through src/, written down so that a test can hold it.
import path from "node:path";

export interface SourceFile {
  /** Relative to the project's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export const MAX_LINES = 350;

/** Every layer, and the layers before it that it may import. A layer may always import itself. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  text: [],
  net: [],
  system: ["text"],
  grammar: ["text", "net", "ast"],
  ast: ["text", "net", "grammar"],
  ir: ["text", "net", "grammar", "ast"],
  graph: ["text", "net", "ir"],
  // The browser's: of the rest it may know what the page carries.
  page: ["graph"],
  topology: ["text", "net", "system", "grammar", "ast", "ir"],
  backend: ["text", "net", "system", "grammar", "ast", "ir", "topology"],
  transaction: ["text", "net", "system", "grammar", "ast", "ir", "topology", "backend"],
  probe: ["text", "net", "system", "ir", "topology", "backend", "transaction"],
  lsp: ["text", "net", "grammar", "ast", "ir"],
  measure: ["system", "ir", "transaction"],
  audit: ["text", "net", "system", "grammar", "ast", "ir", "topology", "backend", "transaction"],
  index: ["text", "net", "system", "grammar", "ast", "ir", "topology", "backend", "transaction", "audit"],
  cli: [
    "text",
    "net",
    "system",
    "grammar",
    "ast",
    "ir",
    "topology",
    "backend",
    "transaction",
    "probe",
    "measure",
    "audit",
    "graph",
    "index",
  ],
};

/** The IR itself and what works on it. The rest of src/ir/ is the lowering, which reads the tree. */
const LOWERED = /^src\/ir\/(policy|peers|addresses|evaluate|normal)[^/]*\.ts$/;

/** What starts a process or calls the kernel: src/system's business alone. */
const MACHINE = new Set(["execa", "koffi", "node:child_process", "child_process"]);

export function layerOf(file: string): string | undefined {
  if (file.startsWith("grammar/")) return "grammar";
  if (file === "src/index.ts") return "index";
  const layer = /^src\/([^/]+)\//.exec(file)?.[1];
  return layer !== undefined && layer in LAYERS ? layer : undefined;
}

const backendOf = (file: string) => /^src\/backend\/([^/]+)\//.exec(file)?.[1];

/** The specifiers of static, re-exporting, type and dynamic imports; comments don't count. */
export function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const statement = /^\s*(?:import|export)\b[^"';]*?\bfrom\s*["']([^"']+)["']/gm;
  const bare = /^\s*import\s*["']([^"']+)["']/gm;
  const call = /\b(?:import|require)\s*\(\s*["']([^"']+)["']/g;
  return [statement, bare, call].flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ""));
}

function checkTarget(file: string, from: string, target: string): string | undefined {
  const to = layerOf(target);
  if (to === undefined) return `imports ${target}, which is in no layer`;
  if (from !== to && !LAYERS[from]?.includes(to)) return `${from} must not import ${to} (${target})`;
  const [own, other] = [backendOf(file), backendOf(target)];
  // What backends have in common knows none of them, and is as pure as a plan.
  if (own === "shape" && (to === "system" || to === "topology")) return `backends' shape is pure: no ${target}`;
  if (own !== undefined && other !== undefined && own !== other && other !== "shape")
    return `backend ${own} must not know ${other}`;
  if (LOWERED.test(file) && to === "ast") return `what was lowered must not know ast (${target})`;
  if (/\/plan\.ts$/.test(file) && to === "system") return `a plan is pure: it must not import ${target}`;
  return undefined;
}

function checkImport(file: string, from: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) {
    if (MACHINE.has(specifier) && from !== "system") return `only system may import ${specifier}`;
    return specifier.startsWith("/") ? `imports the absolute path ${specifier}` : undefined;
  }
  const resolved = path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
  if (resolved === "package.json" && file === "src/system/version.ts") return undefined;
  if (!/^(src|grammar)\//.test(resolved)) return `the import ${specifier} leads out of src and grammar`;
  if (!/\.(js|json)$/.test(specifier)) return `the import ${specifier} must end in .js`;
  return checkTarget(file, from, resolved.replace(/\.js$/, ".ts"));
}

/** Everything in these files that the architecture forbids, one line each. */
export function violations(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const from = layerOf(file.path);
    if (from === undefined) return [`${file.path}: is in no layer`];
    const found = importsOf(file.text).map((specifier) => checkImport(file.path, from, specifier));
    const lines = file.text.trimEnd().split("\n").length;
    if (lines > MAX_LINES) found.push(`has ${lines} lines, more than ${MAX_LINES}`);
    return found.filter((problem) => problem !== undefined).map((problem) => `${file.path}: ${problem}`);
  });
}

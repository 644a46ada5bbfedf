/** `tsnet graph` */
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildGraph } from "../graph/build.js";
import { renderDot } from "../graph/dot.js";
import { draw } from "../graph/draw.js";
import { type Assets, renderPage } from "../graph/html.js";
import { standalone } from "../graph/svg.js";
import { renderText } from "../graph/text.js";
import type { Compiled } from "../ir/compile.js";
import { cellsJson } from "../probe/unmeasured.js";
import { EXIT, Failure } from "./exit.js";
import { compileOrFail } from "./input.js";
import { printPieces, shown, wantsColour } from "./output.js";
import { standardOutput } from "./sink.js";

export interface GraphOptions {
  readonly format: "text" | "dot" | "svg" | "html";
  readonly json?: boolean;
  readonly output?: string;
}

/** Columns of what isn't a terminal. */
const WIDTH = 80;

export async function graph(files: readonly string[], options: GraphOptions): Promise<void> {
  const json = options.json === true;
  const compiled = compileOrFail(files, json);
  const target = options.output === "-" ? undefined : options.output;
  const pieces = json ? cellsJson(compiled.policy) : [await rendered(compiled, options.format, target === undefined)];
  if (target === undefined) await printPieces(pieces);
  else write(target, pieces);
}

function write(path: string, pieces: Iterable<string>): void {
  try {
    const file = openSync(path, "w");
    for (const piece of pieces) writeFileSync(file, piece);
    closeSync(file);
  } catch (error) {
    const { message } = error as Error;
    throw new Failure(
      EXIT.system,
      `can't write ${shown(path)}: ${message}`,
      "name a file in a directory that is yours",
    );
  }
}

async function rendered(compiled: Compiled, format: GraphOptions["format"], printed: boolean): Promise<string> {
  const model = buildGraph(compiled);
  switch (format) {
    case "text": {
      const width = (printed ? standardOutput.width : undefined) ?? WIDTH;
      return `${renderText(model, { width, color: printed && wantsColour(standardOutput) })}\n`;
    }
    case "dot":
      return renderDot(model);
    case "svg":
      return standalone(await draw(model));
    case "html":
      return renderPage(await draw(model), assets());
  }
}

/** The page's script and style, which the build puts beside the command. */
function assets(): Assets {
  const beside = import.meta.dirname;
  const folder = existsSync(join(beside, "graph-page.js")) ? beside : join(beside, "../../dist");
  try {
    const read = (name: string) => readFileSync(join(folder, name), "utf8");
    return { script: read("graph-page.js"), style: read("graph-page.css") };
  } catch {
    throw new Failure(EXIT.system, "the page's script isn't there: this installation isn't complete", "npm run build");
  }
}

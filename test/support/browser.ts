/** Pages of `tsnet graph` in a real Chromium: Debian's, driven by playwright-core, which brings none of its own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import { buildGraph } from "../../src/graph/build.js";
import { draw } from "../../src/graph/draw.js";
import { type Assets, renderPage } from "../../src/graph/html.js";
import { compile } from "../../src/ir/compile.js";
import { root } from "./policies.js";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The page's script and style, from the sources as they are: dist/ may be older. */
async function assets(): Promise<Assets> {
  const text = async (entry: string) => {
    const { outputFiles } = await build({
      absWorkingDir: root,
      entryPoints: [entry],
      bundle: true,
      format: "iife",
      target: "es2022",
      write: false,
      logLevel: "error",
    });
    return outputFiles[0]?.text ?? "";
  };
  return { script: await text("src/page/main.ts"), style: await text("src/page/page.css") };
}

/** The page of a policy, which must have no errors. */
export async function pageOf(text: string, file = "policy.tsnet"): Promise<string> {
  const compiled = compile(text, { file });
  if (compiled.failed) throw new Error(compiled.diagnostics.map(({ message }) => message).join("; "));
  return renderPage(await draw(buildGraph(compiled)), await assets());
}

/** A page that is open, and everything it did that a page from disk must not. */
export interface Opened {
  readonly page: Page;
  /** Errors, dialogs and requests, but for the page itself. */
  readonly faults: readonly string[];
}

export class Chromium {
  private constructor(
    private readonly browser: Browser,
    private readonly folder: string,
  ) {}

  static async start(): Promise<Chromium> {
    const folder = mkdtempSync(path.join(tmpdir(), "tsnet-page-"));
    return new Chromium(await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS }), folder);
  }

  /** Opens HTML or SVG from disk. */
  async open(text: string, name = "page.html", colorScheme: "light" | "dark" = "light"): Promise<Opened> {
    const file = path.join(this.folder, name);
    writeFileSync(file, text);
    const page = await this.browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme });
    const faults: string[] = [];
    const own = pathToFileURL(file).href;
    page.on("console", (message) => void (message.type() === "error" && faults.push(`console: ${message.text()}`)));
    page.on("pageerror", (error) => void faults.push(`error: ${error.message}`));
    page.on("request", (request) => void (request.url() !== own && faults.push(`request: ${request.url()}`)));
    page.on("dialog", (dialog) => {
      faults.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.goto(own);
    return { page, faults };
  }

  async end(): Promise<void> {
    await this.browser.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

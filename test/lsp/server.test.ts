/** The language server as an editor starts it: the command, over standard input and output. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  createProtocolConnection,
  type Diagnostic,
  type ProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-languageserver/node.js";
import { bundle, commandLine, forgetCommand } from "../support/command.js";

const test = suite("language server");
test.after(forgetCommand);

// Beside the command, as in dist/.
const server = await bundle("src/lsp/server.ts", "lsp.js");
await writeFile(join(dirname(server), "package.json"), '{ "type": "commonjs" }');

interface Editor {
  readonly connection: ProtocolConnection;
  /** Opens a file of the folder with a text that isn't on disk. */
  open(name: string, text: string): Promise<string>;
  /** The next diagnostics of a file. */
  next(uri: string): Promise<readonly Diagnostic[]>;
}

/** Starts the server for a folder with these files, and ends it as an editor does. */
async function edit(files: Readonly<Record<string, string>>, body: (editor: Editor) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "tsnet-lsp-"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const [command, ...args] = commandLine(["lsp", "--stdio"]);
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const connection = createProtocolConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  const waiting = new Map<string, (diagnostics: readonly Diagnostic[]) => void>();
  connection.onNotification("textDocument/publishDiagnostics", ({ uri, diagnostics }) => {
    waiting.get(uri)?.(diagnostics);
    waiting.delete(uri);
  });
  connection.listen();
  try {
    await connection.sendRequest("initialize", { processId: process.pid, rootUri: null, capabilities: {} });
    await connection.sendNotification("initialized", {});
    await body({
      connection,
      async open(name, text) {
        const uri = pathToFileURL(join(folder, name)).href;
        const document = { uri, languageId: "tsnet", version: 1, text };
        await connection.sendNotification("textDocument/didOpen", { textDocument: document });
        return uri;
      },
      next: (uri) => new Promise((resolve) => waiting.set(uri, resolve)),
    });
    await connection.sendRequest("shutdown");
    await connection.sendNotification("exit");
    assert.is(await ended, 0);
  } finally {
    child.kill("SIGKILL");
    connection.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}

const POLICY = `icc off
container web { }
container db { expose 5432 }
allow wbe -> db:5432
`;

test("diagnostics, their fixes, and what an editor asks about names", async () => {
  await edit({}, async ({ connection, open, next }) => {
    const uri = await open("p.tsnet", POLICY);
    const [wrong, more] = await next(uri);
    assert.equal([wrong?.code, wrong?.severity, more], ["unknown-name", 1, undefined]);
    assert.equal(wrong?.range, { start: { line: 3, character: 6 }, end: { line: 3, character: 9 } });

    const textDocument = { uri };
    const actions = await connection.sendRequest("textDocument/codeAction", {
      textDocument,
      range: wrong?.range,
      context: { diagnostics: [wrong] },
    });
    const edits = (actions as { edit: { changes: Record<string, unknown[]> } }[]).map((one) => one.edit.changes[uri]);
    assert.equal(edits, [[{ range: wrong?.range, newText: "web" }]]);

    const mended = next(uri);
    await connection.sendNotification("textDocument/didChange", {
      textDocument: { uri, version: 2 },
      contentChanges: [{ range: wrong?.range, text: "web" }],
    });
    assert.equal(await mended, []);

    const db = { textDocument, position: { line: 3, character: 14 } };
    const declared = { start: { line: 2, character: 10 }, end: { line: 2, character: 12 } };
    assert.equal(await connection.sendRequest("textDocument/definition", db), { uri, range: declared });
    const references = await connection.sendRequest("textDocument/references", {
      ...db,
      context: { includeDeclaration: true },
    });
    assert.is((references as unknown[]).length, 2);
    const renamed = await connection.sendRequest("textDocument/rename", { ...db, newName: "data base" });
    const { changes } = renamed as { changes: Record<string, { newText: string }[]> };
    assert.equal(
      changes[uri]?.map(({ newText }) => newText),
      ['"data base"', '"data base"'],
    );
    for (const [newName, why] of [
      ["web", "'web' is a name of this policy already"],
      ["host", "'host' can't be declared: the language uses it"],
      ["default", "'default' is the name of the default network"],
      ["", "a name can't be empty"],
    ] as const) {
      const refused = connection.sendRequest("textDocument/rename", { ...db, newName });
      assert.match(String(await refused.catch((error: Error) => error.message)), why);
    }
    const said = (await connection.sendRequest("textDocument/hover", db)) as { contents: { value: string } };
    assert.match(said.contents.value, "**container** `db`");
    const items = (await connection.sendRequest("textDocument/completion", db)) as { label: string }[];
    assert.ok(items.some(({ label }) => label === "web"));
    const symbols = (await connection.sendRequest("textDocument/documentSymbol", { textDocument })) as {
      name: string;
    }[];
    assert.equal(
      symbols.map(({ name }) => name),
      ["icc off", "web", "db", "allow web -> db:5432"],
    );
  });
});

test("formatting, and not of what doesn't parse", async () => {
  await edit({}, async ({ connection, open }) => {
    const options = { tabSize: 2, insertSpaces: true };
    const uri = await open("p.tsnet", "allow   a->b:22");
    const edits = await connection.sendRequest("textDocument/formatting", { textDocument: { uri }, options });
    assert.equal(
      (edits as { newText: string }[]).map(({ newText }) => newText),
      ["allow a -> b:22\n"],
    );
    const broken = await open("q.tsnet", "allow   a->");
    assert.equal(
      await connection.sendRequest("textDocument/formatting", { textDocument: { uri: broken }, options }),
      [],
    );
  });
});

test("an included file is a part of what includes it; a file that isn't open counts as on disk", async () => {
  const files = {
    "main.tsnet": 'include "names.tsnet"\ninclude "rules.tsnet"\nicc off',
    "names.tsnet": "container a { }",
  };
  await edit(files, async ({ connection, open, next }) => {
    const uri = await open("rules.tsnet", "allow a -> b:22");
    assert.equal(
      (await next(uri)).map(({ code }) => code),
      ["unknown-name"],
    );
    const found = await connection.sendRequest("textDocument/definition", {
      textDocument: { uri },
      position: { line: 0, character: 6 },
    });
    assert.match((found as { uri: string }).uri, /names\.tsnet$/);
  });
});

test.run();

/** The language server by the command as it is built: how its parts are loaded is the build's, not the sources'. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createProtocolConnection, StreamMessageReader, StreamMessageWriter } from "vscode-languageserver/node.js";

const root = join(import.meta.dirname, "../..");
const test = suite("the built language server");

test("it answers an initialize request", async () => {
  const child = spawn(process.execPath, [join(root, "dist/tsnet.js"), "lsp"], { stdio: ["pipe", "pipe", "pipe"] });
  const said: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => said.push(text));
  const ended = new Promise<never>((_, reject) => {
    child.once("exit", (code) => reject(new Error(`it ended with ${code}: ${said.join("")}`)));
  });
  const connection = createProtocolConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  connection.listen();
  try {
    const asked = connection.sendRequest("initialize", { processId: process.pid, rootUri: null, capabilities: {} });
    const { capabilities } = (await Promise.race([asked, ended])) as { capabilities: { hoverProvider?: unknown } };
    assert.ok(capabilities.hoverProvider);
  } finally {
    ended.catch(() => undefined);
    child.kill("SIGKILL");
    connection.dispose();
  }
});

test.run();

/** The process of a throwaway host: a question a line, an answer a line. */
import { createInterface } from "node:readline";
import { hideHost } from "../src/probe/arena.js";
import { run } from "../src/system/run.js";

interface Question {
  readonly module: string;
  readonly name: string;
  readonly args: readonly unknown[];
}

async function answer({ module, name, args }: Question): Promise<object> {
  try {
    const functions = (await import(module)) as Record<string, (...args: readonly unknown[]) => unknown>;
    return { result: (await functions[name]?.(...args)) ?? null };
  } catch (error) {
    return { error: String((error as Error).message) };
  }
}

async function main(): Promise<void> {
  await hideHost();
  await run("ip", ["link", "set", "dev", "lo", "up"]);
  for await (const line of createInterface({ input: process.stdin }))
    process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line) as Question))}\n`);
  // What a suite has left open would keep the namespaces.
  process.exit(0);
}

void main();

/** A throwaway host for a suite: a process in namespaces of its own that calls functions when it is asked. */
import { fileURLToPath } from "node:url";
import { startTalker, type Talker } from "../src/system/child.js";

export class World {
  private readonly talker: Talker;

  constructor(way: readonly string[]) {
    const script = fileURLToPath(new URL("./world-process.ts", import.meta.url));
    this.talker = startTalker("unshare", [...way, process.execPath, ...process.execArgv, script]);
  }

  /**
   * Calls an exported function of the module at a URL there. Arguments and result travel as JSON; rejects with what it
   * throws. One call at a time.
   */
  async call<T>(module: string, name: string, ...args: readonly unknown[]): Promise<T> {
    this.talker.send({ module, name, args });
    const { result, error } = (await this.talker.receive()) as { result: T; error?: string };
    if (error !== undefined) throw new Error(error);
    return result;
  }

  /** The host and everything in it goes. */
  end(): Promise<void> {
    return this.talker.end();
  }
}

/** Makes worlds for `work` and ends them, whatever happens. */
export async function inWorlds<T>(
  way: readonly string[] | undefined,
  count: number,
  work: (worlds: readonly World[]) => Promise<T>,
): Promise<T> {
  if (way === undefined) throw new Error("namespaces can't be made here");
  const worlds = Array.from({ length: count }, () => new World(way));
  try {
    return await work(worlds);
  } finally {
    await Promise.all(worlds.map((world) => world.end()));
  }
}

export function inWorld<T>(way: readonly string[] | undefined, work: (world: World) => Promise<T>): Promise<T> {
  return inWorlds(way, 1, ([world]) => work(world as World));
}

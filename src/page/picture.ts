/** The picture: choosing its parts, showing what something else speaks of, and its size. */
import type { Data } from "./data.js";
import { byId, onPress } from "./dom.js";

export interface PictureEvents {
  readonly onGroups: (groups: readonly number[]) => void;
  readonly onPair: (from: number, to: number) => void;
}

type Pair = readonly [from: number, to: number];

const STEP = 1.25;

export class Picture {
  private readonly svg = byId<SVGSVGElement>("picture");
  private readonly canvas = byId("canvas");
  private readonly width = Number(this.svg.getAttribute("width"));
  private readonly height = Number(this.svg.getAttribute("height"));
  private readonly parts = this.svg.querySelectorAll<SVGGElement>("[data-node],[data-edge]");
  private scale = 1;

  constructor(
    private readonly data: Data,
    { onGroups, onPair }: PictureEvents,
  ) {
    for (const part of this.parts) {
      onPress(part, () => {
        const [pair] = this.pairsOf(part);
        if (pair !== undefined) onPair(...pair);
        else onGroups(this.groupsOf(part));
      });
    }
    byId("zoom-in").addEventListener("click", () => this.resize(this.scale * STEP));
    byId("zoom-out").addEventListener("click", () => this.resize(this.scale / STEP));
    byId("zoom-fit").addEventListener("click", () => this.fit(0.2, true));
    this.fit(0.75, false);
    // Who asks stands on the left, in the middle.
    this.canvas.scrollTop = (this.canvas.scrollHeight - this.canvas.clientHeight) / 2;
  }

  private pairsOf({ dataset }: SVGGElement): readonly Pair[] {
    return this.data.page.edges[dataset["edge"] ?? ""] ?? [];
  }

  private groupsOf({ dataset }: SVGGElement): readonly number[] {
    return this.data.page.nodes[dataset["node"] ?? ""] ?? [];
  }

  /** What these pairs and groups are drawn as stands out; everything does where there are none. */
  highlight(pairs: readonly Pair[], groups: readonly number[]): void {
    const wanted = new Set(pairs.map(([from, to]) => `${from} ${to}`));
    const ends = new Set([...groups, ...pairs.flat()]);
    this.svg.classList.toggle("choosing", ends.size > 0);
    for (const part of this.parts) {
      const hit =
        this.pairsOf(part).some(([from, to]) => wanted.has(`${from} ${to}`)) ||
        this.groupsOf(part).some((group) => ends.has(group));
      part.classList.toggle("chosen", hit);
    }
    const first = [...this.parts].find((part) => part.matches(".chosen[data-node]"));
    if (first !== undefined) this.reveal(first);
  }

  /** Scrolls the picture, and not the page, to a part that is out of sight. */
  private reveal(part: SVGGElement): void {
    const [own, room] = [part.getBoundingClientRect(), this.canvas.getBoundingClientRect()];
    if (own.top < room.top || own.bottom > room.bottom) this.canvas.scrollTop += own.top - room.top - room.height / 3;
    if (own.left < room.left || own.right > room.right) this.canvas.scrollLeft += own.left - room.left - room.width / 3;
  }

  /** As wide as there is room for, and as high where `whole`, but no smaller than `least`. */
  private fit(least: number, whole: boolean): void {
    const { clientWidth, clientHeight } = this.canvas;
    const scale = Math.min(1, (clientWidth - 2) / this.width, whole ? (clientHeight - 2) / this.height : 1);
    this.resize(Math.max(least, scale));
  }

  private resize(scale: number): void {
    this.scale = Math.min(3, Math.max(0.2, scale));
    this.svg.setAttribute("width", String(Math.round(this.width * this.scale)));
    this.svg.setAttribute("height", String(Math.round(this.height * this.scale)));
  }
}

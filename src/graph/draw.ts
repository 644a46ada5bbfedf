/** From a graph to a drawing of it. */
import { layOut } from "./layout.js";
import type { Graph } from "./model.js";
import { pictureOf } from "./picture.js";
import { type Drawing, titlesOf } from "./svg.js";

export async function draw(graph: Graph): Promise<Drawing> {
  const picture = pictureOf(graph);
  const titles = titlesOf(graph, picture);
  return { graph, picture, titles, layout: await layOut(picture, titles) };
}

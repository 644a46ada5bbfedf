/** Words beside the picture. Pure. */
import type { Graph, GraphNetwork } from "./model.js";
import type { Detail } from "./picture.js";

/** `front: 10.201.1.0/24, icc off`. */
export function networkText({ networks }: Pick<Graph, "networks">, name: string): string {
  const network = networks.find((one) => one.name === name);
  return network === undefined ? name : `${name}: ${propertiesOf(network).join(", ")}`;
}

export function propertiesOf({ subnets, icc, internal, masquerade }: GraphNetwork): string[] {
  return [
    ...subnets,
    icc ? "icc on" : "icc off",
    ...(internal ? ["internal"] : []),
    ...(masquerade ? [] : ["masquerade off"]),
  ];
}

/** What isn't drawn, because it holds without a statement. */
export const NOT_DRAWN =
  "Not drawn, as no statement says it: host to container; container to world and host unless internal; between containers of one network with icc on.";

/** What a node stands for where it isn't just containers that nothing tells apart. */
export const DETAIL: Readonly<Record<Detail, string>> = {
  groups: "",
  parts:
    "Containers that play the same part share a box: an arrow means that each reaches one or more of the other box.",
  networks:
    "Containers of the same networks share a box: an arrow means that one or more of them reach one or more there.",
};

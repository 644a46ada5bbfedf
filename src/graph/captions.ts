/** Words beside the picture. Pure. */
import type { Graph, GraphNetwork } from "./model.js";

/** `front: 10.201.1.0/24, icc off`. */
export function networkText({ networks }: Pick<Graph, "networks">, name: string): string {
  const network = networks.find((one) => one.name === name);
  return network === undefined ? name : `${name}: ${propertiesOf(network).join(", ")}`;
}

export function propertiesOf({ subnets, icc, internal, masquerade }: GraphNetwork): string[] {
  return [...subnets, icc ? "icc on" : "icc off", ...(internal ? ["internal"] : []), ...(masquerade ? [] : ["masquerade off"])];
}

/** What isn't drawn, because it holds without a statement. */
export const NOT_DRAWN =
  "Not drawn, as no statement says it: host to container; container to world and host unless internal; between containers of one network with icc on.";

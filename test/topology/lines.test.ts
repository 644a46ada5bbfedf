/** Every line that is planned can be sent by netlink too, and what can't be is refused whole. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { IpLine } from "../../src/system/ip.js";
import { attributes, messages, text } from "../../src/system/netlink/decoder.js";
import { Encoder } from "../../src/system/netlink/encoder.js";
import { encodeLine, type Surroundings } from "../../src/system/netlink/lines.js";
import { IFLA, RTA, RTM } from "../../src/system/netlink/rtnetlink.js";
import * as lines from "../../src/topology/lines.js";
import { planTopology } from "../../src/topology/plan.js";
import { bridgeWorks, endpointWorks } from "../../src/topology/work.js";
import { when } from "../kernel/features.js";
import { makePolicy, SHOP } from "./policies.js";

const test = suite("topology: lines by netlink");
const it = await when(test, "netlink");

const AROUND: Surroundings = { index: () => 7, file: () => 9 };

function encode(line: IpLine) {
  const encoder = new Encoder();
  encodeLine(encoder, line, AROUND);
  const all = [...messages(encoder.bytes.subarray(0, encoder.length))];
  assert.is(all.length, 1);
  assert.is(all[0]?.flags, (all[0]?.flags ?? 0) | 5, "it asks for an acknowledgement");
  return all[0] as (typeof all)[0];
}

/** One of each that lines.ts makes, by the name of its function. */
function everyLine(): Map<string, IpLine> {
  const { bridges, sandboxes } = planTopology(makePolicy({ ...SHOP, publishes: [["::1", 80, "c1", 80]] }));
  const [bridge] = bridges;
  const endpoint = sandboxes[0]?.endpoints[0];
  const [route] = endpoint?.hostRoutes ?? [];
  const [neighbour] = endpoint?.hostNeighbours ?? [];
  if (bridge === undefined || endpoint === undefined || route === undefined || neighbour === undefined)
    throw new Error("SHOP has one of each");
  const { device } = endpoint;
  return new Map<string, IpLine>([
    ["addBridge", lines.addBridge({ ...bridge, mtu: 1400 }, "born")],
    ["spare", lines.spare("tsv-x")],
    ["addVethFromInside", lines.addVethFromInside({ ...endpoint, mtu: 1400 })],
    ["addVethFromHost", lines.addVethFromHost(endpoint, "/run/netns/x")],
    ["deleteLink", lines.deleteLink(device)],
    ["setAlias", lines.setAlias(device, "tsnet:a/b")],
    ["setUp", lines.setUp(device)],
    ["setDown", lines.setDown(device)],
    ["setMtu", lines.setMtu(device, 1400)],
    ["setMac", lines.setMac(device, "02:00:00:00:00:01")],
    ["setMaster", lines.setMaster(device, undefined)],
    ["rename", lines.rename(device, "other")],
    ["addAddress", lines.addAddress("fd84:1::1/64", device, "bridge")],
    ["deleteAddress", lines.deleteAddress("10.84.1.1/24", device)],
    ["addRoute", lines.addRoute(route)],
    ["deleteRoute", lines.deleteRoute(route)],
    ["setNeighbour", lines.setNeighbour(neighbour)],
    ["deleteNeighbour", lines.deleteNeighbour(neighbour)],
  ]);
}

it("every function of lines.ts is known to the encoder", () => {
  const known = everyLine();
  const made = Object.entries(lines).filter(([, value]) => typeof value === "function");
  for (const [name] of made) assert.ok(known.has(name), `${name} is not tried here`);
  for (const line of known.values()) encode(line);
});

it("every line of whole plans, and every line that takes them back", () => {
  const { bridges, sandboxes } = planTopology(makePolicy({ ...SHOP, publishes: [["::1", 80, "c1", 80]] }));
  const works = [
    ...bridges.flatMap((bridge) => bridgeWorks(bridge, "born")),
    ...sandboxes.flatMap(({ path, endpoints }) => endpoints.flatMap((endpoint) => endpointWorks(endpoint, path))),
  ];
  const all = works.flatMap((work) => (work.kind === "ip" ? [work.line, ...work.undo] : []));
  assert.ok(all.length > 60);
  for (const line of all) encode(line);
});

it("words become the attributes that are theirs", () => {
  const link = encode(["link", "set", "dev", "x", "alias", "a'b", "mtu", "1400", "group", "12"]);
  assert.is(link.type, RTM.NEWLINK);
  assert.is(link.body.readInt32LE(4), 7);
  const found = attributes(link.body, 16);
  assert.equal(found.get(IFLA.IFALIAS)?.toString(), "a'b");
  assert.is(found.get(IFLA.MTU)?.readUInt32LE(0), 1400);
  assert.is(found.get(IFLA.GROUP)?.readUInt32LE(0), 12);
  assert.is(text(attributes(encode(["link", "add", "name", "n", "type", "bridge"]).body, 16).get(IFLA.IFNAME)), "n");
  const route = encode(["route", "add", "10.0.0.0/8", "via", "10.1.2.3", "dev", "x", "table", "1000"]);
  assert.equal([...route.body.subarray(0, 8)], [2, 8, 0, 0, 0, 3, 0, 1]);
  assert.is(attributes(route.body, 12).get(RTA.TABLE)?.readUInt32LE(0), 1000);
  const local = encode(["route", "delete", "local", "::1", "dev", "x"]);
  assert.is(local.type, RTM.DELROUTE);
  assert.equal([...local.body.subarray(0, 8)], [10, 128, 0, 0, 255, 0, 0, 2]);
});

const UNKNOWN: IpLine[] = [
  ["link"],
  ["link", "show"],
  ["link", "set", "dev", "x", "promisc", "on"],
  ["link", "set", "up"],
  ["link", "set", "dev", "x", "mtu"],
  ["link", "set", "dev", "x", "mtu", "1e3"],
  ["link", "set", "dev", "x", "address", "02:zz"],
  ["link", "add", "name", "x"],
  ["link", "add", "name", "x", "type", "vlan", "id", "7"],
  ["link", "delete"],
  ["link", "delete", "dev", "x", "up"],
  ["address", "add", "10.0.0.1/8"],
  ["address", "add", "10.0.0/8", "dev", "x"],
  ["address", "replace", "10.0.0.1/8", "dev", "x"],
  ["route", "add", "default", "dev", "x", "nexthop"],
  ["route", "add", "10.0.0.0/8", "dev", "x", "constructor", "1"],
  ["neighbour", "add", "to", "10.0.0.1", "dev", "x", "nud", "stale"],
  ["neighbour", "add", "dev", "x"],
  ["rule", "add", "from", "10.0.0.1"],
];

for (const line of UNKNOWN) it(`refused: ip ${line.join(" ")}`, () => assert.throws(() => encode(line)));

test.run();

import { lab, WORLD } from "./kernel/lab.js";
import { apply, at } from "./support/live.js";
import { C1, C2, front, GATEWAY } from "./security/place.js";
import { ethernet, packet, udpBody } from "./support/frames.js";
const v6 = { source: C1.ip6, destination: C2.ip6 };
const PAD = "00010400000000";
function fragments6(first: number, port: number, payload: Buffer, before = ""): string[] {
  const w = packet(v6, 17, udpBody(4000, port, payload), 6).subarray(40);
  const whole = Buffer.concat([Buffer.from(before, "hex"), w]);
  const inner = before === "" ? 17 : 60;
  return [whole.subarray(0, first), whole.subarray(first)].map((part, i) => {
    const header = Buffer.from([inner, 0, 0, 0, 0, 0, port >> 8, port & 255]);
    header.writeUInt16BE(i === 0 ? 1 : first, 2);
    return ethernet(GATEWAY.mac, C1.mac, 0x86dd, packet(v6, 44, Buffer.concat([header, part])));
  });
}
await lab(async (host) => {
  const text = front("", "deny c1 -> c2:7001/udp log \"lie\", allow world -> c2:81 log, deny c3 -> c2:icmp");
  await apply(host, text, "ebpf");
  console.log((await host.run("bash", ["-c", "for d in /proc/sys/net/ipv6/conf/*; do :; done; ip -br link"])).stdout);
  await host.listen(at("c2"), "udp", 7001);
  await host.udp(at("c1"), C2.ip, 7001, { timeout: 100 });
  await host.udp(at("c1"), C2.ip6, 7001, { timeout: 100 });
  await host.udp(WORLD, C2.ip6, 7001, { timeout: 100 });
  await host.ping(at("c3"), C2.ip6, 100);
  const pcap = await host.spawn(at("c2"), "tcpdump", ["-nvvi", "eth0", "-U", "-w", "/tmp/eq/c2.pcap", "ip6"], undefined);
  const pcap1 = await host.spawn(undefined, "tcpdump", ["-nvvi", "any", "-U", "-w", "/tmp/eq/h.pcap", "ip6"], undefined);
  await new Promise((r) => setTimeout(r, 1500));
  for (const frame of fragments6(24, 7002, Buffer.from("truthtruthtruthtruthtrut"), `11${PAD}`)) await host.frame(at("c1"), "eth0", frame);
  await new Promise((r) => setTimeout(r, 1500));
  await host.kill(pcap); await host.kill(pcap1);
  for (const flag of ["--log", "--drops"]) {
    const { stdout, stderr } = await host.run(process.execPath, ["--import", "tsx", "/work/wt-equal/src/cli/main.ts", "stats", flag], { accept: "any" });
    console.log(flag, stdout, stderr);
  }
  console.log((await host.run(process.execPath, ["--import", "tsx", "/work/wt-equal/src/cli/main.ts", "stats", "--log", "--json"], { accept: "any" })).stdout);
  console.log((await host.run("cat", ["/proc/net/snmp6"])).stdout.split("\n").filter(l=>/Frag|Reasm|Ip6InHdr|Discards/.test(l)).join("\n"));
});

/** A policy as a company would have it, of any number of containers: teams with a network each, and what they share. */

/** Containers of a team: a gateway, workers, a database and its replica. */
const TEAM = 10;

export function fleet(containers: number): string {
  const teams = Math.max(1, Math.ceil((containers - 2) / TEAM));
  const lines = ["policy fleet", "network shared { subnet 10.120.0.0/16; icc off }"];
  let left = containers - 2;
  const names: string[] = [];
  for (let team = 0; team < teams; team++) {
    const net = `team${team}`;
    lines.push(
      `network ${net} { subnet 10.121.${team}.0/24; icc ${team % 3 === 0 ? "on" : "off"}${team % 5 === 4 ? "; internal" : ""} }`,
    );
    const size = Math.min(TEAM, left);
    left -= size;
    const workers: string[] = [];
    for (let i = 0; i < size; i++) {
      const name = i === 0 ? `${net}-gateway` : i === 1 ? `${net}-db` : `${net}-worker${i - 1}`;
      names.push(name);
      const shared = i === 0 ? "network shared; " : "";
      const expose = i === 1 ? "; expose 5432" : "";
      lines.push(`container ${name} { ${shared}network ${net}${expose} }`);
      if (i > 1) workers.push(name);
    }
    lines.push(`publish ${20000 + team} -> ${net}-gateway:443${team % 4 === 1 ? " from 192.0.2.0/24" : ""}`);
    if (workers.length > 0) lines.push(`allow ${net}-gateway -> {${workers.join(", ")}}:8080`);
    if (workers.length > 0) lines.push(`allow {${workers.join(", ")}} -> ${net}-db:5432`);
    if (workers.length > 2) lines.push(`allow ${workers[0]} -> ${workers[1]}:{9000-9010, 53/udp}`);
    if (team % 3 === 0 && workers.length > 0) lines.push(`reject {${workers.join(", ")}} -> world`);
  }
  lines.push("container metrics { network shared }", "container logs { network shared }");
  const gateways = names.filter((name) => name.endsWith("-gateway"));
  lines.push(`allow metrics -> {${gateways.join(", ")}}:9100`, `allow {${gateways.join(", ")}} -> logs:514/udp`);
  return `${lines.join("\n")}\n`;
}

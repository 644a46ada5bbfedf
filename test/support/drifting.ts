/** A policy with something of everything, for tests of what drifts from it. */
export const POLICY = `policy lab
network front { subnet 10.90.1.0/24; subnet fd90:1::/64 }
network back { subnet 10.90.2.0/24; internal; icc off }
container web { network front ip 10.90.1.11 ip fd90:1::11; network back ip 10.90.2.11; publish 8080 -> 80 }
container db { network back ip 10.90.2.12; expose 5432 }
container app { network front ip 10.90.1.13 ip fd90:1::13; network back ip 10.90.2.13; publish 127.0.0.1:9090 -> 90 }
container ops { network front ip 10.90.1.14 ip fd90:1::14 }
link app -> db as database
deny ops -> web:22
reject ops -> web:23
allow web -> db
allow app -> db:8000-8010
deny app -> 203.0.113.0/24 log "egress "
allow 198.51.100.0/24 -> web:443
publish 7000 -> {web, app}:70
publish 443 -> ops:443 from 198.51.100.0/24
`;

/** Random texts made of pieces of policies: much likelier than random characters to get far into the grammar. */
import fc from "fast-check";

const PIECES = [
  ..."allow deny reject assert publish link let network container icc share policy include".split(" "),
  ..."except from log limit as on off all ip mac env expose mode netns pid driver subnet".split(" "),
  ..."a c1 web fd00 any host world tcp icmp 22 0 65536 8000-8010 10.0.0.1 10.0.0.0/8 fd00::5:22 ::1".split(" "),
  ..."10.0.0.1-10.0.0.9 02:42:ac:11:00:05 1:2:3:4:5:6:7:8 0afe é “x” 22- 1.2.3".split(" "),
  ...["->", "=>", "→", ":", "/", "=", "{", "}", "[", "]", ",", ";", "\n", "\r\n", " ", "\t", "# c", '"', '"q"', '"\\"'],
  ...["env A=b", "env A=", "network n {", "container c {", "allow a -> b:22\n", "\u0000", "\ufeff", "\\", "<-", "'"],
];

export const fragments: fc.Arbitrary<string> = fc
  .array(fc.tuple(fc.constantFrom(...PIECES), fc.constantFrom("", " ", " ", "\n")), { maxLength: 30 })
  .map((parts) => parts.map((part) => part.join("")).join(""));

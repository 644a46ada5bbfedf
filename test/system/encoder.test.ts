/** Netlink attributes are whole, also where one no longer fits into the buffer that was there. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Encoder } from "../../src/system/netlink/encoder.js";

const test = suite("netlink encoder");

for (const [name, write, value] of [
  ["u8", (to: Encoder) => to.u8(9, 0xab), "ab000000"],
  ["u16", (to: Encoder) => to.u16(9, 0xabcd), "cdab0000"],
  ["u32", (to: Encoder) => to.u32(9, 0xabcdef01), "01efcdab"],
  ["be32", (to: Encoder) => to.be32(9, 0xabcdef01), "abcdef01"],
  ["be64", (to: Encoder) => to.be64(9, 0xabcdef0123456789n), "abcdef0123456789"],
  ["raw", (to: Encoder) => to.raw(9, Buffer.from("abc")), "61626300"],
  ["string", (to: Encoder) => to.string(9, "ab"), "61620000"],
] as const)
  test(`${name} where the buffer grows`, () => {
    const to = new Encoder(1);
    write(to);
    assert.is(to.bytes.toString("hex", 4, to.length), value);
  });

test.run();

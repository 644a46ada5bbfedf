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

for (const value of ["", "a", "table", "länge", "ab€", "𝄞x", "é".repeat(90)])
  test(`the string '${value.slice(0, 9)}' is UTF-8 with its closing zero, aligned`, () => {
    for (const room of [1, 1 << 10]) {
      const to = new Encoder(room);
      to.u8(1, 7);
      to.string(9, value);
      to.u8(2, 7);
      const bytes = Buffer.from(`${value}\0`, "utf8");
      const size = (bytes.length + 3) & ~3;
      const expected = Buffer.alloc(8 + 4 + size + 8);
      expected.set([5, 0, 1, 0, 7, 0, 0, 0, bytes.length + 4, 0, 9, 0]);
      expected.set(bytes, 12);
      expected.set([5, 0, 2, 0, 7], 12 + size);
      assert.is(to.bytes.toString("hex", 0, to.length), expected.toString("hex"));
    }
  });

for (const length of [0, 4, 192, 196, 5000])
  test(`${length} bytes are appended as they are`, () => {
    const bytes = Buffer.from(Array.from({ length: length + 8 }, (_, i) => (i * 31) & 255));
    const to = new Encoder(1);
    to.u8(1, 7);
    to.append(bytes, 4, 4 + length);
    assert.is(to.bytes.toString("hex", 8, to.length), bytes.toString("hex", 4, 4 + length));
  });

test.run();

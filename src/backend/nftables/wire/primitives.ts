/** Single expressions of the kernel (linux/netfilter/nf_tables.h: nft_*_attributes), each written whole. */
import type { Encoder } from "../../../system/netlink/encoder.js";
import * as nft from "./constants.js";
import type { Payload } from "./keys.js";

export class Primitives {
  protected readonly to: Encoder;

  constructor(to: Encoder) {
    this.to = to;
  }

  /** One expression: its name, and what `write` says of it. */
  protected put(name: string, write: () => void): void {
    const { to } = this;
    const element = to.open(nft.LIST_ELEM, 0);
    to.string(nft.EXPR.NAME, name);
    const data = to.open(nft.EXPR.DATA, 0);
    write();
    to.close(data);
    to.close(element);
  }

  protected data(type: number, value: Uint8Array): void {
    const at = this.to.open(type, 0);
    this.to.raw(nft.DATA.VALUE, value);
    this.to.close(at);
  }

  protected compare(op: number, value: Uint8Array): void {
    this.put("cmp", () => {
      this.to.be32(1, nft.REG.FIRST);
      this.to.be32(2, op);
      this.data(3, value);
    });
  }

  protected meta(key: number, into: number): void {
    this.put("meta", () => {
      this.to.be32(2, key);
      this.to.be32(1, into);
    });
  }

  protected payload({ base, offset, size }: Payload, into: number): void {
    this.put("payload", () => {
      this.to.be32(1, into);
      this.to.be32(2, base);
      this.to.be32(3, offset);
      this.to.be32(4, size);
    });
  }

  protected byteorder(at: number): void {
    this.put("byteorder", () => {
      this.to.be32(1, at);
      this.to.be32(2, at);
      this.to.be32(3, 1);
      this.to.be32(4, 1);
      this.to.be32(5, 2);
    });
  }

  protected lookup(set: string, from: number, into?: number, inverted = false, id?: number): void {
    this.put("lookup", () => {
      this.to.string(1, set);
      this.to.be32(2, from);
      if (into !== undefined) this.to.be32(3, into);
      if (id !== undefined) this.to.be32(4, id);
      this.to.be32(5, inverted ? nft.LOOKUP_INV : 0);
    });
  }

  protected mask(size: number, mask: Uint8Array): void {
    this.put("bitwise", () => {
      this.to.be32(1, nft.REG.FIRST);
      this.to.be32(2, nft.REG.FIRST);
      this.to.be32(3, size);
      this.to.be32(6, 0);
      this.data(4, mask);
      this.data(5, new Uint8Array(size));
    });
  }
}

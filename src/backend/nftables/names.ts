/**
 * Names of nftables objects. Everything made from a user's word is prefixed, because nft reserves plain words such as
 * `fwd`, and hashed where it isn't a plain word itself.
 */
import { hashText } from "../../net/hash.js";

const PLAIN = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,47}$/;

/** A user's name as part of an nft identifier; distinct names stay distinct. */
export function word(name: string): string {
  return PLAIN.test(name) ? name : `x${hashText(11, "word", name)}`;
}

export function tableName(policy: string): string {
  return `tsnet-${word(policy)}`;
}

/** The set of UDP flows that a tightening has cut. */
export function cutSet(family: 4 | 6): string {
  return `cut${family}`;
}

/** The set of flows without ports that a tightening has cut. */
export function cutBareSet(family: 4 | 6): string {
  return `cut-bare${family}`;
}

/** The set of the sandboxes' devices, which every table of ours has. */
export const DEVICES = "veths";

/**
 * fast-check as this suite uses it: the same cases in every run, so that a change is what makes a run fail.
 * `TSNET_SEED=N` tries other ones, `TSNET_SEED=random` new ones each time; a failure names its seed.
 */
import fc from "fast-check";

const given = process.env["TSNET_SEED"];
if (given !== "random") fc.configureGlobal({ seed: Number(given ?? 7) });

export default fc;

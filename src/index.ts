// The library: what a program imports as "tsnet".
export const version = "0.1.0";

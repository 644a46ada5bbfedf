/** Milliseconds since some moment, which never go back. `performance.now` of Node takes 1 ms to load. */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

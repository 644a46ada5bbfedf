/** Waits until all have ended, also after one failed, and then throws the first failure: nothing runs on behind. */
export async function settle(jobs: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(jobs)).find((end) => end.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

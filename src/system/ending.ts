/** That this process was told to end and takes back what it did: commands under way needn't come to their ends then. */
export interface Ending {
  /** Has `end` called when that happens, at once where it has; what this returns takes it back. */
  onEnd(end: () => void): () => void;
  /** Throws the reason where it has happened. */
  heed(): Promise<void>;
}

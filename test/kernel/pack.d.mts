export const PREFIX: string;
export function writePack(directory: string): Promise<string>;

export function writePrograms(directory: string): Promise<void>;
export function placeProgram(directory: string, name: string, entry: string): Promise<void>;

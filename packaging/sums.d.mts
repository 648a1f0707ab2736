/** Writes the SHA-256 sums of the files in a directory to its file SHA256SUMS. Returns them by name. */
export declare function writeSums(folder: string): Map<string, string>;

/** Writes the files of a release to an empty directory. @param programs - the path of each platform's program */
export declare function writeRelease(programs: Readonly<Record<string, string>>, folder: string): void;

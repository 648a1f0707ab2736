/** Returns the name of a platform's archive. */
export declare function archiveName(platform: string): string;

/** Writes the archive of a platform's program to a directory. */
export declare function writeArchive(platform: string, program: string, folder: string): void;

/** Returns the licenses of the bundled packages and of the runtime. */
export declare function thirdPartyLicenses(): string;

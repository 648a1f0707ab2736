/** The platforms that binaries are compiled for. */
export declare const platforms: readonly string[];

/** Compiles the binary of a platform. @throws Error if the compiler fails, or a package has another checksum than in the lock file */
export declare function compile(platform: string, file: string): Promise<void>;

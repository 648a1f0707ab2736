/** Returns a version with the build that runs. @param platform - of a standalone binary, such as `linux-x64` */
export function versionInWords(version: string, platform: string | undefined): string {
  return platform === undefined ? version : `${version} (standalone, ${platform})`;
}

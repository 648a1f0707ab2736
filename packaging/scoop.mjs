import { archiveName } from './archive.mjs';
import { description, downloadUrl, license, repository, version } from './project.mjs';

/** Returns the Scoop manifest of a release. @param sums - the SHA-256 sums of its files, by name */
export function scoopManifest(sums) {
  const file = archiveName('windows-x64');
  const top = file.replace(/\.zip$/, '');
  const ofAnyVersion = (text) => text.replaceAll(version, '$version');
  const manifest = {
    version,
    description,
    homepage: repository,
    license,
    architecture: { '64bit': { url: downloadUrl(file), hash: sums.get(file), extract_dir: top } },
    bin: ['ci.exe', ['ci.exe', 'cheapestinference']],
    checkver: { github: repository },
    autoupdate: {
      architecture: { '64bit': { url: ofAnyVersion(downloadUrl(file)), extract_dir: ofAnyVersion(top) } },
      hash: { url: '$baseurl/SHA256SUMS' },
    },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

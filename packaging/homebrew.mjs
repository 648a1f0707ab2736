import { archiveName } from './archive.mjs';
import { capitalized, downloadUrl, license, repository, summary, version } from './project.mjs';

/** Returns the Homebrew formula of a release. @param sums - the SHA-256 sums of its files, by name */
export function formula(sums) {
  const download = (platform) => {
    const file = archiveName(platform);
    return `url "${downloadUrl(file)}"
      sha256 "${sums.get(file)}"`;
  };
  return `class Cheapestinference < Formula
  desc "${capitalized(summary)}"
  homepage "${repository}"
  version "${version}"
  license "${license}"

  on_macos do
    on_arm do
      ${download('darwin-arm64')}
    end
    on_intel do
      ${download('darwin-x64')}
    end
  end

  on_linux do
    on_arm do
      ${download('linux-arm64')}
    end
    on_intel do
      ${download('linux-x64')}
    end
  end

  conflicts_with "rcs", because: "both install a program named ci"

  def install
    bin.install "ci"
    bin.install_symlink bin/"ci" => "cheapestinference"
    man1.install "ci.1"
    bash_completion.install "completions/ci.bash" => "ci"
    zsh_completion.install "completions/_ci"
    fish_completion.install "completions/ci.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/ci --version")
    assert_match "kimi26", shell_output("#{bin}/ci --sandbox pools list")
  end
end
`;
}

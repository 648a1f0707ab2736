# Installs the CheapestInference CLI on Windows from its releases on GitHub. It works with Windows PowerShell 5.1 and later.
#
# Everything is in a function, and the last line calls it. So if the download of this script is cut off, it does nothing.
param(
  # The version to install.
  [string] $Version = 'latest',
  # The directory to install to.
  [string] $To = ''
)

function Install-CheapestInference([string] $Version, [string] $To) {
  $ErrorActionPreference = 'Stop'
  # The progress bar of Windows PowerShell makes downloads many times slower.
  $ProgressPreference = 'SilentlyContinue'
  # Windows PowerShell doesn't offer TLS 1.2 by default on older systems.
  [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12

  $platform = 'windows-x64'
  $releases = 'https://github.com/cheapestinference/cli/releases'
  if ($env:CHEAPESTINFERENCE_DOWNLOAD_URL) { $releases = $env:CHEAPESTINFERENCE_DOWNLOAD_URL.TrimEnd('/') }
  if ($releases -notmatch '^(https://|http://(127\.0\.0\.1|localhost|\[::1\]):)' -or $releases -match '@') {
    throw "CHEAPESTINFERENCE_DOWNLOAD_URL is ""$releases"". Use an address that starts with https://."
  }
  $Version = $Version -replace '^v', ''
  if ($Version -ne 'latest' -and $Version -notmatch '^[0-9][0-9A-Za-z.+-]*$') {
    throw """$Version"" is not a valid version. Use a version such as 1.2.0."
  }
  # Windows on ARM runs programs for x64.
  if (-not [Environment]::Is64BitOperatingSystem) {
    throw 'There is no program for 32-bit Windows. Install Node.js, and run: npm install --global cheapestinference'
  }
  if (-not $To) { $To = Join-Path $env:LOCALAPPDATA 'Programs\cheapestinference' }
  $To = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($To)

  function Get-ReleaseFile([string] $Path, [string] $File, [string] $Missing) {
    try {
      Invoke-WebRequest -Uri "$releases/$Path" -OutFile $File -UseBasicParsing
    } catch {
      $response = $_.Exception.PSObject.Properties['Response']
      if ($response -and $response.Value -and [int] $response.Value.StatusCode -eq 404) { throw $Missing }
      throw "Could not download $releases/$Path. Check your connection and the free space, and run this script again. $($_.Exception.Message)"
    }
  }

  $program = Join-Path $To 'ci.exe'
  $longName = Join-Path $To 'cheapestinference.cmd'
  if ((Test-Path -LiteralPath $program) -and -not (Test-Path -LiteralPath $longName)) {
    throw "This script didn't install $program. Remove it, or choose another directory with -To."
  }

  $isNew = -not (Test-Path -LiteralPath $To)
  $work = Join-Path $To ('.ci-install-' + [Guid]::NewGuid().ToString('N'))
  try {
    try {
      New-Item -ItemType Directory -Force -Path $work | Out-Null
    } catch {
      throw "You don't have permission to write to $To. Choose another directory with -To."
    }

    # The checksum file also names the latest version.
    $release = if ($Version -eq 'latest') { 'latest/download' } else { "download/v$Version" }
    $missing = if ($Version -eq 'latest') { 'There is no release yet.' } else { "There is no version $Version. See the versions at $releases" }
    Get-ReleaseFile "$release/SHA256SUMS" (Join-Path $work 'SHA256SUMS') $missing
    $pattern = "^([0-9a-f]{64})  (ci-([0-9][0-9A-Za-z.+-]*)-$platform)\.zip$"
    $line = Get-Content -LiteralPath (Join-Path $work 'SHA256SUMS') | Where-Object { $_ -match $pattern } | Select-Object -First 1
    if (-not ($line -match $pattern) -or ($Version -ne 'latest' -and $Version -ne $Matches[3])) {
      throw "The $Version release has no program for $platform. See the versions at $releases"
    }
    $sum, $name, $Version = $Matches[1], $Matches[2], $Matches[3]

    Write-Output "Downloading ci $Version for $platform."
    $archive = Join-Path $work "$name.zip"
    Get-ReleaseFile "download/v$Version/$name.zip" $archive "The release of version $Version is incomplete: $name.zip is missing."
    if ((Get-FileHash -LiteralPath $archive -Algorithm SHA256).Hash -ne $sum) {
      throw "The SHA-256 sum of $name.zip is wrong. Nothing was installed. Run this script again."
    }
    try {
      Expand-Archive -LiteralPath $archive -DestinationPath $work
    } catch {
      throw "Could not unpack $name.zip to $To. Check the free space."
    }

    # A program that doesn't work never replaces one that does.
    $new = Join-Path (Join-Path $work $name) 'ci.exe'
    $reported = try { & $new --version } catch { '' }
    if ("$reported".Split(' ')[0] -ne $Version) { throw "The new program doesn't run on this machine. Nothing was installed. Install Node.js, and run: npm install --global cheapestinference" }

    try {
      # Replace is atomic, but needs a file to replace.
      if (Test-Path -LiteralPath $program) {
        [IO.File]::Replace($new, $program, [NullString]::Value)
      } else {
        [IO.File]::Move($new, $program)
      }
      # Symbolic links need a privilege.
      Set-Content -LiteralPath $longName -Encoding ASCII -Value '@"%~dp0ci.exe" %*'
    } catch {
      throw "Could not replace $program. If ci is running, stop it, and run this script again."
    }
  } finally {
    Remove-Item -LiteralPath $work -Recurse -Force -ErrorAction SilentlyContinue
    if ($isNew -and -not (Get-ChildItem -LiteralPath $To -Force -ErrorAction SilentlyContinue)) {
      Remove-Item -LiteralPath $To -Force -ErrorAction SilentlyContinue
    }
  }
  Write-Output "Installed ci $Version to $To."

  $name = 'ci'
  if (($env:Path -split ';').TrimEnd('\') -notcontains $To.TrimEnd('\')) {
    Write-Output "$To is not on your PATH. To add it, run this and open a new terminal:"
    Write-Output ''
    Write-Output "  [Environment]::SetEnvironmentVariable('Path', '$To;' + [Environment]::GetEnvironmentVariable('Path', 'User'), 'User')"
    Write-Output ''
  } else {
    $found = (Get-Command ci.exe -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1).Source
    if ($found -ne $program) {
      Write-Output "On this machine, ci runs $found. Run cheapestinference instead."
      $name = 'cheapestinference'
    }
  }
  Write-Output "To set up tab completion, run: $name completion install"
}

Install-CheapestInference $Version $To

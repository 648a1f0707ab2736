# PowerShell completion for ci, the CheapestInference CLI.
# Generated from the command tree. To print it, run `ci completion powershell`.

Register-ArgumentCompleter -Native -CommandName ci, cheapestinference -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)

  # The commands that aliases stand for.
  $names = @{
    #{names}
  }
  # The subcommands of a command, and their aliases.
  $commands = @{
    #{commands}
  }
  $aliases = @{
    #{aliases}
  }
  # The options of a command, and the global options.
  $options = @{
    #{options}
  }
  $everywhere = @(
    #{global}
  )
  # The long forms of short flags, and the flags that can be repeated.
  $long = @(
    #{short}
  )
  $repeatable = @(
    #{repeatable}
  )
  # The possible values of a flag, or of the argument with a number: a kind, and words.
  $values = @{
    #{values}
  }
  function Get-Values($place, $slot) {
    if ($values.ContainsKey("$place $slot")) { return $values["$place $slot"] }
    if ($values.ContainsKey("* $slot")) { return $values["* $slot"] }
  }

  # The words before the cursor, unquoted, and the typed part of the word at the cursor.
  $words = @()
  $typed = ''
  foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
    if ($element.Extent.StartOffset -ge $cursorPosition) { break }
    $text = $element.Extent.Text
    if ($element.Extent.EndOffset -ge $cursorPosition) {
      $typed = $text.Substring(0, $cursorPosition - $element.Extent.StartOffset) -replace '[''"`]', ''
    } else {
      $words += $text -replace '[''"`]', ''
    }
  }

  $place = ''
  $waiting = ''
  $ended = $false
  $used = @()
  $account = @()
  $given = @()
  foreach ($word in $words) {
    if ($waiting) {
      if ($waiting -in '--profile', '--api-url') { $account += $waiting, $word }
      $waiting = ''
    } elseif (-not $ended -and $word -eq '--') {
      $ended = $true
    } elseif (-not $ended -and $word -like '--?*=*') {
      $flag, $value = $word -split '=', 2
      if ("$place $flag" -cnotin $repeatable) { $used += $flag }
      if ($flag -in '--profile', '--api-url') { $account += $flag, $value }
    } elseif (-not $ended -and $word -like '-?*') {
      $flag = $word
      foreach ($short in $long) { if ($short[0] -cin "$place $word", "* $word") { $flag = $short[1] } }
      if ("$place $flag" -cnotin $repeatable) { $used += $flag }
      if ($flag -eq '--sandbox') { $account += $flag }
      if (Get-Values $place $flag) { $waiting = $flag }
    } elseif ($commands.ContainsKey($place)) {
      if ($names.ContainsKey("$place/$word")) { $word = $names["$place/$word"] }
      if ($word -cin @($commands[$place] | ForEach-Object { $_[0] })) {
        $place = "$place $word".Trim()
      } elseif (Get-Values $place ($given.Count + 1)) {
        # A noun with commands may take an argument, too.
        $given += $word
      } else {
        return ''
      }
    } else {
      $given += $word
    }
  }

  # The part of the word before the value.
  $before = ''
  if (-not $waiting -and -not $ended -and $typed -like '--?*=*') {
    $waiting, $typed = $typed -split '=', 2
    $before = "$waiting="
  }
  $offered = @()
  $below = @()
  $left = @(@($options[$place]) + $everywhere | Where-Object { $_ -and $_[0] -cnotin $used })
  $kind = $null
  if ($waiting) {
    $kind = Get-Values $place $waiting
  } elseif (-not $ended -and $typed -like '-*') {
    $offered = $left
  } elseif ($commands.ContainsKey($place) -and $given.Count -eq 0) {
    $offered = @($commands[$place] | Where-Object { $_[0].StartsWith($typed, 'Ordinal') })
    if ($offered.Count -eq 0) { $offered = $aliases[$place] }
    $kind = Get-Values $place 1
    if ($kind) { $below = $offered }
  } else {
    $kind = Get-Values $place ($given.Count + 1)
    if (-not $kind) { $kind = Get-Values $place '+' }
    if (-not $kind -and -not $ended -and -not $typed) { $offered = $left }
  }
  if ($kind) {
    switch ($kind.Kind) {
      'words' { $offered = $kind.Words }
      'list' {
        $chosen = @($typed -split ',')
        $chosen = @($chosen | Select-Object -First ($chosen.Count - 1))
        $offered = @($kind.Words | Where-Object { $_[0] -cnotin $chosen })
        if ($chosen.Count -eq 0) { $offered += $kind.Alone } else { $before += ($chosen -join ',') + ',' }
        $typed = ($typed -split ',')[-1]
      }
      # Without results, PowerShell completes file names.
      'files' { return }
      'any' { return '' }
      default {
        $asked = @('--complete', $kind.Kind)
        if ($typed) { $asked += '--typed' }
        $program = $commandAst.CommandElements[0].Extent.Text
        $exitCode = $global:LASTEXITCODE
        $offered = @(& $program @asked @account @given 2>$null | ForEach-Object { , @($_ -split "`t", 2) })
        $global:LASTEXITCODE = $exitCode
      }
    }
  }

  $offered = @(@($below) + @($offered) | Where-Object { $_ })
  # PowerShell splits words at commas, and replaces only the last part.
  if (-not $wordToComplete.StartsWith($before, 'Ordinal')) { $before = '' }
  $results = @(
    foreach ($word in $offered) {
      if (-not $word -or -not $word[0].StartsWith($typed, 'Ordinal')) { continue }
      $text = $before + $word[0]
      if ($text -cnotmatch '^[\w./:=+,-]+$') {
        $text = "'" + [System.Management.Automation.Language.CodeGeneration]::EscapeSingleQuotedStringContent($text) + "'"
      }
      $about = if ($word[1]) { $word[1] } else { $word[0] }
      [System.Management.Automation.CompletionResult]::new($text, $word[0], 'ParameterValue', $about)
    }
  )
  if ($results.Count -eq 0) { return '' }
  $results
}

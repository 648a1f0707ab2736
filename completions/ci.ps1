# PowerShell completion for ci, the CheapestInference CLI.
# Generated from the command tree. To print it, run `ci completion powershell`.

Register-ArgumentCompleter -Native -CommandName ci, cheapestinference -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)

  # The commands that aliases stand for.
  $names = @{
    'pools/ls' = 'list'
    'keys/ls' = 'list'
    'agent wallet/ls' = 'list'
    'auth/ls' = 'list'
    'config/ls' = 'list'
    'plans/ls' = 'list'
    'help pools/ls' = 'list'
    'help keys/ls' = 'list'
    'help agent wallet/ls' = 'list'
    'help auth/ls' = 'list'
    'help config/ls' = 'list'
    'help plans/ls' = 'list'
    'pools/show' = 'view'
    'help pools/show' = 'view'
    'keys/revoke' = 'delete'
    'keys/rm' = 'delete'
    'help keys/revoke' = 'delete'
    'help keys/rm' = 'delete'
  }
  # The subcommands of a command, and their aliases.
  $commands = @{
    '' = @(
      , @('setup', 'Get a working API key, step by step')
      , @('status', 'Show your subscriptions and what needs attention')
      , @('pools', 'List pools and reserve blocks')
      , @('keys', 'Create, list and revoke API keys')
      , @('run', 'Run a command with an API key in its environment')
      , @('env', 'Print the variables of an API key for a shell')
      , @('connect', 'Connect a coding agent or another tool to a key')
      , @('gateway', 'Spread many requests over all your seats')
      , @('models', 'List the models that an API key can use')
      , @('usage', 'Show requests and tokens per key')
      , @('billing', 'Manage credit and cards')
      , @('agent', 'Buy with USDC on Base, without an account')
      , @('export', 'Print the account as a file')
      , @('plan', 'Show what differs between a file and the account')
      , @('apply', 'Make the account as a file says')
      , @('history', 'Show the record of changes')
      , @('state', 'Manage the state database that machines share')
      , @('auth', 'Sign in and out, and switch profiles')
      , @('config', 'Manage settings')
      , @('api', 'Send an authenticated API request')
      , @('sandbox', 'Run an emulator of the API')
      , @('completion', 'Set up tab completion')
      , @('open', 'Open a CheapestInference page')
      , @('doctor', 'Diagnose problems')
      , @('plans', 'List flat plans (retired)')
      , @('login', 'Same as `ci auth login`')
      , @('logout', 'Same as `ci auth logout`')
      , @('whoami', 'Same as `ci auth status`')
      , @('version', 'Same as `ci --version`')
      , @('help', 'Show help for a command or topic')
    )
    'pools' = @(
      , @('list', 'List pools with their prices and available blocks')
      , @('view', 'Show a pool''s prices, and its available seats by hour')
      , @('quote', 'Show the price of a subscription')
      , @('subscribe', 'Reserve blocks of a pool, and charge your saved card')
      , @('watch', 'Wait for a seat, and optionally buy it')
      , @('subscriptions', 'List your subscriptions on all pools or one')
      , @('keys', 'List the keys of your subscriptions on a pool')
      , @('cancel', 'Cancel your most recent subscription on a pool at the end of its billing period')
    )
    'help pools' = @(
      , @('list', 'List pools with their prices and available blocks')
      , @('view', 'Show a pool''s prices, and its available seats by hour')
      , @('quote', 'Show the price of a subscription')
      , @('subscribe', 'Reserve blocks of a pool, and charge your saved card')
      , @('watch', 'Wait for a seat, and optionally buy it')
      , @('subscriptions', 'List your subscriptions on all pools or one')
      , @('keys', 'List the keys of your subscriptions on a pool')
      , @('cancel', 'Cancel your most recent subscription on a pool at the end of its billing period')
    )
    'keys' = @(
      , @('list', 'List your API keys, with masked secrets')
      , @('create', 'Create an API key, and show or save its secret')
      , @('secret', 'Print the secret of a key stored on this machine')
      , @('rotate', 'Replace API keys: create, deliver and prove new ones, then revoke the old')
      , @('delete', 'Revoke API keys immediately')
    )
    'help keys' = @(
      , @('list', 'List your API keys, with masked secrets')
      , @('create', 'Create an API key, and show or save its secret')
      , @('secret', 'Print the secret of a key stored on this machine')
      , @('rotate', 'Replace API keys: create, deliver and prove new ones, then revoke the old')
      , @('delete', 'Revoke API keys immediately')
    )
    'gateway' = @(
      , @('status', 'Show the running gateways and their seats')
      , @('stop', 'Stop the running gateway')
      , @('token', 'Print the token that clients use')
      , @('install', 'Start the gateway when you log in (systemd)')
      , @('export', 'Print a configuration for a proxy that several machines share')
    )
    'help gateway' = @(
      , @('status', 'Show the running gateways and their seats')
      , @('stop', 'Stop the running gateway')
      , @('token', 'Print the token that clients use')
      , @('install', 'Start the gateway when you log in (systemd)')
      , @('export', 'Print a configuration for a proxy that several machines share')
    )
    'usage' = @(
      , @('snapshot', 'Store the usage of all keys, for reports')
      , @('report', 'Show what each key used in a month')
    )
    'help usage' = @(
      , @('snapshot', 'Store the usage of all keys, for reports')
      , @('report', 'Show what each key used in a month')
    )
    'billing' = @(
      , @('status', 'Show your subscriptions and credit')
      , @('credits', 'Show your prepaid credit')
      , @('topup', 'Add prepaid credit, by card or with USDC')
      , @('verify', 'Add a USDC payment to your credit')
      , @('card', 'Save a card in the browser')
      , @('subscribe', 'Retired: subscribe to a flat plan (see `ci pools subscribe`)')
      , @('checkout', 'Retired: pay for a flat plan in the browser (see `ci pools subscribe`)')
      , @('cancel', 'Retired: cancel a flat plan at the end of its billing period (see `ci pools cancel`)')
    )
    'help billing' = @(
      , @('status', 'Show your subscriptions and credit')
      , @('credits', 'Show your prepaid credit')
      , @('topup', 'Add prepaid credit, by card or with USDC')
      , @('verify', 'Add a USDC payment to your credit')
      , @('card', 'Save a card in the browser')
      , @('subscribe', 'Retired: subscribe to a flat plan (see `ci pools subscribe`)')
      , @('checkout', 'Retired: pay for a flat plan in the browser (see `ci pools subscribe`)')
      , @('cancel', 'Retired: cancel a flat plan at the end of its billing period (see `ci pools cancel`)')
    )
    'agent' = @(
      , @('plans', 'List what you can buy with USDC')
      , @('subscribe', 'Pay for a subscription and get its API key')
      , @('topup', 'Pay for credit')
      , @('claim', 'Claim what a payment was for')
      , @('wallet', 'Manage wallets that pay with USDC')
    )
    'help agent' = @(
      , @('plans', 'List what you can buy with USDC')
      , @('subscribe', 'Pay for a subscription and get its API key')
      , @('topup', 'Pay for credit')
      , @('claim', 'Claim what a payment was for')
      , @('wallet', 'Manage wallets that pay with USDC')
    )
    'agent wallet' = @(
      , @('create', 'Create a wallet')
      , @('import', 'Import a private key from standard input')
      , @('list', 'List the wallets on this machine')
      , @('address', 'Print the address of a wallet')
    )
    'help agent wallet' = @(
      , @('create', 'Create a wallet')
      , @('import', 'Import a private key from standard input')
      , @('list', 'List the wallets on this machine')
      , @('address', 'Print the address of a wallet')
    )
    'history' = @(
      , @('reconcile', 'Resolve changes with an unknown outcome, and find leftover temporary keys')
    )
    'help history' = @(
      , @('reconcile', 'Resolve changes with an unknown outcome, and find leftover temporary keys')
    )
    'state' = @(
      , @('init', 'Create or upgrade the tables of the state database')
      , @('status', 'Show the state database, and the machines that share it')
      , @('move', 'Bring the record of this machine into the state database')
      , @('sync', 'Bring in the changes that the state database lacks')
      , @('gc', 'Remove old changes that are settled')
    )
    'help state' = @(
      , @('init', 'Create or upgrade the tables of the state database')
      , @('status', 'Show the state database, and the machines that share it')
      , @('move', 'Bring the record of this machine into the state database')
      , @('sync', 'Bring in the changes that the state database lacks')
      , @('gc', 'Remove old changes that are settled')
    )
    'auth' = @(
      , @('login', 'Sign in with a management key')
      , @('logout', 'Remove a saved key from this machine')
      , @('status', 'Show the account in use, and check its key')
      , @('list', 'List the saved profiles')
      , @('switch', 'Switch to another profile')
      , @('token', 'Print the management key in use')
    )
    'help auth' = @(
      , @('login', 'Sign in with a management key')
      , @('logout', 'Remove a saved key from this machine')
      , @('status', 'Show the account in use, and check its key')
      , @('list', 'List the saved profiles')
      , @('switch', 'Switch to another profile')
      , @('token', 'Print the management key in use')
    )
    'config' = @(
      , @('get', 'Print the value of a setting')
      , @('set', 'Change a setting of the profile in use')
      , @('unset', 'Remove a setting of the profile in use')
      , @('list', 'List the settings, and where each comes from')
      , @('path', 'Print the path of the config file')
    )
    'help config' = @(
      , @('get', 'Print the value of a setting')
      , @('set', 'Change a setting of the profile in use')
      , @('unset', 'Remove a setting of the profile in use')
      , @('list', 'List the settings, and where each comes from')
      , @('path', 'Print the path of the config file')
    )
    'sandbox' = @(
      , @('serve', 'Serve the sandbox on this machine until Ctrl-C')
      , @('reset', 'Reset the sandbox: no subscriptions, no keys, clock at 09:00 UTC')
      , @('advance', 'Move the sandbox''s clock forward: subscriptions renew or end')
      , @('schedule', 'Schedule when a block opens, and how many others compete for seats')
      , @('path', 'Print the directory of the sandbox''s state')
    )
    'help sandbox' = @(
      , @('serve', 'Serve the sandbox on this machine until Ctrl-C')
      , @('reset', 'Reset the sandbox: no subscriptions, no keys, clock at 09:00 UTC')
      , @('advance', 'Move the sandbox''s clock forward: subscriptions renew or end')
      , @('schedule', 'Schedule when a block opens, and how many others compete for seats')
      , @('path', 'Print the directory of the sandbox''s state')
    )
    'completion' = @(
      , @('install', 'Set up tab completion for a shell')
      , @('bash', 'Print the completion script for bash')
      , @('zsh', 'Print the completion script for zsh')
      , @('fish', 'Print the completion script for fish')
      , @('powershell', 'Print the completion script for PowerShell')
    )
    'help completion' = @(
      , @('install', 'Set up tab completion for a shell')
      , @('bash', 'Print the completion script for bash')
      , @('zsh', 'Print the completion script for zsh')
      , @('fish', 'Print the completion script for fish')
      , @('powershell', 'Print the completion script for PowerShell')
    )
    'plans' = @(
      , @('list', 'Retired: list the flat plans (see `ci pools list`)')
    )
    'help plans' = @(
      , @('list', 'Retired: list the flat plans (see `ci pools list`)')
    )
    'help' = @(
      , @('setup', 'Get a working API key, step by step')
      , @('status', 'Show your subscriptions and what needs attention')
      , @('pools', 'List pools and reserve blocks')
      , @('keys', 'Create, list and revoke API keys')
      , @('run', 'Run a command with an API key in its environment')
      , @('env', 'Print the variables of an API key for a shell')
      , @('connect', 'Connect a coding agent or another tool to a key')
      , @('gateway', 'Spread many requests over all your seats')
      , @('models', 'List the models that an API key can use')
      , @('usage', 'Show requests and tokens per key')
      , @('billing', 'Manage credit and cards')
      , @('agent', 'Buy with USDC on Base, without an account')
      , @('export', 'Print the account as a file')
      , @('plan', 'Show what differs between a file and the account')
      , @('apply', 'Make the account as a file says')
      , @('history', 'Show the record of changes')
      , @('state', 'Manage the state database that machines share')
      , @('auth', 'Sign in and out, and switch profiles')
      , @('config', 'Manage settings')
      , @('api', 'Send an authenticated API request')
      , @('sandbox', 'Run an emulator of the API')
      , @('completion', 'Set up tab completion')
      , @('open', 'Open a CheapestInference page')
      , @('doctor', 'Diagnose problems')
      , @('plans', 'List flat plans (retired)')
      , @('login', 'Same as `ci auth login`')
      , @('logout', 'Same as `ci auth logout`')
      , @('whoami', 'Same as `ci auth status`')
      , @('version', 'Same as `ci --version`')
      , @('exit-codes', 'Exit codes and error codes')
      , @('environment', 'Environment variables')
      , @('output', 'Output formats, and what goes where')
      , @('man', 'Source of the manual page')
    )
  }
  $aliases = @{
    'pools' = @(
      , @('ls', 'List pools with their prices and available blocks')
      , @('show', 'Show a pool''s prices, and its available seats by hour')
    )
    'help pools' = @(
      , @('ls', 'List pools with their prices and available blocks')
      , @('show', 'Show a pool''s prices, and its available seats by hour')
    )
    'keys' = @(
      , @('ls', 'List your API keys, with masked secrets')
      , @('revoke', 'Revoke API keys immediately')
      , @('rm', 'Revoke API keys immediately')
    )
    'help keys' = @(
      , @('ls', 'List your API keys, with masked secrets')
      , @('revoke', 'Revoke API keys immediately')
      , @('rm', 'Revoke API keys immediately')
    )
    'agent wallet' = @(
      , @('ls', 'List the wallets on this machine')
    )
    'help agent wallet' = @(
      , @('ls', 'List the wallets on this machine')
    )
    'auth' = @(
      , @('ls', 'List the saved profiles')
    )
    'help auth' = @(
      , @('ls', 'List the saved profiles')
    )
    'config' = @(
      , @('ls', 'List the settings, and where each comes from')
    )
    'help config' = @(
      , @('ls', 'List the settings, and where each comes from')
    )
    'plans' = @(
      , @('ls', 'Retired: list the flat plans (see `ci pools list`)')
    )
    'help plans' = @(
      , @('ls', 'Retired: list the flat plans (see `ci pools list`)')
    )
  }
  # The options of a command, and the global options.
  $options = @{
    '' = @(
      , @('--version', 'Show the version')
    )
    'status' = @(
      , @('--check', 'Print only what needs attention, and exit with code 3 if anything does')
    )
    'pools list' = @(
      , @('--available', 'Only pools with an available seat')
      , @('--blocks', 'Only pools where all of these blocks are available')
      , @('--model', 'Only pools with this text in the model name')
      , @('--status', 'Only pools with this status: active, funding, activating, paused')
    )
    'pools quote' = @(
      , @('--blocks', 'Blocks, separated by commas: asia, europe, americas; or `all`')
      , @('--quantity', 'Seats in each block, 1 to 20')
      , @('--billing-cycle', 'Billing cycle: month or year')
    )
    'pools subscribe' = @(
      , @('--blocks', 'Blocks, separated by commas: asia, europe, americas; or `all`')
      , @('--quantity', 'Seats in each block, 1 to 20')
      , @('--billing-cycle', 'Billing cycle: month or year')
      , @('--max-price', 'Refuse a charge above this amount')
      , @('--ensure', 'Skip if your active subscriptions already cover it')
      , @('--again', 'Allow a repeat of a recent purchase')
      , @('--no-wait', 'Exit with code 6 instead of waiting for an earlier change to settle')
      , @('--settle', 'How long to check for the change if the response is lost (default: 30s)')
      , @('--create-key', 'Create an API key for each seat')
      , @('--store', 'With --create-key, keep the secrets on this machine for `ci run` and `ci env` (default)')
      , @('--save', 'With --create-key, write the secrets to this dotenv file')
      , @('--var', 'With --save, the variable to set (default: CHEAPESTINFERENCE_API_KEY)')
      , @('--force', 'With --save, replace another value of the variable without asking')
      , @('--dry-run', 'Show the price without buying')
    )
    'pools watch' = @(
      , @('--blocks', 'Blocks, separated by commas: asia, europe, americas; or `any` or `all`')
      , @('--all-blocks', 'Wait until all of these blocks are available together')
      , @('--interval', 'Time between two checks, at least 5s (default: 15s)')
      , @('--for', 'Time limit, after which the command exits with code 6')
      , @('--count', 'Openings to report before exiting (default: 1)')
      , @('--forever', 'Report openings until interrupted')
      , @('--bell', 'Ring the terminal bell')
      , @('--exec', 'Shell command to run for each opening or purchase')
      , @('--webhook', 'URL to post each opening or purchase to, as JSON')
      , @('--subscribe', 'Buy the first opening, and charge your saved card')
      , @('--quantity', 'Seats in each block, 1 to 20')
      , @('--billing-cycle', 'With --subscribe, the billing cycle: month or year (default: month)')
      , @('--max-price', 'With --subscribe, refuse a charge above this amount')
      , @('--ensure', 'With --subscribe, skip if already covered')
      , @('--again', 'With --subscribe, allow a repeat of a recent purchase')
      , @('--no-wait', 'With --subscribe, exit with code 6 instead of waiting for an earlier change to settle')
      , @('--settle', 'With --subscribe, how long to check for the change if the response is lost (default: 30s)')
      , @('--create-key', 'With --subscribe, create an API key for each seat')
      , @('--store', 'With --create-key, keep the secrets on this machine for `ci run` and `ci env` (default)')
      , @('--save', 'With --create-key, write the secrets to this dotenv file')
      , @('--var', 'With --save, the variable to set (default: CHEAPESTINFERENCE_API_KEY)')
      , @('--force', 'With --save, replace another value of the variable without asking')
    )
    'pools keys' = @(
      , @('--reveal', 'Show the secrets in full')
    )
    'pools cancel' = @(
      , @('--again', 'Go ahead even if an earlier change of this kind hasn''t settled')
      , @('--no-wait', 'Exit with code 6 instead of waiting for an earlier change to settle')
      , @('--settle', 'How long to check for the change if the response is lost (default: 30s)')
    )
    'keys list' = @(
      , @('--older-than', 'Only keys created longer ago than this, such as 90d')
      , @('--unused-for', 'Only keys that haven''t been used for this long, such as 30d')
    )
    'keys create' = @(
      , @('--subscription', 'Create the key for this subscription (default: the most recent)')
      , @('--pool', 'Create the key for your subscription on this pool')
      , @('--credit', 'Use prepaid credit instead of a subscription')
      , @('--max-budget', 'With --credit, the spending limit of the key')
      , @('--rpm', 'With --credit, the requests per minute')
      , @('--tpm', 'With --credit, the tokens per minute')
      , @('--store', 'Keep the secret on this machine, for `ci run` and `ci env`')
      , @('--save', 'Write the secret to this dotenv file instead of printing it')
      , @('--to', 'Send the secret to a destination, such as github:acme/api')
      , @('--var', 'With --save or --to, the variable to set (default: CHEAPESTINFERENCE_API_KEY)')
      , @('--force', 'With --save or --to, replace another value of the variable without asking')
      , @('--secret-only', 'Print only the secret')
      , @('--ensure', 'Skip if a key with this name already exists')
      , @('--reveal', 'With --ensure, show the secret of an existing key')
      , @('--again', 'Create the key even if an earlier one with this name hasn''t settled')
      , @('--no-wait', 'Exit with code 6 instead of waiting for an earlier change to settle')
      , @('--settle', 'How long to check for the change if the response is lost (default: 30s)')
      , @('--from', 'Create the keys of this CSV or NDJSON file, or - for standard input')
      , @('--save-to', 'With --from, append the secrets to this NDJSON or CSV file')
      , @('--failed', 'With --from, write the rows that failed to this file')
      , @('--concurrency', 'With --from, the most requests at a time (default: 8)')
      , @('--rate', 'With --from, the most requests per second')
    )
    'keys secret' = @(
      , @('--add', 'Store a secret, read from standard input')
      , @('--remove', 'Remove the secret from this machine, without revoking the key')
      , @('--force', 'With --add, replace another secret without asking')
    )
    'keys rotate' = @(
      , @('--pool', 'Rotate the keys of this pool')
      , @('--older-than', 'Rotate only keys of at least this age, such as 90d')
      , @('--resume', 'Continue rotations that failed or were interrupted')
      , @('--store', 'Keep the new secret on this machine (default if the old one is)')
      , @('--save', 'Write the new secret to this dotenv file')
      , @('--to', 'Send the secret to a destination, such as github:acme/api')
      , @('--var', 'With --save or --to, the variable to set (default: CHEAPESTINFERENCE_API_KEY)')
      , @('--force', 'With --save, replace another value of the variable without asking')
      , @('--prove', 'Prove with command:PROGRAM that the new key works')
      , @('--overlap', 'Keep the old key valid for this time, or until command:PROGRAM succeeds')
      , @('--allow-gap', 'If a seat allows one key, revoke the old key first')
      , @('--from', 'Rotate the keys of this CSV or NDJSON file, or - for standard input')
      , @('--save-to', 'Append the new secrets to this NDJSON or CSV file')
      , @('--concurrency', 'The most keys at a time (default: 8)')
      , @('--rate', 'The most requests per second')
      , @('--settle', 'How long to check for a change if the response is lost (default: until it is certain)')
    )
    'keys delete' = @(
      , @('--settle', 'How long to check for the change if the response is lost (default: 30s)')
      , @('--from', 'Revoke the keys of this CSV or NDJSON file, or - for standard input')
      , @('--failed', 'With --from, write the rows that failed to this file')
      , @('--concurrency', 'With --from, the most requests at a time (default: 8)')
      , @('--rate', 'With --from, the most requests per second')
    )
    'run' = @(
      , @('--key', 'Name or ID of the stored key to use')
      , @('--pool', 'Use the stored key of this pool')
      , @('--for', 'Variables to set: openai, anthropic, all or none')
      , @('--model', 'Model for coding tools')
      , @('--gateway', 'Use all your seats at once, through a gateway')
      , @('--temporary', 'Create a key for this run, and revoke it when the command ends')
      , @('--subscription', 'With --temporary, create the key for this subscription')
      , @('--max-budget', 'With --temporary, use prepaid credit up to this limit')
    )
    'env' = @(
      , @('--key', 'Name or ID of the stored key to use')
      , @('--pool', 'Use the stored key of this pool')
      , @('--for', 'Variables to set: openai, anthropic, all or none')
      , @('--shell', 'Shell: sh (also for bash and zsh), fish or powershell (default: the one in use)')
      , @('--format', 'Print dotenv or json instead of shell commands')
    )
    'connect' = @(
      , @('--key', 'Name or ID of the stored key to use')
      , @('--pool', 'Use the stored key of this pool')
      , @('--gateway', 'Use all your seats at once, through a gateway')
      , @('--model', 'Model to use by default')
      , @('--context-window', 'Context window of the model, if it isn''t known')
      , @('--project', 'Change the tool''s settings for this directory instead of your own')
      , @('--dry-run', 'Print the changes without making them')
      , @('--undo', 'Restore the original settings')
    )
    'gateway' = @(
      , @('--listen', 'Address to listen on (default: 127.0.0.1:8788)')
      , @('--token-file', 'File with the token of the clients, created if missing')
      , @('--cert', 'Certificate for TLS, in PEM format')
      , @('--key', 'Private key of the certificate')
      , @('--insecure', 'Listen on a network without TLS')
      , @('--pools', 'Use only the seats of these pools, separated by commas')
      , @('--keys', 'Use only these stored keys, separated by commas')
      , @('--outside', 'What to do outside the hours of all seats: fail, wait or credit')
      , @('--credit-key', 'With --outside credit, the stored key that pays')
      , @('--queue-limit', 'Maximum number of waiting requests per model')
      , @('--queue-timeout', 'Longest wait for a seat (default: 10m)')
      , @('--drain', 'How long to finish open requests when stopping (default: 30s)')
      , @('--quiet', 'Don''t print each request')
      , @('--background', 'Run in the background')
      , @('--until-unused', 'Stop it when no `ci run --gateway` uses it')
    )
    'gateway stop' = @(
      , @('--now', 'Don''t wait for running requests')
    )
    'gateway token' = @(
      , @('--token-file', 'File with the token')
      , @('--client', 'Client whose token to print, if the file has several')
    )
    'gateway install' = @(
      , @('--listen', 'Address to listen on (default: 127.0.0.1:8788)')
      , @('--token-file', 'File with the token of the clients, created if missing')
      , @('--cert', 'Certificate for TLS, in PEM format')
      , @('--key', 'Private key of the certificate')
      , @('--insecure', 'Listen on a network without TLS')
      , @('--pools', 'Use only the seats of these pools, separated by commas')
      , @('--keys', 'Use only these stored keys, separated by commas')
      , @('--outside', 'What to do outside the hours of all seats: fail, wait or credit')
      , @('--credit-key', 'With --outside credit, the stored key that pays')
      , @('--queue-limit', 'Maximum number of waiting requests per model')
      , @('--queue-timeout', 'Longest wait for a seat (default: 10m)')
      , @('--drain', 'How long to finish open requests when stopping (default: 30s)')
      , @('--dry-run', 'Print the systemd unit without installing it')
      , @('--undo', 'Stop the service and remove it')
    )
    'usage' = @(
      , @('--period', 'Time period: 1h, 24h, 7d or 30d')
      , @('--refresh', 'Fetch new data even if the cached data is recent')
      , @('--self', 'Show the limits and credit of the key in CHEAPESTINFERENCE_API_KEY')
      , @('--gateway', 'Show what the clients of the gateways on this machine used')
      , @('--all', 'Show each key in each period, on a line each')
      , @('--format', 'With --all, print csv or json, like --output')
    )
    'usage snapshot' = @(
      , @('--install', 'Take snapshots regularly, with a timer')
      , @('--uninstall', 'Remove the timer')
      , @('--timer', 'With --install, the kind of timer: systemd or cron')
      , @('--dry-run', 'With --install, print the timer without installing it')
    )
    'usage report' = @(
      , @('--month', 'Month in UTC')
      , @('--by', 'Sum keys of the same name or prefix: key or prefix')
      , @('--prices', 'Add the cost, from prices in a CSV or JSON file')
    )
    'billing topup' = @(
      , @('--method', 'Payment method: stripe (by card) or usdc (on Base)')
      , @('--wait', 'Wait until the credit is added')
      , @('--pay-with', 'With --method usdc, send the payment from this wallet: its name, or ./FILE')
      , @('--password-file', 'Read the password from this file (default: ask)')
      , @('--keychain', 'Read the password from the system''s keychain')
      , @('--rpc-url', 'RPC endpoint of the chain (default: ETH_RPC_URL, or a public one)')
      , @('--confirmations', 'Blocks to wait for until the payment counts (default: 3)')
      , @('--again', 'With --pay-with, pay even if you paid the same moments ago')
    )
    'billing verify' = @(
      , @('--amount', 'Exact amount that you sent, in USD')
      , @('--wait', 'Retry while the transaction isn''t final')
      , @('--settle', 'How long to check for the change if the response is lost (default: 30s)')
    )
    'billing subscribe' = @(
      , @('--create-key', 'Create an API key with this name')
      , @('--settle', 'How long to check for the change if the response is lost (default: 30s)')
      , @('--no-wait', 'Exit with code 6 instead of waiting for an earlier change to settle')
      , @('--again', 'Go ahead even if an earlier change of this kind hasn''t settled')
    )
    'billing cancel' = @(
      , @('--settle', 'How long to check for the change if the response is lost (default: 30s)')
      , @('--no-wait', 'Exit with code 6 instead of waiting for an earlier change to settle')
      , @('--again', 'Go ahead even if an earlier change of this kind hasn''t settled')
    )
    'agent subscribe' = @(
      , @('--blocks', 'Blocks, separated by commas: asia, europe, americas; or `all`')
      , @('--max-price', 'Refuse to pay more than this')
      , @('--save', 'Write the secret to this dotenv file instead of printing it')
      , @('--var', 'With --save, the variable to set (default: CHEAPESTINFERENCE_API_KEY)')
      , @('--force', 'With --save, replace another value of the variable without asking')
      , @('--account', 'Wallet in ~/.foundry/keystores (default: ETH_KEYSTORE_ACCOUNT)')
      , @('--keystore', 'Keystore file of the wallet, wherever it is')
      , @('--password-file', 'Read the password from this file (default: ask)')
      , @('--keychain', 'Read the password from the system''s keychain')
      , @('--chain', 'Chain to pay on')
      , @('--rpc-url', 'RPC endpoint of the chain (default: ETH_RPC_URL, or a public one)')
      , @('--confirmations', 'Blocks to wait for until the payment counts (default: 3)')
      , @('--field', 'Add a field to the claim; {signature}, {address} and {txHash} are filled in (can be repeated)')
      , @('--again', 'Pay even if you paid for the same moments ago, or an earlier payment isn''t finished')
    )
    'agent topup' = @(
      , @('--save', 'Write the secret to this dotenv file instead of printing it')
      , @('--var', 'With --save, the variable to set (default: CHEAPESTINFERENCE_API_KEY)')
      , @('--force', 'With --save, replace another value of the variable without asking')
      , @('--account', 'Wallet in ~/.foundry/keystores (default: ETH_KEYSTORE_ACCOUNT)')
      , @('--keystore', 'Keystore file of the wallet, wherever it is')
      , @('--password-file', 'Read the password from this file (default: ask)')
      , @('--keychain', 'Read the password from the system''s keychain')
      , @('--chain', 'Chain to pay on')
      , @('--rpc-url', 'RPC endpoint of the chain (default: ETH_RPC_URL, or a public one)')
      , @('--confirmations', 'Blocks to wait for until the payment counts (default: 3)')
      , @('--field', 'Add a field to the claim; {signature}, {address} and {txHash} are filled in (can be repeated)')
      , @('--again', 'Pay even if you paid for the same moments ago, or an earlier payment isn''t finished')
    )
    'agent claim' = @(
      , @('--pool', 'Claim a subscription to this pool')
      , @('--blocks', 'Blocks, separated by commas: asia, europe, americas; or `all`')
      , @('--credit', 'Claim credit instead of a subscription')
      , @('--signature', 'Signature of the message by the wallet that paid, or - to read it from standard input')
      , @('--print-message', 'Print the message to sign, and claim nothing')
      , @('--save', 'Write the secret to this dotenv file instead of printing it')
      , @('--var', 'With --save, the variable to set (default: CHEAPESTINFERENCE_API_KEY)')
      , @('--force', 'With --save, replace another value of the variable without asking')
      , @('--account', 'Wallet in ~/.foundry/keystores (default: ETH_KEYSTORE_ACCOUNT)')
      , @('--keystore', 'Keystore file of the wallet, wherever it is')
      , @('--password-file', 'Read the password from this file (default: ask)')
      , @('--keychain', 'Read the password from the system''s keychain')
      , @('--chain', 'Chain to pay on')
      , @('--rpc-url', 'RPC endpoint of the chain (default: ETH_RPC_URL, or a public one)')
      , @('--confirmations', 'Blocks to wait for until the payment counts (default: 3)')
      , @('--field', 'Add a field to the claim; {signature}, {address} and {txHash} are filled in (can be repeated)')
    )
    'agent wallet create' = @(
      , @('--account', 'Wallet in ~/.foundry/keystores')
      , @('--keystore', 'Keystore file of the wallet, wherever it is')
      , @('--password-file', 'Read the password from this file (default: ask)')
      , @('--keychain', 'Save the password in the system''s keychain')
    )
    'agent wallet import' = @(
      , @('--account', 'Wallet in ~/.foundry/keystores')
      , @('--keystore', 'Keystore file of the wallet, wherever it is')
      , @('--password-file', 'Read the password from this file (default: ask)')
      , @('--keychain', 'Save the password in the system''s keychain')
    )
    'agent wallet address' = @(
      , @('--account', 'Wallet in ~/.foundry/keystores (default: ETH_KEYSTORE_ACCOUNT)')
      , @('--keystore', 'Keystore file of the wallet, wherever it is')
      , @('--password-file', 'Read the password from this file (default: ask)')
      , @('--keychain', 'Read the password from the system''s keychain')
    )
    'plan' = @(
      , @('--update-existing', 'Plan to change what exists and differs')
      , @('--allow-destroy', 'Plan to revoke keys with the file''s prefix that it doesn''t name')
      , @('--detailed-exitcode', 'Exit with code 3 if the account differs from the file')
    )
    'apply' = @(
      , @('--update-existing', 'Change what exists and differs')
      , @('--allow-destroy', 'Revoke keys with the file''s prefix that it doesn''t name')
      , @('--max-charge', 'Refuse to charge more than this amount today, in all')
      , @('--save-to', 'Append the secrets of keys without `to` to this NDJSON or CSV file')
    )
    'history' = @(
      , @('--all', 'Show the changes of all accounts')
      , @('--limit', 'Show at most this many changes')
    )
    'history reconcile' = @(
      , @('--wait', 'Wait until recent changes have settled')
      , @('--rpc-url', 'RPC endpoint for payments on chain (default: ETH_RPC_URL, or a public one)')
    )
    'state init' = @(
      , @('--sql', 'Print the SQL that creates the tables, and send nothing')
    )
    'state gc' = @(
      , @('--older-than', 'Remove what ended longer ago than this, such as 90d (at least 31d)')
    )
    'auth login' = @(
      , @('--with-key', 'Read the key from standard input')
      , @('--keychain', 'Save the key in the system keychain (requires the npm package @napi-rs/keyring)')
    )
    'api' = @(
      , @('--raw-field', 'Add a string to the body, or to the query of a GET (repeatable)')
      , @('--field', 'Like -f, but parse true, false, null, numbers and JSON')
      , @('--input', 'Read the body from a file, or - for standard input')
    )
    'sandbox serve' = @(
      , @('--port', 'TCP port on 127.0.0.1, or 0 for any free port')
      , @('--chain', 'Start a local chain for payments in USDC (requires anvil)')
      , @('--rpc-url', 'Check payments on a development chain that is running')
    )
    'sandbox reset' = @(
      , @('--no-card', 'Start without a saved card')
    )
    'sandbox schedule' = @(
      , @('--open-in', 'Time until it opens (default: now)')
      , @('--for', 'How long it stays open (default: 90s)')
      , @('--seats', 'Number of seats (default: 1)')
      , @('--rivals', 'Number of other buyers, spread evenly over the time it is open')
      , @('--clear', 'Clear the schedule')
    )
    'login' = @(
      , @('--with-key', 'Read the key from standard input')
      , @('--keychain', 'Save the key in the system keychain (requires the npm package @napi-rs/keyring)')
    )
  }
  $everywhere = @(
    , @('--json', 'Print JSON')
    , @('--output', 'Output format: table, json, csv or yaml')
    , @('--fields', 'Show only these columns or JSON fields, such as id,slug')
    , @('--jq', 'Filter the JSON with a jq expression')
    , @('--profile', 'Profile to use')
    , @('--api-url', 'Send requests to another API host')
    , @('--sandbox', 'Use the sandbox: no account needed, nothing is charged')
    , @('--offline', 'Use local files while the state database can''t be reached')
    , @('--timeout', 'Time limit for a request (default: 30s)')
    , @('--no-input', 'Never prompt')
    , @('--yes', 'Skip confirmation prompts')
    , @('--no-color', 'Turn off colors')
    , @('--debug', 'Show requests and timings, with keys masked')
    , @('--help', 'Show help for a command')
  )
  # The long forms of short flags, and the flags that can be repeated.
  $long = @(
    , @(' -V', '--version')
    , @('history -L', '--limit')
    , @('api -f', '--raw-field')
    , @('api -F', '--field')
    , @('* -o', '--output')
    , @('* -y', '--yes')
    , @('* -h', '--help')
  )
  $repeatable = @(
    'keys create --to'
    'keys rotate --to'
    'api --raw-field'
    'api --field'
  )
  # The possible values of a flag, or of the argument with a number: a kind, and words.
  $values = @{
    'pools list --blocks' = @{
      Kind = 'list'
      Words = @(
        , @('asia', '00:00-08:00 UTC')
        , @('europe', '08:00-16:00 UTC')
        , @('americas', '16:00-24:00 UTC')
      )
      Alone = @(
        , @('all', 'The whole day')
      )
    }
    'pools quote --blocks' = @{
      Kind = 'list'
      Words = @(
        , @('asia', '00:00-08:00 UTC')
        , @('europe', '08:00-16:00 UTC')
        , @('americas', '16:00-24:00 UTC')
      )
      Alone = @(
        , @('all', 'The whole day')
      )
    }
    'pools subscribe --blocks' = @{
      Kind = 'list'
      Words = @(
        , @('asia', '00:00-08:00 UTC')
        , @('europe', '08:00-16:00 UTC')
        , @('americas', '16:00-24:00 UTC')
      )
      Alone = @(
        , @('all', 'The whole day')
      )
    }
    'agent subscribe --blocks' = @{
      Kind = 'list'
      Words = @(
        , @('asia', '00:00-08:00 UTC')
        , @('europe', '08:00-16:00 UTC')
        , @('americas', '16:00-24:00 UTC')
      )
      Alone = @(
        , @('all', 'The whole day')
      )
    }
    'agent claim --blocks' = @{
      Kind = 'list'
      Words = @(
        , @('asia', '00:00-08:00 UTC')
        , @('europe', '08:00-16:00 UTC')
        , @('americas', '16:00-24:00 UTC')
      )
      Alone = @(
        , @('all', 'The whole day')
      )
    }
    'pools list --model' = @{
      Kind = 'any'
    }
    'pools quote --quantity' = @{
      Kind = 'any'
    }
    'pools subscribe --quantity' = @{
      Kind = 'any'
    }
    'pools subscribe --max-price' = @{
      Kind = 'any'
    }
    'pools subscribe --settle' = @{
      Kind = 'any'
    }
    'pools subscribe --create-key' = @{
      Kind = 'any'
    }
    'pools subscribe --var' = @{
      Kind = 'any'
    }
    'pools watch --interval' = @{
      Kind = 'any'
    }
    'pools watch --for' = @{
      Kind = 'any'
    }
    'pools watch --count' = @{
      Kind = 'any'
    }
    'pools watch --exec' = @{
      Kind = 'any'
    }
    'pools watch --webhook' = @{
      Kind = 'any'
    }
    'pools watch --quantity' = @{
      Kind = 'any'
    }
    'pools watch --max-price' = @{
      Kind = 'any'
    }
    'pools watch --settle' = @{
      Kind = 'any'
    }
    'pools watch --create-key' = @{
      Kind = 'any'
    }
    'pools watch --var' = @{
      Kind = 'any'
    }
    'pools cancel --settle' = @{
      Kind = 'any'
    }
    'keys list --older-than' = @{
      Kind = 'any'
    }
    'keys list --unused-for' = @{
      Kind = 'any'
    }
    'keys create --max-budget' = @{
      Kind = 'any'
    }
    'keys create --rpm' = @{
      Kind = 'any'
    }
    'keys create --tpm' = @{
      Kind = 'any'
    }
    'keys create --to' = @{
      Kind = 'any'
    }
    'keys create --var' = @{
      Kind = 'any'
    }
    'keys create --settle' = @{
      Kind = 'any'
    }
    'keys create --concurrency' = @{
      Kind = 'any'
    }
    'keys create --rate' = @{
      Kind = 'any'
    }
    'keys rotate --older-than' = @{
      Kind = 'any'
    }
    'keys rotate --to' = @{
      Kind = 'any'
    }
    'keys rotate --var' = @{
      Kind = 'any'
    }
    'keys rotate --prove' = @{
      Kind = 'any'
    }
    'keys rotate --overlap' = @{
      Kind = 'any'
    }
    'keys rotate --concurrency' = @{
      Kind = 'any'
    }
    'keys rotate --rate' = @{
      Kind = 'any'
    }
    'keys rotate --settle' = @{
      Kind = 'any'
    }
    'keys delete --settle' = @{
      Kind = 'any'
    }
    'keys delete --concurrency' = @{
      Kind = 'any'
    }
    'keys delete --rate' = @{
      Kind = 'any'
    }
    'run --model' = @{
      Kind = 'any'
    }
    'run --max-budget' = @{
      Kind = 'any'
    }
    'connect --model' = @{
      Kind = 'any'
    }
    'connect --context-window' = @{
      Kind = 'any'
    }
    'gateway --listen' = @{
      Kind = 'any'
    }
    'gateway --token-file' = @{
      Kind = 'any'
    }
    'gateway --cert' = @{
      Kind = 'any'
    }
    'gateway --key' = @{
      Kind = 'any'
    }
    'gateway --queue-limit' = @{
      Kind = 'any'
    }
    'gateway --queue-timeout' = @{
      Kind = 'any'
    }
    'gateway --drain' = @{
      Kind = 'any'
    }
    'gateway token --token-file' = @{
      Kind = 'any'
    }
    'gateway token --client' = @{
      Kind = 'any'
    }
    'gateway install --listen' = @{
      Kind = 'any'
    }
    'gateway install --token-file' = @{
      Kind = 'any'
    }
    'gateway install --cert' = @{
      Kind = 'any'
    }
    'gateway install --key' = @{
      Kind = 'any'
    }
    'gateway install --queue-limit' = @{
      Kind = 'any'
    }
    'gateway install --queue-timeout' = @{
      Kind = 'any'
    }
    'gateway install --drain' = @{
      Kind = 'any'
    }
    'usage report --month' = @{
      Kind = 'any'
    }
    'billing topup --pay-with' = @{
      Kind = 'any'
    }
    'billing topup --rpc-url' = @{
      Kind = 'any'
    }
    'billing topup --confirmations' = @{
      Kind = 'any'
    }
    'billing verify --amount' = @{
      Kind = 'any'
    }
    'billing verify --settle' = @{
      Kind = 'any'
    }
    'billing subscribe --create-key' = @{
      Kind = 'any'
    }
    'billing subscribe --settle' = @{
      Kind = 'any'
    }
    'billing cancel --settle' = @{
      Kind = 'any'
    }
    'agent subscribe --max-price' = @{
      Kind = 'any'
    }
    'agent subscribe --var' = @{
      Kind = 'any'
    }
    'agent subscribe --account' = @{
      Kind = 'any'
    }
    'agent subscribe --rpc-url' = @{
      Kind = 'any'
    }
    'agent subscribe --confirmations' = @{
      Kind = 'any'
    }
    'agent subscribe --field' = @{
      Kind = 'any'
    }
    'agent topup --var' = @{
      Kind = 'any'
    }
    'agent topup --account' = @{
      Kind = 'any'
    }
    'agent topup --rpc-url' = @{
      Kind = 'any'
    }
    'agent topup --confirmations' = @{
      Kind = 'any'
    }
    'agent topup --field' = @{
      Kind = 'any'
    }
    'agent claim --signature' = @{
      Kind = 'any'
    }
    'agent claim --var' = @{
      Kind = 'any'
    }
    'agent claim --account' = @{
      Kind = 'any'
    }
    'agent claim --rpc-url' = @{
      Kind = 'any'
    }
    'agent claim --confirmations' = @{
      Kind = 'any'
    }
    'agent claim --field' = @{
      Kind = 'any'
    }
    'agent wallet create --account' = @{
      Kind = 'any'
    }
    'agent wallet import --account' = @{
      Kind = 'any'
    }
    'agent wallet address --account' = @{
      Kind = 'any'
    }
    'apply --max-charge' = @{
      Kind = 'any'
    }
    'history --limit' = @{
      Kind = 'any'
    }
    'history reconcile --rpc-url' = @{
      Kind = 'any'
    }
    'state gc --older-than' = @{
      Kind = 'any'
    }
    'api --raw-field' = @{
      Kind = 'any'
    }
    'api --field' = @{
      Kind = 'any'
    }
    'sandbox serve --port' = @{
      Kind = 'any'
    }
    'sandbox serve --rpc-url' = @{
      Kind = 'any'
    }
    'sandbox schedule --open-in' = @{
      Kind = 'any'
    }
    'sandbox schedule --for' = @{
      Kind = 'any'
    }
    'sandbox schedule --seats' = @{
      Kind = 'any'
    }
    'sandbox schedule --rivals' = @{
      Kind = 'any'
    }
    'pools list --status' = @{
      Kind = 'words'
      Words = @(
        , @('active', '')
        , @('funding', '')
        , @('activating', '')
        , @('paused', '')
      )
    }
    'pools quote --billing-cycle' = @{
      Kind = 'words'
      Words = @(
        , @('month', '')
        , @('year', '')
      )
    }
    'pools subscribe --billing-cycle' = @{
      Kind = 'words'
      Words = @(
        , @('month', '')
        , @('year', '')
      )
    }
    'pools watch --billing-cycle' = @{
      Kind = 'words'
      Words = @(
        , @('month', '')
        , @('year', '')
      )
    }
    'pools subscribe --save' = @{
      Kind = 'files'
    }
    'pools watch --save' = @{
      Kind = 'files'
    }
    'keys create --save' = @{
      Kind = 'files'
    }
    'keys create --from' = @{
      Kind = 'files'
    }
    'keys create --save-to' = @{
      Kind = 'files'
    }
    'keys create --failed' = @{
      Kind = 'files'
    }
    'keys rotate --save' = @{
      Kind = 'files'
    }
    'keys rotate --from' = @{
      Kind = 'files'
    }
    'keys rotate --save-to' = @{
      Kind = 'files'
    }
    'keys delete --from' = @{
      Kind = 'files'
    }
    'keys delete --failed' = @{
      Kind = 'files'
    }
    'usage report --prices' = @{
      Kind = 'files'
    }
    'billing topup --password-file' = @{
      Kind = 'files'
    }
    'agent subscribe --save' = @{
      Kind = 'files'
    }
    'agent subscribe --keystore' = @{
      Kind = 'files'
    }
    'agent subscribe --password-file' = @{
      Kind = 'files'
    }
    'agent topup --save' = @{
      Kind = 'files'
    }
    'agent topup --keystore' = @{
      Kind = 'files'
    }
    'agent topup --password-file' = @{
      Kind = 'files'
    }
    'agent claim --save' = @{
      Kind = 'files'
    }
    'agent claim --keystore' = @{
      Kind = 'files'
    }
    'agent claim --password-file' = @{
      Kind = 'files'
    }
    'agent wallet create --keystore' = @{
      Kind = 'files'
    }
    'agent wallet create --password-file' = @{
      Kind = 'files'
    }
    'agent wallet import --keystore' = @{
      Kind = 'files'
    }
    'agent wallet import --password-file' = @{
      Kind = 'files'
    }
    'agent wallet address --keystore' = @{
      Kind = 'files'
    }
    'agent wallet address --password-file' = @{
      Kind = 'files'
    }
    'apply --save-to' = @{
      Kind = 'files'
    }
    'api --input' = @{
      Kind = 'files'
    }
    'plan 1' = @{
      Kind = 'files'
    }
    'apply 1' = @{
      Kind = 'files'
    }
    'pools watch --blocks' = @{
      Kind = 'list'
      Words = @(
        , @('asia', '00:00-08:00 UTC')
        , @('europe', '08:00-16:00 UTC')
        , @('americas', '16:00-24:00 UTC')
      )
      Alone = @(
        , @('any', 'The first block that opens')
        , @('all', 'The whole day')
      )
    }
    'keys create --subscription' = @{
      Kind = 'subscriptions'
    }
    'run --subscription' = @{
      Kind = 'subscriptions'
    }
    'billing cancel 1' = @{
      Kind = 'subscriptions'
    }
    'keys create --pool' = @{
      Kind = 'pools'
    }
    'keys rotate --pool' = @{
      Kind = 'pools'
    }
    'run --pool' = @{
      Kind = 'pools'
    }
    'env --pool' = @{
      Kind = 'pools'
    }
    'connect --pool' = @{
      Kind = 'pools'
    }
    'gateway --pools' = @{
      Kind = 'pools'
    }
    'gateway install --pools' = @{
      Kind = 'pools'
    }
    'agent claim --pool' = @{
      Kind = 'pools'
    }
    'pools view 1' = @{
      Kind = 'pools'
    }
    'pools quote 1' = @{
      Kind = 'pools'
    }
    'pools subscribe 1' = @{
      Kind = 'pools'
    }
    'pools watch +' = @{
      Kind = 'pools'
    }
    'pools subscriptions 1' = @{
      Kind = 'pools'
    }
    'pools keys 1' = @{
      Kind = 'pools'
    }
    'pools cancel 1' = @{
      Kind = 'pools'
    }
    'agent subscribe 1' = @{
      Kind = 'pools'
    }
    'sandbox schedule 1' = @{
      Kind = 'pools'
    }
    'run --key' = @{
      Kind = 'keys'
    }
    'env --key' = @{
      Kind = 'keys'
    }
    'connect --key' = @{
      Kind = 'keys'
    }
    'gateway --keys' = @{
      Kind = 'keys'
    }
    'gateway --credit-key' = @{
      Kind = 'keys'
    }
    'gateway install --keys' = @{
      Kind = 'keys'
    }
    'gateway install --credit-key' = @{
      Kind = 'keys'
    }
    'keys secret 1' = @{
      Kind = 'keys'
    }
    'keys rotate +' = @{
      Kind = 'keys'
    }
    'keys delete +' = @{
      Kind = 'keys'
    }
    'usage 1' = @{
      Kind = 'keys'
    }
    'run --for' = @{
      Kind = 'words'
      Words = @(
        , @('openai', '')
        , @('anthropic', '')
        , @('all', '')
        , @('none', '')
      )
    }
    'env --for' = @{
      Kind = 'words'
      Words = @(
        , @('openai', '')
        , @('anthropic', '')
        , @('all', '')
        , @('none', '')
      )
    }
    'env --shell' = @{
      Kind = 'words'
      Words = @(
        , @('sh', '')
        , @('fish', '')
        , @('powershell', '')
      )
    }
    'env --format' = @{
      Kind = 'words'
      Words = @(
        , @('dotenv', '')
        , @('json', '')
      )
    }
    'gateway --outside' = @{
      Kind = 'words'
      Words = @(
        , @('fail', '')
        , @('wait', '')
        , @('credit', '')
      )
    }
    'gateway install --outside' = @{
      Kind = 'words'
      Words = @(
        , @('fail', '')
        , @('wait', '')
        , @('credit', '')
      )
    }
    'usage --period' = @{
      Kind = 'words'
      Words = @(
        , @('1h', '')
        , @('24h', '')
        , @('7d', '')
        , @('30d', '')
      )
    }
    'usage --format' = @{
      Kind = 'words'
      Words = @(
        , @('csv', '')
        , @('json', '')
      )
    }
    'usage snapshot --timer' = @{
      Kind = 'words'
      Words = @(
        , @('systemd', '')
        , @('cron', '')
      )
    }
    'usage report --by' = @{
      Kind = 'words'
      Words = @(
        , @('key', '')
        , @('prefix', '')
      )
    }
    'billing topup --method' = @{
      Kind = 'words'
      Words = @(
        , @('stripe', 'By card')
        , @('usdc', 'On Base')
      )
    }
    'agent subscribe --chain' = @{
      Kind = 'words'
      Words = @(
        , @('base', 'Base')
        , @('base-sepolia', 'Base Sepolia')
      )
    }
    'agent topup --chain' = @{
      Kind = 'words'
      Words = @(
        , @('base', 'Base')
        , @('base-sepolia', 'Base Sepolia')
      )
    }
    'agent claim --chain' = @{
      Kind = 'words'
      Words = @(
        , @('base', 'Base')
        , @('base-sepolia', 'Base Sepolia')
      )
    }
    'setup --fields' = @{
      Kind = 'list'
      Words = @(
        , @('account', '')
        , @('pool', '')
        , @('subscriptions', '')
        , @('keys', '')
        , @('savedTo', '')
        , @('tools', '')
        , @('commands', '')
      )
    }
    'status --fields' = @{
      Kind = 'list'
      Words = @(
        , @('creditBalance', '')
        , @('subscriptions', '')
        , @('keys', '')
        , @('problems', '')
      )
    }
    'pools list --fields' = @{
      Kind = 'list'
      Words = @(
        , @('id', '')
        , @('slug', '')
        , @('modelId', '')
        , @('modelName', '')
        , @('description', '')
        , @('status', '')
        , @('totalSlots', '')
        , @('minPricePerDay', '')
        , @('manualProvisioning', '')
        , @('annualDiscount', '')
        , @('models', '')
        , @('infraSpec', '')
        , @('blocks', '')
      )
    }
    'pools view --fields' = @{
      Kind = 'list'
      Words = @(
        , @('id', '')
        , @('slug', '')
        , @('modelId', '')
        , @('modelName', '')
        , @('description', '')
        , @('status', '')
        , @('totalSlots', '')
        , @('minPricePerDay', '')
        , @('manualProvisioning', '')
        , @('annualDiscount', '')
        , @('models', '')
        , @('infraSpec', '')
        , @('blocks', '')
        , @('hourSlots', '')
      )
    }
    'pools quote --fields' = @{
      Kind = 'list'
      Words = @(
        , @('poolId', '')
        , @('pool', '')
        , @('blocks', '')
        , @('quantity', '')
        , @('billingCycle', '')
        , @('monthlyPrice', '')
        , @('charge', '')
        , @('chargeAtMost', '')
        , @('exact', '')
        , @('prices', '')
        , @('listPrice', '')
        , @('annualDiscount', '')
      )
    }
    'pools subscribe --fields' = @{
      Kind = 'list'
      Words = @(
        , @('id', '')
        , @('poolId', '')
        , @('status', '')
        , @('monthlyPrice', '')
        , @('billingCycle', '')
        , @('cancelAtPeriodEnd', '')
        , @('currentPeriodEnd', '')
        , @('hours', '')
        , @('key', '')
        , @('poolSlug', '')
        , @('subscriptions', '')
        , @('pool', '')
        , @('blocks', '')
        , @('quantity', '')
        , @('charge', '')
        , @('chargeAtMost', '')
        , @('exact', '')
        , @('prices', '')
        , @('listPrice', '')
        , @('annualDiscount', '')
      )
    }
    'pools watch --fields' = @{
      Kind = 'list'
      Words = @(
        , @('event', '')
        , @('at', '')
        , @('pool', '')
        , @('blocks', '')
        , @('pricePerMonth', '')
        , @('previousPricePerMonth', '')
        , @('freeSeats', '')
        , @('status', '')
        , @('previousStatus', '')
        , @('charge', '')
        , @('subscriptions', '')
        , @('code', '')
        , @('message', '')
      )
    }
    'pools subscriptions --fields' = @{
      Kind = 'list'
      Words = @(
        , @('id', '')
        , @('poolId', '')
        , @('status', '')
        , @('monthlyPrice', '')
        , @('billingCycle', '')
        , @('cancelAtPeriodEnd', '')
        , @('currentPeriodEnd', '')
        , @('hours', '')
        , @('key', '')
        , @('poolSlug', '')
      )
    }
    'pools cancel --fields' = @{
      Kind = 'list'
      Words = @(
        , @('id', '')
        , @('poolId', '')
        , @('status', '')
        , @('monthlyPrice', '')
        , @('billingCycle', '')
        , @('cancelAtPeriodEnd', '')
        , @('currentPeriodEnd', '')
        , @('hours', '')
        , @('key', '')
        , @('poolSlug', '')
      )
    }
    'pools keys --fields' = @{
      Kind = 'list'
      Words = @(
        , @('id', '')
        , @('name', '')
        , @('apiKey', '')
        , @('isActive', '')
        , @('subscriptionId', '')
        , @('createdAt', '')
      )
    }
    'keys list --fields' = @{
      Kind = 'list'
      Words = @(
        , @('id', '')
        , @('name', '')
        , @('apiKey', '')
        , @('keyPlan', '')
        , @('keyType', '')
        , @('isActive', '')
        , @('subscriptionId', '')
        , @('subscriptionStatus', '')
        , @('subscriptionExpiresAt', '')
        , @('maxBudget', '')
        , @('rpm', '')
        , @('tpm', '')
        , @('createdAt', '')
        , @('lastUsedAt', '')
        , @('stored', '')
      )
    }
    'keys create --fields' = @{
      Kind = 'list'
      Words = @(
        , @('id', '')
        , @('name', '')
        , @('apiKey', '')
        , @('savedTo', '')
        , @('variable', '')
        , @('rows', '')
        , @('created', '')
        , @('found', '')
        , @('recreated', '')
        , @('existing', '')
        , @('failed', '')
        , @('elsewhere', '')
        , @('failures', '')
        , @('seconds', '')
      )
    }
    'keys secret --fields' = @{
      Kind = 'list'
      Words = @(
        , @('id', '')
        , @('name', '')
        , @('apiKey', '')
        , @('stored', '')
      )
    }
    'keys rotate --fields' = @{
      Kind = 'list'
      Words = @(
        , @('id', '')
        , @('name', '')
        , @('oldId', '')
        , @('apiKey', '')
        , @('savedTo', '')
        , @('variable', '')
        , @('rotated', '')
        , @('failed', '')
      )
    }
    'keys delete --fields' = @{
      Kind = 'list'
      Words = @(
        , @('id', '')
        , @('name', '')
        , @('deleted', '')
        , @('rows', '')
        , @('revoked', '')
        , @('gone', '')
        , @('failed', '')
        , @('failures', '')
        , @('seconds', '')
      )
    }
    'env --fields' = @{
      Kind = 'list'
      Words = @(
        , @('CHEAPESTINFERENCE_API_KEY', '')
        , @('OPENAI_API_KEY', '')
        , @('OPENAI_BASE_URL', '')
        , @('ANTHROPIC_AUTH_TOKEN', '')
        , @('ANTHROPIC_BASE_URL', '')
        , @('ANTHROPIC_API_KEY', '')
      )
    }
    'connect --fields' = @{
      Kind = 'list'
      Words = @(
        , @('tool', '')
        , @('status', '')
        , @('place', '')
        , @('key', '')
        , @('gateway', '')
        , @('model', '')
        , @('baseUrl', '')
        , @('files', '')
        , @('backups', '')
        , @('start', '')
        , @('works', '')
        , @('detail', '')
        , @('diff', '')
        , @('snippets', '')
        , @('title', '')
        , @('installed', '')
        , @('connected', '')
        , @('account', '')
        , @('problem', '')
      )
    }
    'gateway --fields' = @{
      Kind = 'list'
      Words = @(
        , @('event', '')
        , @('at', '')
        , @('url', '')
        , @('tokenFile', '')
        , @('key', '')
        , @('pool', '')
        , @('client', '')
        , @('model', '')
        , @('path', '')
        , @('status', '')
        , @('credit', '')
        , @('attempts', '')
        , @('complete', '')
        , @('queueTime', '')
        , @('timeToFirstByte', '')
        , @('duration', '')
        , @('promptTokens', '')
        , @('completionTokens', '')
        , @('message', '')
      )
    }
    'gateway status --fields' = @{
      Kind = 'list'
      Words = @(
        , @('pid', '')
        , @('url', '')
        , @('account', '')
        , @('startedAt', '')
        , @('seats', '')
        , @('queue', '')
        , @('running', '')
        , @('outside', '')
        , @('problem', '')
      )
    }
    'gateway stop --fields' = @{
      Kind = 'list'
      Words = @(
        , @('pid', '')
        , @('url', '')
      )
    }
    'gateway token --fields' = @{
      Kind = 'list'
      Words = @(
        , @('token', '')
        , @('client', '')
      )
    }
    'gateway install --fields' = @{
      Kind = 'list'
      Words = @(
        , @('status', '')
        , @('unit', '')
        , @('file', '')
        , @('running', '')
        , @('problem', '')
        , @('text', '')
      )
    }
    'gateway export --fields' = @{
      Kind = 'list'
      Words = @(
        , @('format', '')
        , @('configuration', '')
        , @('variables', '')
      )
    }
    'models --fields' = @{
      Kind = 'list'
      Words = @(
        , @('id', '')
        , @('object', '')
        , @('created', '')
        , @('owned_by', '')
      )
    }
    'usage --fields' = @{
      Kind = 'list'
      Words = @(
        , @('id', '')
        , @('name', '')
        , @('type', '')
        , @('plan', '')
        , @('isActive', '')
        , @('usage', '')
        , @('subscription', '')
        , @('createdAt', '')
        , @('budget', '')
        , @('rate_limits', '')
        , @('credits', '')
        , @('key', '')
        , @('client', '')
        , @('model', '')
        , @('requests', '')
        , @('creditRequests', '')
        , @('promptTokens', '')
        , @('completionTokens', '')
        , @('period', '')
        , @('tokens', '')
      )
    }
    'usage snapshot --fields' = @{
      Kind = 'list'
      Words = @(
        , @('status', '')
        , @('time', '')
        , @('keys', '')
        , @('cached', '')
        , @('requestsLeft', '')
        , @('file', '')
        , @('timer', '')
        , @('place', '')
        , @('running', '')
        , @('problem', '')
        , @('text', '')
      )
    }
    'usage report --fields' = @{
      Kind = 'list'
      Words = @(
        , @('month', '')
        , @('from', '')
        , @('to', '')
        , @('complete', '')
        , @('gaps', '')
        , @('by', '')
        , @('rows', '')
      )
    }
    'billing status --fields' = @{
      Kind = 'list'
      Words = @(
        , @('subscriptions', '')
        , @('poolPledges', '')
        , @('plan', '')
        , @('status', '')
        , @('creditBalance', '')
        , @('stripeCustomerId', '')
        , @('subscriptionExpiresAt', '')
        , @('legacySubscriptionKeys', '')
      )
    }
    'billing credits --fields' = @{
      Kind = 'list'
      Words = @(
        , @('totalTopUp', '')
        , @('remaining', '')
        , @('hasCreditKey', '')
        , @('creditKeyCount', '')
      )
    }
    'billing topup --fields' = @{
      Kind = 'list'
      Words = @(
        , @('sessionUrl', '')
        , @('sessionId', '')
        , @('address', '')
        , @('chain', '')
        , @('amount', '')
        , @('credited', '')
        , @('balance', '')
      )
    }
    'billing verify --fields' = @{
      Kind = 'list'
      Words = @(
        , @('credited', '')
        , @('balance', '')
      )
    }
    'billing card --fields' = @{
      Kind = 'list'
      Words = @(
        , @('url', '')
        , @('sessionUrl', '')
      )
    }
    'billing subscribe --fields' = @{
      Kind = 'list'
      Words = @(
        , @('subscriptionId', '')
        , @('planSlug', '')
        , @('status', '')
        , @('currentPeriodEnd', '')
        , @('key', '')
        , @('keyError', '')
      )
    }
    'billing checkout --fields' = @{
      Kind = 'list'
      Words = @(
        , @('sessionUrl', '')
        , @('sessionId', '')
      )
    }
    'billing cancel --fields' = @{
      Kind = 'list'
      Words = @(
        , @('subscriptionId', '')
        , @('canceled', '')
      )
    }
    'agent plans --fields' = @{
      Kind = 'list'
      Words = @(
        , @('type', '')
        , @('pool', '')
        , @('plan', '')
        , @('name', '')
        , @('description', '')
        , @('models', '')
        , @('currency', '')
        , @('duration', '')
        , @('blocks', '')
        , @('price', '')
        , @('minAmount', '')
        , @('agentCheckout', '')
        , @('agentTopup', '')
      )
    }
    'agent subscribe --fields' = @{
      Kind = 'list'
      Words = @(
        , @('subscriptionId', '')
        , @('poolSlug', '')
        , @('blocks', '')
        , @('status', '')
        , @('expiresAt', '')
        , @('txHash', '')
        , @('apiKey', '')
        , @('savedTo', '')
        , @('variable', '')
      )
    }
    'agent topup --fields' = @{
      Kind = 'list'
      Words = @(
        , @('credited', '')
        , @('balance', '')
        , @('txHash', '')
        , @('apiKey', '')
        , @('savedTo', '')
        , @('variable', '')
      )
    }
    'agent claim --fields' = @{
      Kind = 'list'
      Words = @(
        , @('message', '')
        , @('subscriptionId', '')
        , @('poolSlug', '')
        , @('blocks', '')
        , @('status', '')
        , @('expiresAt', '')
        , @('credited', '')
        , @('balance', '')
        , @('txHash', '')
        , @('apiKey', '')
        , @('savedTo', '')
        , @('variable', '')
      )
    }
    'agent wallet create --fields' = @{
      Kind = 'list'
      Words = @(
        , @('name', '')
        , @('address', '')
        , @('file', '')
      )
    }
    'agent wallet import --fields' = @{
      Kind = 'list'
      Words = @(
        , @('name', '')
        , @('address', '')
        , @('file', '')
      )
    }
    'agent wallet list --fields' = @{
      Kind = 'list'
      Words = @(
        , @('name', '')
        , @('address', '')
        , @('file', '')
      )
    }
    'agent wallet address --fields' = @{
      Kind = 'list'
      Words = @(
        , @('name', '')
        , @('address', '')
        , @('file', '')
      )
    }
    'export --fields' = @{
      Kind = 'list'
      Words = @(
        , @('version', '')
        , @('ceilings', '')
        , @('managed', '')
        , @('seats', '')
        , @('keys', '')
      )
    }
    'plan --fields' = @{
      Kind = 'list'
      Words = @(
        , @('file', '')
        , @('account', '')
        , @('differs', '')
        , @('changes', '')
        , @('unmanaged', '')
        , @('dueToday', '')
        , @('dueTodayAtMost', '')
        , @('monthlyBefore', '')
        , @('monthlyAfter', '')
        , @('maxMonthlySpend', '')
        , @('exceedsMaximum', '')
        , @('notes', '')
      )
    }
    'apply --fields' = @{
      Kind = 'list'
      Words = @(
        , @('file', '')
        , @('account', '')
        , @('differs', '')
        , @('changes', '')
        , @('unmanaged', '')
        , @('dueToday', '')
        , @('dueTodayAtMost', '')
        , @('monthlyBefore', '')
        , @('monthlyAfter', '')
        , @('maxMonthlySpend', '')
        , @('exceedsMaximum', '')
        , @('notes', '')
        , @('charged', '')
      )
    }
    'history --fields' = @{
      Kind = 'list'
      Words = @(
        , @('id', '')
        , @('at', '')
        , @('action', '')
        , @('change', '')
        , @('outcome', '')
        , @('settledAt', '')
        , @('ids', '')
        , @('account', '')
        , @('by', '')
        , @('request', '')
      )
    }
    'history reconcile --fields' = @{
      Kind = 'list'
      Words = @(
        , @('id', '')
        , @('at', '')
        , @('action', '')
        , @('change', '')
        , @('outcome', '')
        , @('settledAt', '')
        , @('ids', '')
        , @('account', '')
        , @('by', '')
        , @('request', '')
      )
    }
    'state init --fields' = @{
      Kind = 'list'
      Words = @(
        , @('database', '')
        , @('schema', '')
        , @('from', '')
        , @('to', '')
        , @('sql', '')
      )
    }
    'state status --fields' = @{
      Kind = 'list'
      Words = @(
        , @('database', '')
        , @('schema', '')
        , @('version', '')
        , @('needed', '')
        , @('fits', '')
        , @('server', '')
        , @('roundTrip', '')
        , @('clockDifference', '')
        , @('machines', '')
        , @('openChanges', '')
        , @('locks', '')
        , @('unsynced', '')
        , @('undelivered', '')
        , @('accounts', '')
      )
    }
    'state move --fields' = @{
      Kind = 'list'
      Words = @(
        , @('added', '')
        , @('updated', '')
        , @('known', '')
        , @('left', '')
      )
    }
    'state sync --fields' = @{
      Kind = 'list'
      Words = @(
        , @('changes', '')
      )
    }
    'state gc --fields' = @{
      Kind = 'list'
      Words = @(
        , @('changes', '')
        , @('sessions', '')
        , @('locks', '')
        , @('work', '')
        , @('undelivered', '')
      )
    }
    'auth login --fields' = @{
      Kind = 'list'
      Words = @(
        , @('profile', '')
        , @('apiUrl', '')
        , @('managementKey', '')
        , @('file', '')
      )
    }
    'auth logout --fields' = @{
      Kind = 'list'
      Words = @(
        , @('profile', '')
        , @('apiUrl', '')
        , @('managementKey', '')
        , @('file', '')
      )
    }
    'login --fields' = @{
      Kind = 'list'
      Words = @(
        , @('profile', '')
        , @('apiUrl', '')
        , @('managementKey', '')
        , @('file', '')
      )
    }
    'logout --fields' = @{
      Kind = 'list'
      Words = @(
        , @('profile', '')
        , @('apiUrl', '')
        , @('managementKey', '')
        , @('file', '')
      )
    }
    'auth status --fields' = @{
      Kind = 'list'
      Words = @(
        , @('profile', '')
        , @('profileOrigin', '')
        , @('apiUrl', '')
        , @('apiUrlOrigin', '')
        , @('managementKey', '')
        , @('managementKeyOrigin', '')
        , @('apiKey', '')
        , @('apiKeyOrigin', '')
        , @('sandbox', '')
        , @('valid', '')
      )
    }
    'whoami --fields' = @{
      Kind = 'list'
      Words = @(
        , @('profile', '')
        , @('profileOrigin', '')
        , @('apiUrl', '')
        , @('apiUrlOrigin', '')
        , @('managementKey', '')
        , @('managementKeyOrigin', '')
        , @('apiKey', '')
        , @('apiKeyOrigin', '')
        , @('sandbox', '')
        , @('valid', '')
      )
    }
    'auth list --fields' = @{
      Kind = 'list'
      Words = @(
        , @('profile', '')
        , @('current', '')
        , @('apiUrl', '')
        , @('managementKey', '')
        , @('managementKeyOrigin', '')
      )
    }
    'auth switch --fields' = @{
      Kind = 'list'
      Words = @(
        , @('profile', '')
      )
    }
    'auth token --fields' = @{
      Kind = 'list'
      Words = @(
        , @('managementKey', '')
      )
    }
    'config get --fields' = @{
      Kind = 'list'
      Words = @(
        , @('key', '')
        , @('value', '')
        , @('origin', '')
      )
    }
    'config set --fields' = @{
      Kind = 'list'
      Words = @(
        , @('key', '')
        , @('value', '')
        , @('origin', '')
      )
    }
    'config unset --fields' = @{
      Kind = 'list'
      Words = @(
        , @('key', '')
        , @('value', '')
        , @('origin', '')
      )
    }
    'config list --fields' = @{
      Kind = 'list'
      Words = @(
        , @('key', '')
        , @('value', '')
        , @('origin', '')
      )
    }
    'config path --fields' = @{
      Kind = 'list'
      Words = @(
        , @('file', '')
      )
    }
    'sandbox serve --fields' = @{
      Kind = 'list'
      Words = @(
        , @('url', '')
        , @('managementKey', '')
        , @('folder', '')
        , @('rpcUrl', '')
      )
    }
    'sandbox reset --fields' = @{
      Kind = 'list'
      Words = @(
        , @('folder', '')
        , @('card', '')
      )
    }
    'sandbox advance --fields' = @{
      Kind = 'list'
      Words = @(
        , @('now', '')
      )
    }
    'sandbox schedule --fields' = @{
      Kind = 'list'
      Words = @(
        , @('pool', '')
        , @('block', '')
        , @('opensAt', '')
        , @('closesAt', '')
        , @('seats', '')
        , @('rivals', '')
        , @('left', '')
      )
    }
    'sandbox path --fields' = @{
      Kind = 'list'
      Words = @(
        , @('folder', '')
      )
    }
    'completion install --fields' = @{
      Kind = 'list'
      Words = @(
        , @('shell', '')
        , @('file', '')
        , @('change', '')
        , @('firstLine', '')
        , @('lastLine', '')
      )
    }
    'open --fields' = @{
      Kind = 'list'
      Words = @(
        , @('place', '')
        , @('url', '')
      )
    }
    'doctor --fields' = @{
      Kind = 'list'
      Words = @(
        , @('check', '')
        , @('status', '')
        , @('detail', '')
      )
    }
    'plans list --fields' = @{
      Kind = 'list'
      Words = @(
        , @('slug', '')
        , @('name', '')
        , @('priceUsdc', '')
        , @('rateLimits', '')
      )
    }
    'version --fields' = @{
      Kind = 'list'
      Words = @(
        , @('version', '')
        , @('build', '')
        , @('platform', '')
      )
    }
    'connect 1' = @{
      Kind = 'words'
      Words = @(
        , @('claude-code', 'Claude Code')
        , @('opencode', 'opencode')
        , @('kilo', 'Kilo Code')
        , @('pi', 'pi')
        , @('qwen-code', 'Qwen Code')
        , @('cline', 'Cline CLI')
        , @('codex', 'Codex')
        , @('crush', 'Crush')
        , @('goose', 'goose')
        , @('zed', 'Zed')
        , @('aider', 'aider')
        , @('llm', 'llm')
        , @('litellm', 'LiteLLM proxy')
        , @('openai-sdk', 'OpenAI SDK')
        , @('anthropic-sdk', 'Anthropic SDK')
      )
    }
    'gateway export 1' = @{
      Kind = 'words'
      Words = @(
        , @('litellm', '')
      )
    }
    'auth switch 1' = @{
      Kind = 'profiles'
    }
    'config get 1' = @{
      Kind = 'words'
      Words = @(
        , @('output', '')
        , @('timeout', '')
        , @('max-monthly-spend', '')
        , @('settling-time', '')
        , @('default-key', '')
        , @('max-key-age', '')
        , @('state-url', '')
      )
    }
    'config set 1' = @{
      Kind = 'words'
      Words = @(
        , @('output', '')
        , @('timeout', '')
        , @('max-monthly-spend', '')
        , @('settling-time', '')
        , @('default-key', '')
        , @('max-key-age', '')
        , @('state-url', '')
      )
    }
    'config unset 1' = @{
      Kind = 'words'
      Words = @(
        , @('output', '')
        , @('timeout', '')
        , @('max-monthly-spend', '')
        , @('settling-time', '')
        , @('default-key', '')
        , @('max-key-age', '')
        , @('state-url', '')
      )
    }
    'api 1' = @{
      Kind = 'words'
      Words = @(
        , @('GET', '')
        , @('HEAD', '')
        , @('POST', '')
        , @('PUT', '')
        , @('PATCH', '')
        , @('DELETE', '')
      )
    }
    'sandbox schedule 2' = @{
      Kind = 'words'
      Words = @(
        , @('asia', '00:00-08:00 UTC')
        , @('europe', '08:00-16:00 UTC')
        , @('americas', '16:00-24:00 UTC')
      )
    }
    'completion install 1' = @{
      Kind = 'words'
      Words = @(
        , @('bash', '')
        , @('zsh', '')
        , @('fish', '')
        , @('powershell', '')
      )
    }
    'open 1' = @{
      Kind = 'words'
      Words = @(
        , @('dashboard', 'https://cheapestinference.com/dashboard')
        , @('docs', 'https://docs.cheapestinference.com')
        , @('keys', 'https://cheapestinference.com/dashboard')
        , @('billing', 'https://cheapestinference.com/dashboard')
        , @('pools', 'https://cheapestinference.com/pools')
      )
    }
    '* --output' = @{
      Kind = 'words'
      Words = @(
        , @('table', '')
        , @('json', '')
        , @('csv', '')
        , @('yaml', '')
      )
    }
    '* --fields' = @{
      Kind = 'any'
    }
    '* --jq' = @{
      Kind = 'any'
    }
    '* --api-url' = @{
      Kind = 'any'
    }
    '* --timeout' = @{
      Kind = 'any'
    }
    '* --profile' = @{
      Kind = 'profiles'
    }
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

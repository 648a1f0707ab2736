# fish completion for ci, the CheapestInference CLI.
# Generated from the command tree. To print it, run `ci completion fish`.

# Prints the command $argv[1] with the subcommand $argv[2], which may be an alias. Fails if there is no such command.
function __ci_enter
    set -l word $argv[2]
    switch "$argv[1]/$word"
        case 'pools/ls' 'keys/ls' 'agent wallet/ls' 'auth/ls' 'config/ls' 'plans/ls' 'help pools/ls' 'help keys/ls' 'help agent wallet/ls' 'help auth/ls' 'help config/ls' 'help plans/ls'
            set word list
        case 'pools/show' 'help pools/show'
            set word view
        case 'keys/revoke' 'keys/rm' 'help keys/revoke' 'help keys/rm'
            set word delete
    end
    contains -- "$word" (__ci_commands "$argv[1]" | string replace -r '\t.*' '')
    and echo (string trim -- "$argv[1] $word")
end

# Prints the subcommands of the command $argv[1].
function __ci_commands
    switch "$argv[1]"
        case ''
            printf '%s\n' 'setup'\t'Get a working API key, step by step' \
                'status'\t'Show your subscriptions and what needs attention' \
                'pools'\t'List pools and reserve blocks' \
                'keys'\t'Create, list and revoke API keys' \
                'run'\t'Run a command with an API key in its environment' \
                'env'\t'Print the variables of an API key for a shell' \
                'connect'\t'Connect a coding agent or another tool to a key' \
                'gateway'\t'Spread many requests over all your seats' \
                'models'\t'List the models that an API key can use' \
                'usage'\t'Show requests and tokens per key' \
                'billing'\t'Manage credit and cards' \
                'agent'\t'Buy with USDC on Base, without an account' \
                'export'\t'Print the account as a file' \
                'plan'\t'Show what differs between a file and the account' \
                'apply'\t'Make the account as a file says' \
                'history'\t'Show the record of changes' \
                'state'\t'Manage the state database that machines share' \
                'auth'\t'Sign in and out, and switch profiles' \
                'config'\t'Manage settings' \
                'api'\t'Send an authenticated API request' \
                'sandbox'\t'Run an emulator of the API' \
                'completion'\t'Set up tab completion' \
                'open'\t'Open a CheapestInference page' \
                'doctor'\t'Diagnose problems' \
                'plans'\t'List flat plans (retired)' \
                'login'\t'Same as `ci auth login`' \
                'logout'\t'Same as `ci auth logout`' \
                'whoami'\t'Same as `ci auth status`' \
                'version'\t'Same as `ci --version`' \
                'help'\t'Show help for a command or topic'
        case 'pools' 'help pools'
            printf '%s\n' 'list'\t'List pools with their prices and available blocks' \
                'view'\t'Show a pool\'s prices, and its available seats by hour' \
                'quote'\t'Show the price of a subscription' \
                'subscribe'\t'Reserve blocks of a pool, and charge your saved card' \
                'watch'\t'Wait for a seat, and optionally buy it' \
                'subscriptions'\t'List your subscriptions on all pools or one' \
                'keys'\t'List the keys of your subscriptions on a pool' \
                'cancel'\t'Cancel your most recent subscription on a pool at the end of its billing period'
        case 'keys' 'help keys'
            printf '%s\n' 'list'\t'List your API keys, with masked secrets' \
                'create'\t'Create an API key, and show or save its secret' \
                'secret'\t'Print the secret of a key stored on this machine' \
                'rotate'\t'Replace API keys: create, deliver and prove new ones, then revoke the old' \
                'delete'\t'Revoke API keys immediately'
        case 'gateway' 'help gateway'
            printf '%s\n' 'status'\t'Show the running gateways and their seats' \
                'stop'\t'Stop the running gateway' \
                'token'\t'Print the token that clients use' \
                'install'\t'Start the gateway when you log in (systemd)' \
                'export'\t'Print a configuration for a proxy that several machines share'
        case 'usage' 'help usage'
            printf '%s\n' 'snapshot'\t'Store the usage of all keys, for reports' \
                'report'\t'Show what each key used in a month'
        case 'billing' 'help billing'
            printf '%s\n' 'status'\t'Show your subscriptions and credit' \
                'credits'\t'Show your prepaid credit' \
                'topup'\t'Add prepaid credit, by card or with USDC' \
                'verify'\t'Add a USDC payment to your credit' \
                'card'\t'Save a card in the browser' \
                'subscribe'\t'Retired: subscribe to a flat plan (see `ci pools subscribe`)' \
                'checkout'\t'Retired: pay for a flat plan in the browser (see `ci pools subscribe`)' \
                'cancel'\t'Retired: cancel a flat plan at the end of its billing period (see `ci pools cancel`)'
        case 'agent' 'help agent'
            printf '%s\n' 'plans'\t'List what you can buy with USDC' \
                'subscribe'\t'Pay for a subscription and get its API key' \
                'topup'\t'Pay for credit' \
                'claim'\t'Claim what a payment was for' \
                'wallet'\t'Manage wallets that pay with USDC'
        case 'agent wallet' 'help agent wallet'
            printf '%s\n' 'create'\t'Create a wallet' \
                'import'\t'Import a private key from standard input' \
                'list'\t'List the wallets on this machine' \
                'address'\t'Print the address of a wallet'
        case 'history' 'help history'
            printf '%s\n' 'reconcile'\t'Resolve changes with an unknown outcome, and find leftover temporary keys'
        case 'state' 'help state'
            printf '%s\n' 'init'\t'Create or upgrade the tables of the state database' \
                'status'\t'Show the state database, and the machines that share it' \
                'move'\t'Bring the record of this machine into the state database' \
                'sync'\t'Bring in the changes that the state database lacks' \
                'gc'\t'Remove old changes that are settled'
        case 'auth' 'help auth'
            printf '%s\n' 'login'\t'Sign in with a management key' \
                'logout'\t'Remove a saved key from this machine' \
                'status'\t'Show the account in use, and check its key' \
                'list'\t'List the saved profiles' \
                'switch'\t'Switch to another profile' \
                'token'\t'Print the management key in use'
        case 'config' 'help config'
            printf '%s\n' 'get'\t'Print the value of a setting' \
                'set'\t'Change a setting of the profile in use' \
                'unset'\t'Remove a setting of the profile in use' \
                'list'\t'List the settings, and where each comes from' \
                'path'\t'Print the path of the config file'
        case 'sandbox' 'help sandbox'
            printf '%s\n' 'serve'\t'Serve the sandbox on this machine until Ctrl-C' \
                'reset'\t'Reset the sandbox: no subscriptions, no keys, clock at 09:00 UTC' \
                'advance'\t'Move the sandbox\'s clock forward: subscriptions renew or end' \
                'schedule'\t'Schedule when a block opens, and how many others compete for seats' \
                'path'\t'Print the directory of the sandbox\'s state'
        case 'completion' 'help completion'
            printf '%s\n' 'install'\t'Set up tab completion for a shell' \
                'bash'\t'Print the completion script for bash' \
                'zsh'\t'Print the completion script for zsh' \
                'fish'\t'Print the completion script for fish' \
                'powershell'\t'Print the completion script for PowerShell'
        case 'plans' 'help plans'
            printf '%s\n' 'list'\t'Retired: list the flat plans (see `ci pools list`)'
        case 'help'
            printf '%s\n' 'setup'\t'Get a working API key, step by step' \
                'status'\t'Show your subscriptions and what needs attention' \
                'pools'\t'List pools and reserve blocks' \
                'keys'\t'Create, list and revoke API keys' \
                'run'\t'Run a command with an API key in its environment' \
                'env'\t'Print the variables of an API key for a shell' \
                'connect'\t'Connect a coding agent or another tool to a key' \
                'gateway'\t'Spread many requests over all your seats' \
                'models'\t'List the models that an API key can use' \
                'usage'\t'Show requests and tokens per key' \
                'billing'\t'Manage credit and cards' \
                'agent'\t'Buy with USDC on Base, without an account' \
                'export'\t'Print the account as a file' \
                'plan'\t'Show what differs between a file and the account' \
                'apply'\t'Make the account as a file says' \
                'history'\t'Show the record of changes' \
                'state'\t'Manage the state database that machines share' \
                'auth'\t'Sign in and out, and switch profiles' \
                'config'\t'Manage settings' \
                'api'\t'Send an authenticated API request' \
                'sandbox'\t'Run an emulator of the API' \
                'completion'\t'Set up tab completion' \
                'open'\t'Open a CheapestInference page' \
                'doctor'\t'Diagnose problems' \
                'plans'\t'List flat plans (retired)' \
                'login'\t'Same as `ci auth login`' \
                'logout'\t'Same as `ci auth logout`' \
                'whoami'\t'Same as `ci auth status`' \
                'version'\t'Same as `ci --version`' \
                'exit-codes'\t'Exit codes and error codes' \
                'environment'\t'Environment variables' \
                'output'\t'Output formats, and what goes where' \
                'man'\t'Source of the manual page'
    end
end

# Prints the aliases of its subcommands.
function __ci_aliases
    switch "$argv[1]"
        case 'pools' 'help pools'
            printf '%s\n' 'ls'\t'List pools with their prices and available blocks' \
                'show'\t'Show a pool\'s prices, and its available seats by hour'
        case 'keys' 'help keys'
            printf '%s\n' 'ls'\t'List your API keys, with masked secrets' \
                'revoke'\t'Revoke API keys immediately' \
                'rm'\t'Revoke API keys immediately'
        case 'agent wallet' 'help agent wallet'
            printf '%s\n' 'ls'\t'List the wallets on this machine'
        case 'auth' 'help auth'
            printf '%s\n' 'ls'\t'List the saved profiles'
        case 'config' 'help config'
            printf '%s\n' 'ls'\t'List the settings, and where each comes from'
        case 'plans' 'help plans'
            printf '%s\n' 'ls'\t'Retired: list the flat plans (see `ci pools list`)'
    end
end

# Prints the options of the command $argv[1].
function __ci_options
    switch "$argv[1]"
        case ''
            printf '%s\n' '--version'\t'Show the version'
        case 'status'
            printf '%s\n' '--check'\t'Print only what needs attention, and exit with code 3 if anything does'
        case 'pools list'
            printf '%s\n' '--available'\t'Only pools with an available seat' \
                '--blocks'\t'Only pools where all of these blocks are available' \
                '--model'\t'Only pools with this text in the model name' \
                '--status'\t'Only pools with this status: active, funding, activating, paused'
        case 'pools quote'
            printf '%s\n' '--blocks'\t'Blocks, separated by commas: asia, europe, americas; or `all`' \
                '--quantity'\t'Seats in each block, 1 to 20' \
                '--billing-cycle'\t'Billing cycle: month or year'
        case 'pools subscribe'
            printf '%s\n' '--blocks'\t'Blocks, separated by commas: asia, europe, americas; or `all`' \
                '--quantity'\t'Seats in each block, 1 to 20' \
                '--billing-cycle'\t'Billing cycle: month or year' \
                '--max-price'\t'Refuse a charge above this amount' \
                '--ensure'\t'Skip if your active subscriptions already cover it' \
                '--again'\t'Allow a repeat of a recent purchase' \
                '--no-wait'\t'Exit with code 6 instead of waiting for an earlier change to settle' \
                '--settle'\t'How long to check for the change if the response is lost (default: 30s)' \
                '--create-key'\t'Create an API key for each seat' \
                '--store'\t'With --create-key, keep the secrets on this machine for `ci run` and `ci env` (default)' \
                '--save'\t'With --create-key, write the secrets to this dotenv file' \
                '--var'\t'With --save, the variable to set (default: CHEAPESTINFERENCE_API_KEY)' \
                '--force'\t'With --save, replace another value of the variable without asking' \
                '--dry-run'\t'Show the price without buying'
        case 'pools watch'
            printf '%s\n' '--blocks'\t'Blocks, separated by commas: asia, europe, americas; or `any` or `all`' \
                '--all-blocks'\t'Wait until all of these blocks are available together' \
                '--interval'\t'Time between two checks, at least 5s (default: 15s)' \
                '--for'\t'Time limit, after which the command exits with code 6' \
                '--count'\t'Openings to report before exiting (default: 1)' \
                '--forever'\t'Report openings until interrupted' \
                '--bell'\t'Ring the terminal bell' \
                '--exec'\t'Shell command to run for each opening or purchase' \
                '--webhook'\t'URL to post each opening or purchase to, as JSON' \
                '--subscribe'\t'Buy the first opening, and charge your saved card' \
                '--quantity'\t'Seats in each block, 1 to 20' \
                '--billing-cycle'\t'With --subscribe, the billing cycle: month or year (default: month)' \
                '--max-price'\t'With --subscribe, refuse a charge above this amount' \
                '--ensure'\t'With --subscribe, skip if already covered' \
                '--again'\t'With --subscribe, allow a repeat of a recent purchase' \
                '--no-wait'\t'With --subscribe, exit with code 6 instead of waiting for an earlier change to settle' \
                '--settle'\t'With --subscribe, how long to check for the change if the response is lost (default: 30s)' \
                '--create-key'\t'With --subscribe, create an API key for each seat' \
                '--store'\t'With --create-key, keep the secrets on this machine for `ci run` and `ci env` (default)' \
                '--save'\t'With --create-key, write the secrets to this dotenv file' \
                '--var'\t'With --save, the variable to set (default: CHEAPESTINFERENCE_API_KEY)' \
                '--force'\t'With --save, replace another value of the variable without asking'
        case 'pools keys'
            printf '%s\n' '--reveal'\t'Show the secrets in full'
        case 'pools cancel'
            printf '%s\n' '--again'\t'Go ahead even if an earlier change of this kind hasn\'t settled' \
                '--no-wait'\t'Exit with code 6 instead of waiting for an earlier change to settle' \
                '--settle'\t'How long to check for the change if the response is lost (default: 30s)'
        case 'keys list'
            printf '%s\n' '--older-than'\t'Only keys created longer ago than this, such as 90d' \
                '--unused-for'\t'Only keys that haven\'t been used for this long, such as 30d'
        case 'keys create'
            printf '%s\n' '--subscription'\t'Create the key for this subscription (default: the most recent)' \
                '--pool'\t'Create the key for your subscription on this pool' \
                '--credit'\t'Use prepaid credit instead of a subscription' \
                '--max-budget'\t'With --credit, the spending limit of the key' \
                '--rpm'\t'With --credit, the requests per minute' \
                '--tpm'\t'With --credit, the tokens per minute' \
                '--store'\t'Keep the secret on this machine, for `ci run` and `ci env`' \
                '--save'\t'Write the secret to this dotenv file instead of printing it' \
                '--to'\t'Send the secret to a destination, such as github:acme/api' \
                '--var'\t'With --save or --to, the variable to set (default: CHEAPESTINFERENCE_API_KEY)' \
                '--force'\t'With --save or --to, replace another value of the variable without asking' \
                '--secret-only'\t'Print only the secret' \
                '--ensure'\t'Skip if a key with this name already exists' \
                '--reveal'\t'With --ensure, show the secret of an existing key' \
                '--again'\t'Create the key even if an earlier one with this name hasn\'t settled' \
                '--no-wait'\t'Exit with code 6 instead of waiting for an earlier change to settle' \
                '--settle'\t'How long to check for the change if the response is lost (default: 30s)' \
                '--from'\t'Create the keys of this CSV or NDJSON file, or - for standard input' \
                '--save-to'\t'With --from, append the secrets to this NDJSON or CSV file' \
                '--failed'\t'With --from, write the rows that failed to this file' \
                '--concurrency'\t'With --from, the most requests at a time (default: 8)' \
                '--rate'\t'With --from, the most requests per second'
        case 'keys secret'
            printf '%s\n' '--add'\t'Store a secret, read from standard input' \
                '--remove'\t'Remove the secret from this machine, without revoking the key' \
                '--force'\t'With --add, replace another secret without asking'
        case 'keys rotate'
            printf '%s\n' '--pool'\t'Rotate the keys of this pool' \
                '--older-than'\t'Rotate only keys of at least this age, such as 90d' \
                '--resume'\t'Continue rotations that failed or were interrupted' \
                '--store'\t'Keep the new secret on this machine (default if the old one is)' \
                '--save'\t'Write the new secret to this dotenv file' \
                '--to'\t'Send the secret to a destination, such as github:acme/api' \
                '--var'\t'With --save or --to, the variable to set (default: CHEAPESTINFERENCE_API_KEY)' \
                '--force'\t'With --save, replace another value of the variable without asking' \
                '--prove'\t'Prove with command:PROGRAM that the new key works' \
                '--overlap'\t'Keep the old key valid for this time, or until command:PROGRAM succeeds' \
                '--allow-gap'\t'If a seat allows one key, revoke the old key first' \
                '--from'\t'Rotate the keys of this CSV or NDJSON file, or - for standard input' \
                '--save-to'\t'Append the new secrets to this NDJSON or CSV file' \
                '--concurrency'\t'The most keys at a time (default: 8)' \
                '--rate'\t'The most requests per second' \
                '--settle'\t'How long to check for a change if the response is lost (default: until it is certain)'
        case 'keys delete'
            printf '%s\n' '--settle'\t'How long to check for the change if the response is lost (default: 30s)' \
                '--from'\t'Revoke the keys of this CSV or NDJSON file, or - for standard input' \
                '--failed'\t'With --from, write the rows that failed to this file' \
                '--concurrency'\t'With --from, the most requests at a time (default: 8)' \
                '--rate'\t'With --from, the most requests per second'
        case 'run'
            printf '%s\n' '--key'\t'Name or ID of the stored key to use' \
                '--pool'\t'Use the stored key of this pool' \
                '--for'\t'Variables to set: openai, anthropic, all or none' \
                '--model'\t'Model for coding tools' \
                '--gateway'\t'Use all your seats at once, through a gateway' \
                '--temporary'\t'Create a key for this run, and revoke it when the command ends' \
                '--subscription'\t'With --temporary, create the key for this subscription' \
                '--max-budget'\t'With --temporary, use prepaid credit up to this limit'
        case 'env'
            printf '%s\n' '--key'\t'Name or ID of the stored key to use' \
                '--pool'\t'Use the stored key of this pool' \
                '--for'\t'Variables to set: openai, anthropic, all or none' \
                '--shell'\t'Shell: sh (also for bash and zsh), fish or powershell (default: the one in use)' \
                '--format'\t'Print dotenv or json instead of shell commands'
        case 'connect'
            printf '%s\n' '--key'\t'Name or ID of the stored key to use' \
                '--pool'\t'Use the stored key of this pool' \
                '--gateway'\t'Use all your seats at once, through a gateway' \
                '--model'\t'Model to use by default' \
                '--context-window'\t'Context window of the model, if it isn\'t known' \
                '--project'\t'Change the tool\'s settings for this directory instead of your own' \
                '--dry-run'\t'Print the changes without making them' \
                '--undo'\t'Restore the original settings'
        case 'gateway'
            printf '%s\n' '--listen'\t'Address to listen on (default: 127.0.0.1:8788)' \
                '--token-file'\t'File with the token of the clients, created if missing' \
                '--cert'\t'Certificate for TLS, in PEM format' \
                '--key'\t'Private key of the certificate' \
                '--insecure'\t'Listen on a network without TLS' \
                '--pools'\t'Use only the seats of these pools, separated by commas' \
                '--keys'\t'Use only these stored keys, separated by commas' \
                '--outside'\t'What to do outside the hours of all seats: fail, wait or credit' \
                '--credit-key'\t'With --outside credit, the stored key that pays' \
                '--queue-limit'\t'Maximum number of waiting requests per model' \
                '--queue-timeout'\t'Longest wait for a seat (default: 10m)' \
                '--drain'\t'How long to finish open requests when stopping (default: 30s)' \
                '--quiet'\t'Don\'t print each request' \
                '--background'\t'Run in the background' \
                '--until-unused'\t'Stop it when no `ci run --gateway` uses it'
        case 'gateway stop'
            printf '%s\n' '--now'\t'Don\'t wait for running requests'
        case 'gateway token'
            printf '%s\n' '--token-file'\t'File with the token' \
                '--client'\t'Client whose token to print, if the file has several'
        case 'gateway install'
            printf '%s\n' '--listen'\t'Address to listen on (default: 127.0.0.1:8788)' \
                '--token-file'\t'File with the token of the clients, created if missing' \
                '--cert'\t'Certificate for TLS, in PEM format' \
                '--key'\t'Private key of the certificate' \
                '--insecure'\t'Listen on a network without TLS' \
                '--pools'\t'Use only the seats of these pools, separated by commas' \
                '--keys'\t'Use only these stored keys, separated by commas' \
                '--outside'\t'What to do outside the hours of all seats: fail, wait or credit' \
                '--credit-key'\t'With --outside credit, the stored key that pays' \
                '--queue-limit'\t'Maximum number of waiting requests per model' \
                '--queue-timeout'\t'Longest wait for a seat (default: 10m)' \
                '--drain'\t'How long to finish open requests when stopping (default: 30s)' \
                '--dry-run'\t'Print the systemd unit without installing it' \
                '--undo'\t'Stop the service and remove it'
        case 'usage'
            printf '%s\n' '--period'\t'Time period: 1h, 24h, 7d or 30d' \
                '--refresh'\t'Fetch new data even if the cached data is recent' \
                '--self'\t'Show the limits and credit of the key in CHEAPESTINFERENCE_API_KEY' \
                '--gateway'\t'Show what the clients of the gateways on this machine used' \
                '--all'\t'Show each key in each period, on a line each' \
                '--format'\t'With --all, print csv or json, like --output'
        case 'usage snapshot'
            printf '%s\n' '--install'\t'Take snapshots regularly, with a timer' \
                '--uninstall'\t'Remove the timer' \
                '--timer'\t'With --install, the kind of timer: systemd or cron' \
                '--dry-run'\t'With --install, print the timer without installing it'
        case 'usage report'
            printf '%s\n' '--month'\t'Month in UTC' \
                '--by'\t'Sum keys of the same name or prefix: key or prefix' \
                '--prices'\t'Add the cost, from prices in a CSV or JSON file'
        case 'billing topup'
            printf '%s\n' '--method'\t'Payment method: stripe (by card) or usdc (on Base)' \
                '--wait'\t'Wait until the credit is added' \
                '--pay-with'\t'With --method usdc, send the payment from this wallet: its name, or ./FILE' \
                '--password-file'\t'Read the password from this file (default: ask)' \
                '--keychain'\t'Read the password from the system\'s keychain' \
                '--rpc-url'\t'RPC endpoint of the chain (default: ETH_RPC_URL, or a public one)' \
                '--confirmations'\t'Blocks to wait for until the payment counts (default: 3)' \
                '--again'\t'With --pay-with, pay even if you paid the same moments ago'
        case 'billing verify'
            printf '%s\n' '--amount'\t'Exact amount that you sent, in USD' \
                '--wait'\t'Retry while the transaction isn\'t final' \
                '--settle'\t'How long to check for the change if the response is lost (default: 30s)'
        case 'billing subscribe'
            printf '%s\n' '--create-key'\t'Create an API key with this name' \
                '--settle'\t'How long to check for the change if the response is lost (default: 30s)' \
                '--no-wait'\t'Exit with code 6 instead of waiting for an earlier change to settle' \
                '--again'\t'Go ahead even if an earlier change of this kind hasn\'t settled'
        case 'billing cancel'
            printf '%s\n' '--settle'\t'How long to check for the change if the response is lost (default: 30s)' \
                '--no-wait'\t'Exit with code 6 instead of waiting for an earlier change to settle' \
                '--again'\t'Go ahead even if an earlier change of this kind hasn\'t settled'
        case 'agent subscribe'
            printf '%s\n' '--blocks'\t'Blocks, separated by commas: asia, europe, americas; or `all`' \
                '--max-price'\t'Refuse to pay more than this' \
                '--save'\t'Write the secret to this dotenv file instead of printing it' \
                '--var'\t'With --save, the variable to set (default: CHEAPESTINFERENCE_API_KEY)' \
                '--force'\t'With --save, replace another value of the variable without asking' \
                '--account'\t'Wallet in ~/.foundry/keystores (default: ETH_KEYSTORE_ACCOUNT)' \
                '--keystore'\t'Keystore file of the wallet, wherever it is' \
                '--password-file'\t'Read the password from this file (default: ask)' \
                '--keychain'\t'Read the password from the system\'s keychain' \
                '--chain'\t'Chain to pay on' \
                '--rpc-url'\t'RPC endpoint of the chain (default: ETH_RPC_URL, or a public one)' \
                '--confirmations'\t'Blocks to wait for until the payment counts (default: 3)' \
                '--field'\t'Add a field to the claim; {signature}, {address} and {txHash} are filled in (can be repeated)' \
                '--again'\t'Pay even if you paid for the same moments ago, or an earlier payment isn\'t finished'
        case 'agent topup'
            printf '%s\n' '--save'\t'Write the secret to this dotenv file instead of printing it' \
                '--var'\t'With --save, the variable to set (default: CHEAPESTINFERENCE_API_KEY)' \
                '--force'\t'With --save, replace another value of the variable without asking' \
                '--account'\t'Wallet in ~/.foundry/keystores (default: ETH_KEYSTORE_ACCOUNT)' \
                '--keystore'\t'Keystore file of the wallet, wherever it is' \
                '--password-file'\t'Read the password from this file (default: ask)' \
                '--keychain'\t'Read the password from the system\'s keychain' \
                '--chain'\t'Chain to pay on' \
                '--rpc-url'\t'RPC endpoint of the chain (default: ETH_RPC_URL, or a public one)' \
                '--confirmations'\t'Blocks to wait for until the payment counts (default: 3)' \
                '--field'\t'Add a field to the claim; {signature}, {address} and {txHash} are filled in (can be repeated)' \
                '--again'\t'Pay even if you paid for the same moments ago, or an earlier payment isn\'t finished'
        case 'agent claim'
            printf '%s\n' '--pool'\t'Claim a subscription to this pool' \
                '--blocks'\t'Blocks, separated by commas: asia, europe, americas; or `all`' \
                '--credit'\t'Claim credit instead of a subscription' \
                '--signature'\t'Signature of the message by the wallet that paid, or - to read it from standard input' \
                '--print-message'\t'Print the message to sign, and claim nothing' \
                '--save'\t'Write the secret to this dotenv file instead of printing it' \
                '--var'\t'With --save, the variable to set (default: CHEAPESTINFERENCE_API_KEY)' \
                '--force'\t'With --save, replace another value of the variable without asking' \
                '--account'\t'Wallet in ~/.foundry/keystores (default: ETH_KEYSTORE_ACCOUNT)' \
                '--keystore'\t'Keystore file of the wallet, wherever it is' \
                '--password-file'\t'Read the password from this file (default: ask)' \
                '--keychain'\t'Read the password from the system\'s keychain' \
                '--chain'\t'Chain to pay on' \
                '--rpc-url'\t'RPC endpoint of the chain (default: ETH_RPC_URL, or a public one)' \
                '--confirmations'\t'Blocks to wait for until the payment counts (default: 3)' \
                '--field'\t'Add a field to the claim; {signature}, {address} and {txHash} are filled in (can be repeated)'
        case 'agent wallet create'
            printf '%s\n' '--account'\t'Wallet in ~/.foundry/keystores' \
                '--keystore'\t'Keystore file of the wallet, wherever it is' \
                '--password-file'\t'Read the password from this file (default: ask)' \
                '--keychain'\t'Save the password in the system\'s keychain'
        case 'agent wallet import'
            printf '%s\n' '--account'\t'Wallet in ~/.foundry/keystores' \
                '--keystore'\t'Keystore file of the wallet, wherever it is' \
                '--password-file'\t'Read the password from this file (default: ask)' \
                '--keychain'\t'Save the password in the system\'s keychain'
        case 'agent wallet address'
            printf '%s\n' '--account'\t'Wallet in ~/.foundry/keystores (default: ETH_KEYSTORE_ACCOUNT)' \
                '--keystore'\t'Keystore file of the wallet, wherever it is' \
                '--password-file'\t'Read the password from this file (default: ask)' \
                '--keychain'\t'Read the password from the system\'s keychain'
        case 'plan'
            printf '%s\n' '--update-existing'\t'Plan to change what exists and differs' \
                '--allow-destroy'\t'Plan to revoke keys with the file\'s prefix that it doesn\'t name' \
                '--detailed-exitcode'\t'Exit with code 3 if the account differs from the file'
        case 'apply'
            printf '%s\n' '--update-existing'\t'Change what exists and differs' \
                '--allow-destroy'\t'Revoke keys with the file\'s prefix that it doesn\'t name' \
                '--max-charge'\t'Refuse to charge more than this amount today, in all' \
                '--save-to'\t'Append the secrets of keys without `to` to this NDJSON or CSV file'
        case 'history'
            printf '%s\n' '--all'\t'Show the changes of all accounts' \
                '--limit'\t'Show at most this many changes'
        case 'history reconcile'
            printf '%s\n' '--wait'\t'Wait until recent changes have settled' \
                '--rpc-url'\t'RPC endpoint for payments on chain (default: ETH_RPC_URL, or a public one)'
        case 'state init'
            printf '%s\n' '--sql'\t'Print the SQL that creates the tables, and send nothing'
        case 'state gc'
            printf '%s\n' '--older-than'\t'Remove what ended longer ago than this, such as 90d (at least 31d)'
        case 'auth login'
            printf '%s\n' '--with-key'\t'Read the key from standard input' \
                '--keychain'\t'Save the key in the system keychain (requires the npm package @napi-rs/keyring)'
        case 'api'
            printf '%s\n' '--raw-field'\t'Add a string to the body, or to the query of a GET (repeatable)' \
                '--field'\t'Like -f, but parse true, false, null, numbers and JSON' \
                '--input'\t'Read the body from a file, or - for standard input'
        case 'sandbox serve'
            printf '%s\n' '--port'\t'TCP port on 127.0.0.1, or 0 for any free port' \
                '--chain'\t'Start a local chain for payments in USDC (requires anvil)' \
                '--rpc-url'\t'Check payments on a development chain that is running'
        case 'sandbox reset'
            printf '%s\n' '--no-card'\t'Start without a saved card'
        case 'sandbox schedule'
            printf '%s\n' '--open-in'\t'Time until it opens (default: now)' \
                '--for'\t'How long it stays open (default: 90s)' \
                '--seats'\t'Number of seats (default: 1)' \
                '--rivals'\t'Number of other buyers, spread evenly over the time it is open' \
                '--clear'\t'Clear the schedule'
        case 'login'
            printf '%s\n' '--with-key'\t'Read the key from standard input' \
                '--keychain'\t'Save the key in the system keychain (requires the npm package @napi-rs/keyring)'
    end
    printf '%s\n' '--json'\t'Print JSON' \
        '--output'\t'Output format: table, json, csv or yaml' \
        '--fields'\t'Show only these columns or JSON fields, such as id,slug' \
        '--jq'\t'Filter the JSON with a jq expression' \
        '--profile'\t'Profile to use' \
        '--api-url'\t'Send requests to another API host' \
        '--sandbox'\t'Use the sandbox: no account needed, nothing is charged' \
        '--offline'\t'Use local files while the state database can\'t be reached' \
        '--timeout'\t'Time limit for a request (default: 30s)' \
        '--no-input'\t'Never prompt' \
        '--yes'\t'Skip confirmation prompts' \
        '--no-color'\t'Turn off colors' \
        '--debug'\t'Show requests and timings, with keys masked' \
        '--help'\t'Show help for a command'
end

# Prints the long form of a flag of the command $argv[1].
function __ci_long
    switch "$argv[1] $argv[2]"
        case ' -V'
            echo -- --version
        case 'history -L'
            echo -- --limit
        case 'api -f'
            echo -- --raw-field
        case 'api -F'
            echo -- --field
        case '* -o'
            echo -- --output
        case '* -y'
            echo -- --yes
        case '* -h'
            echo -- --help
        case '*'
            echo -- $argv[2]
    end
end

# Succeeds if a flag of the command $argv[1] can be repeated.
function __ci_repeats
    switch "$argv[1] $argv[2]"
        case 'keys create --to'
            return 0
        case 'keys rotate --to'
            return 0
        case 'api --raw-field'
            return 0
        case 'api --field'
            return 0
        case '*'
            return 1
    end
end

# Prints the possible values of a flag of the command $argv[1], or of the argument with a number: a kind, and then words.
function __ci_values
    switch "$argv[1] $argv[2]"
        case 'pools list --blocks' 'pools quote --blocks' 'pools subscribe --blocks' 'agent subscribe --blocks' 'agent claim --blocks'
            printf '%s\n' 'list' \
                'asia'\t'00:00–08:00 UTC' \
                'europe'\t'08:00–16:00 UTC' \
                'americas'\t'16:00–24:00 UTC' \
                '--alone' \
                'all'\t'The whole day'
        case 'pools list --model' 'pools quote --quantity' 'pools subscribe --quantity' 'pools subscribe --max-price' 'pools subscribe --settle' 'pools subscribe --create-key' 'pools subscribe --var' 'pools watch --interval' 'pools watch --for' 'pools watch --count' 'pools watch --exec' 'pools watch --webhook' 'pools watch --quantity' 'pools watch --max-price' 'pools watch --settle' 'pools watch --create-key' 'pools watch --var' 'pools cancel --settle' 'keys list --older-than' 'keys list --unused-for' 'keys create --max-budget' 'keys create --rpm' 'keys create --tpm' 'keys create --to' 'keys create --var' 'keys create --settle' 'keys create --concurrency' 'keys create --rate' 'keys rotate --older-than' 'keys rotate --to' 'keys rotate --var' 'keys rotate --prove' 'keys rotate --overlap' 'keys rotate --concurrency' 'keys rotate --rate' 'keys rotate --settle' 'keys delete --settle' 'keys delete --concurrency' 'keys delete --rate' 'run --model' 'run --max-budget' 'connect --model' 'connect --context-window' 'gateway --listen' 'gateway --token-file' 'gateway --cert' 'gateway --key' 'gateway --queue-limit' 'gateway --queue-timeout' 'gateway --drain' 'gateway token --token-file' 'gateway token --client' 'gateway install --listen' 'gateway install --token-file' 'gateway install --cert' 'gateway install --key' 'gateway install --queue-limit' 'gateway install --queue-timeout' 'gateway install --drain' 'usage report --month' 'billing topup --pay-with' 'billing topup --rpc-url' 'billing topup --confirmations' 'billing verify --amount' 'billing verify --settle' 'billing subscribe --create-key' 'billing subscribe --settle' 'billing cancel --settle' 'agent subscribe --max-price' 'agent subscribe --var' 'agent subscribe --account' 'agent subscribe --rpc-url' 'agent subscribe --confirmations' 'agent subscribe --field' 'agent topup --var' 'agent topup --account' 'agent topup --rpc-url' 'agent topup --confirmations' 'agent topup --field' 'agent claim --signature' 'agent claim --var' 'agent claim --account' 'agent claim --rpc-url' 'agent claim --confirmations' 'agent claim --field' 'agent wallet create --account' 'agent wallet import --account' 'agent wallet address --account' 'apply --max-charge' 'history --limit' 'history reconcile --rpc-url' 'state gc --older-than' 'api --raw-field' 'api --field' 'sandbox serve --port' 'sandbox serve --rpc-url' 'sandbox schedule --open-in' 'sandbox schedule --for' 'sandbox schedule --seats' 'sandbox schedule --rivals'
            printf '%s\n' 'any'
        case 'pools list --status'
            printf '%s\n' 'words' \
                'active' \
                'funding' \
                'activating' \
                'paused'
        case 'pools quote --billing-cycle' 'pools subscribe --billing-cycle' 'pools watch --billing-cycle'
            printf '%s\n' 'words' \
                'month' \
                'year'
        case 'pools subscribe --save' 'pools watch --save' 'keys create --save' 'keys create --from' 'keys create --save-to' 'keys create --failed' 'keys rotate --save' 'keys rotate --from' 'keys rotate --save-to' 'keys delete --from' 'keys delete --failed' 'usage report --prices' 'billing topup --password-file' 'agent subscribe --save' 'agent subscribe --keystore' 'agent subscribe --password-file' 'agent topup --save' 'agent topup --keystore' 'agent topup --password-file' 'agent claim --save' 'agent claim --keystore' 'agent claim --password-file' 'agent wallet create --keystore' 'agent wallet create --password-file' 'agent wallet import --keystore' 'agent wallet import --password-file' 'agent wallet address --keystore' 'agent wallet address --password-file' 'apply --save-to' 'api --input' 'plan 1' 'apply 1'
            printf '%s\n' 'files'
        case 'pools watch --blocks'
            printf '%s\n' 'list' \
                'asia'\t'00:00–08:00 UTC' \
                'europe'\t'08:00–16:00 UTC' \
                'americas'\t'16:00–24:00 UTC' \
                '--alone' \
                'any'\t'The first block that opens' \
                'all'\t'The whole day'
        case 'keys create --subscription' 'run --subscription' 'billing cancel 1'
            printf '%s\n' 'subscriptions'
        case 'keys create --pool' 'keys rotate --pool' 'run --pool' 'env --pool' 'connect --pool' 'gateway --pools' 'gateway install --pools' 'agent claim --pool' 'pools view 1' 'pools quote 1' 'pools subscribe 1' 'pools watch +' 'pools subscriptions 1' 'pools keys 1' 'pools cancel 1' 'agent subscribe 1' 'sandbox schedule 1'
            printf '%s\n' 'pools'
        case 'run --key' 'env --key' 'connect --key' 'gateway --keys' 'gateway --credit-key' 'gateway install --keys' 'gateway install --credit-key' 'keys secret 1' 'keys rotate +' 'keys delete +' 'usage 1'
            printf '%s\n' 'keys'
        case 'run --for' 'env --for'
            printf '%s\n' 'words' \
                'openai' \
                'anthropic' \
                'all' \
                'none'
        case 'env --shell'
            printf '%s\n' 'words' \
                'sh' \
                'fish' \
                'powershell'
        case 'env --format'
            printf '%s\n' 'words' \
                'dotenv' \
                'json'
        case 'gateway --outside' 'gateway install --outside'
            printf '%s\n' 'words' \
                'fail' \
                'wait' \
                'credit'
        case 'usage --period'
            printf '%s\n' 'words' \
                '1h' \
                '24h' \
                '7d' \
                '30d'
        case 'usage --format'
            printf '%s\n' 'words' \
                'csv' \
                'json'
        case 'usage snapshot --timer'
            printf '%s\n' 'words' \
                'systemd' \
                'cron'
        case 'usage report --by'
            printf '%s\n' 'words' \
                'key' \
                'prefix'
        case 'billing topup --method'
            printf '%s\n' 'words' \
                'stripe'\t'By card' \
                'usdc'\t'On Base'
        case 'agent subscribe --chain' 'agent topup --chain' 'agent claim --chain'
            printf '%s\n' 'words' \
                'base'\t'Base' \
                'base-sepolia'\t'Base Sepolia'
        case 'setup --fields'
            printf '%s\n' 'list' \
                'account' \
                'pool' \
                'subscriptions' \
                'keys' \
                'savedTo' \
                'tools' \
                'commands' \
                '--alone'
        case 'status --fields'
            printf '%s\n' 'list' \
                'creditBalance' \
                'subscriptions' \
                'keys' \
                'problems' \
                '--alone'
        case 'pools list --fields'
            printf '%s\n' 'list' \
                'id' \
                'slug' \
                'modelId' \
                'modelName' \
                'description' \
                'status' \
                'totalSlots' \
                'minPricePerDay' \
                'manualProvisioning' \
                'annualDiscount' \
                'models' \
                'infraSpec' \
                'blocks' \
                '--alone'
        case 'pools view --fields'
            printf '%s\n' 'list' \
                'id' \
                'slug' \
                'modelId' \
                'modelName' \
                'description' \
                'status' \
                'totalSlots' \
                'minPricePerDay' \
                'manualProvisioning' \
                'annualDiscount' \
                'models' \
                'infraSpec' \
                'blocks' \
                'hourSlots' \
                '--alone'
        case 'pools quote --fields'
            printf '%s\n' 'list' \
                'poolId' \
                'pool' \
                'blocks' \
                'quantity' \
                'billingCycle' \
                'monthlyPrice' \
                'charge' \
                'chargeAtMost' \
                'exact' \
                'prices' \
                'listPrice' \
                'annualDiscount' \
                '--alone'
        case 'pools subscribe --fields'
            printf '%s\n' 'list' \
                'id' \
                'poolId' \
                'status' \
                'monthlyPrice' \
                'billingCycle' \
                'cancelAtPeriodEnd' \
                'currentPeriodEnd' \
                'hours' \
                'key' \
                'poolSlug' \
                'subscriptions' \
                'pool' \
                'blocks' \
                'quantity' \
                'charge' \
                'chargeAtMost' \
                'exact' \
                'prices' \
                'listPrice' \
                'annualDiscount' \
                '--alone'
        case 'pools watch --fields'
            printf '%s\n' 'list' \
                'event' \
                'at' \
                'pool' \
                'blocks' \
                'pricePerMonth' \
                'previousPricePerMonth' \
                'freeSeats' \
                'status' \
                'previousStatus' \
                'charge' \
                'subscriptions' \
                'code' \
                'message' \
                '--alone'
        case 'pools subscriptions --fields' 'pools cancel --fields'
            printf '%s\n' 'list' \
                'id' \
                'poolId' \
                'status' \
                'monthlyPrice' \
                'billingCycle' \
                'cancelAtPeriodEnd' \
                'currentPeriodEnd' \
                'hours' \
                'key' \
                'poolSlug' \
                '--alone'
        case 'pools keys --fields'
            printf '%s\n' 'list' \
                'id' \
                'name' \
                'apiKey' \
                'isActive' \
                'subscriptionId' \
                'createdAt' \
                '--alone'
        case 'keys list --fields'
            printf '%s\n' 'list' \
                'id' \
                'name' \
                'apiKey' \
                'keyPlan' \
                'keyType' \
                'isActive' \
                'subscriptionId' \
                'subscriptionStatus' \
                'subscriptionExpiresAt' \
                'maxBudget' \
                'rpm' \
                'tpm' \
                'createdAt' \
                'lastUsedAt' \
                'stored' \
                '--alone'
        case 'keys create --fields'
            printf '%s\n' 'list' \
                'id' \
                'name' \
                'apiKey' \
                'savedTo' \
                'variable' \
                'rows' \
                'created' \
                'found' \
                'recreated' \
                'existing' \
                'failed' \
                'elsewhere' \
                'failures' \
                'seconds' \
                '--alone'
        case 'keys secret --fields'
            printf '%s\n' 'list' \
                'id' \
                'name' \
                'apiKey' \
                'stored' \
                '--alone'
        case 'keys rotate --fields'
            printf '%s\n' 'list' \
                'id' \
                'name' \
                'oldId' \
                'apiKey' \
                'savedTo' \
                'variable' \
                'rotated' \
                'failed' \
                '--alone'
        case 'keys delete --fields'
            printf '%s\n' 'list' \
                'id' \
                'name' \
                'deleted' \
                'rows' \
                'revoked' \
                'gone' \
                'failed' \
                'failures' \
                'seconds' \
                '--alone'
        case 'env --fields'
            printf '%s\n' 'list' \
                'CHEAPESTINFERENCE_API_KEY' \
                'OPENAI_API_KEY' \
                'OPENAI_BASE_URL' \
                'ANTHROPIC_AUTH_TOKEN' \
                'ANTHROPIC_BASE_URL' \
                'ANTHROPIC_API_KEY' \
                '--alone'
        case 'connect --fields'
            printf '%s\n' 'list' \
                'tool' \
                'status' \
                'place' \
                'key' \
                'gateway' \
                'model' \
                'baseUrl' \
                'files' \
                'backups' \
                'start' \
                'works' \
                'detail' \
                'diff' \
                'snippets' \
                'title' \
                'installed' \
                'connected' \
                'account' \
                'problem' \
                '--alone'
        case 'gateway --fields'
            printf '%s\n' 'list' \
                'event' \
                'at' \
                'url' \
                'tokenFile' \
                'key' \
                'pool' \
                'client' \
                'model' \
                'path' \
                'status' \
                'credit' \
                'attempts' \
                'complete' \
                'queueTime' \
                'timeToFirstByte' \
                'duration' \
                'promptTokens' \
                'completionTokens' \
                'message' \
                '--alone'
        case 'gateway status --fields'
            printf '%s\n' 'list' \
                'pid' \
                'url' \
                'account' \
                'startedAt' \
                'seats' \
                'queue' \
                'running' \
                'outside' \
                'problem' \
                '--alone'
        case 'gateway stop --fields'
            printf '%s\n' 'list' \
                'pid' \
                'url' \
                '--alone'
        case 'gateway token --fields'
            printf '%s\n' 'list' \
                'token' \
                'client' \
                '--alone'
        case 'gateway install --fields'
            printf '%s\n' 'list' \
                'status' \
                'unit' \
                'file' \
                'running' \
                'problem' \
                'text' \
                '--alone'
        case 'gateway export --fields'
            printf '%s\n' 'list' \
                'format' \
                'configuration' \
                'variables' \
                '--alone'
        case 'models --fields'
            printf '%s\n' 'list' \
                'id' \
                'object' \
                'created' \
                'owned_by' \
                '--alone'
        case 'usage --fields'
            printf '%s\n' 'list' \
                'id' \
                'name' \
                'type' \
                'plan' \
                'isActive' \
                'usage' \
                'subscription' \
                'createdAt' \
                'budget' \
                'rate_limits' \
                'credits' \
                'key' \
                'client' \
                'model' \
                'requests' \
                'creditRequests' \
                'promptTokens' \
                'completionTokens' \
                'period' \
                'tokens' \
                '--alone'
        case 'usage snapshot --fields'
            printf '%s\n' 'list' \
                'status' \
                'time' \
                'keys' \
                'cached' \
                'requestsLeft' \
                'file' \
                'timer' \
                'place' \
                'running' \
                'problem' \
                'text' \
                '--alone'
        case 'usage report --fields'
            printf '%s\n' 'list' \
                'month' \
                'from' \
                'to' \
                'complete' \
                'gaps' \
                'by' \
                'rows' \
                '--alone'
        case 'billing status --fields'
            printf '%s\n' 'list' \
                'subscriptions' \
                'poolPledges' \
                'plan' \
                'status' \
                'creditBalance' \
                'stripeCustomerId' \
                'subscriptionExpiresAt' \
                'legacySubscriptionKeys' \
                '--alone'
        case 'billing credits --fields'
            printf '%s\n' 'list' \
                'totalTopUp' \
                'remaining' \
                'hasCreditKey' \
                'creditKeyCount' \
                '--alone'
        case 'billing topup --fields'
            printf '%s\n' 'list' \
                'sessionUrl' \
                'sessionId' \
                'address' \
                'chain' \
                'amount' \
                'credited' \
                'balance' \
                '--alone'
        case 'billing verify --fields'
            printf '%s\n' 'list' \
                'credited' \
                'balance' \
                '--alone'
        case 'billing card --fields'
            printf '%s\n' 'list' \
                'url' \
                'sessionUrl' \
                '--alone'
        case 'billing subscribe --fields'
            printf '%s\n' 'list' \
                'subscriptionId' \
                'planSlug' \
                'status' \
                'currentPeriodEnd' \
                'key' \
                'keyError' \
                '--alone'
        case 'billing checkout --fields'
            printf '%s\n' 'list' \
                'sessionUrl' \
                'sessionId' \
                '--alone'
        case 'billing cancel --fields'
            printf '%s\n' 'list' \
                'subscriptionId' \
                'canceled' \
                '--alone'
        case 'agent plans --fields'
            printf '%s\n' 'list' \
                'type' \
                'pool' \
                'plan' \
                'name' \
                'description' \
                'models' \
                'currency' \
                'duration' \
                'blocks' \
                'price' \
                'minAmount' \
                'agentCheckout' \
                'agentTopup' \
                '--alone'
        case 'agent subscribe --fields'
            printf '%s\n' 'list' \
                'subscriptionId' \
                'poolSlug' \
                'blocks' \
                'status' \
                'expiresAt' \
                'txHash' \
                'apiKey' \
                'savedTo' \
                'variable' \
                '--alone'
        case 'agent topup --fields'
            printf '%s\n' 'list' \
                'credited' \
                'balance' \
                'txHash' \
                'apiKey' \
                'savedTo' \
                'variable' \
                '--alone'
        case 'agent claim --fields'
            printf '%s\n' 'list' \
                'message' \
                'subscriptionId' \
                'poolSlug' \
                'blocks' \
                'status' \
                'expiresAt' \
                'credited' \
                'balance' \
                'txHash' \
                'apiKey' \
                'savedTo' \
                'variable' \
                '--alone'
        case 'agent wallet create --fields' 'agent wallet import --fields' 'agent wallet list --fields' 'agent wallet address --fields'
            printf '%s\n' 'list' \
                'name' \
                'address' \
                'file' \
                '--alone'
        case 'export --fields'
            printf '%s\n' 'list' \
                'version' \
                'ceilings' \
                'managed' \
                'seats' \
                'keys' \
                '--alone'
        case 'plan --fields'
            printf '%s\n' 'list' \
                'file' \
                'account' \
                'differs' \
                'changes' \
                'unmanaged' \
                'dueToday' \
                'dueTodayAtMost' \
                'monthlyBefore' \
                'monthlyAfter' \
                'maxMonthlySpend' \
                'exceedsMaximum' \
                'notes' \
                '--alone'
        case 'apply --fields'
            printf '%s\n' 'list' \
                'file' \
                'account' \
                'differs' \
                'changes' \
                'unmanaged' \
                'dueToday' \
                'dueTodayAtMost' \
                'monthlyBefore' \
                'monthlyAfter' \
                'maxMonthlySpend' \
                'exceedsMaximum' \
                'notes' \
                'charged' \
                '--alone'
        case 'history --fields' 'history reconcile --fields'
            printf '%s\n' 'list' \
                'id' \
                'at' \
                'action' \
                'change' \
                'outcome' \
                'settledAt' \
                'ids' \
                'account' \
                'by' \
                'request' \
                '--alone'
        case 'state init --fields'
            printf '%s\n' 'list' \
                'database' \
                'schema' \
                'from' \
                'to' \
                'sql' \
                '--alone'
        case 'state status --fields'
            printf '%s\n' 'list' \
                'database' \
                'schema' \
                'version' \
                'needed' \
                'fits' \
                'server' \
                'roundTrip' \
                'clockDifference' \
                'machines' \
                'openChanges' \
                'locks' \
                'unsynced' \
                'undelivered' \
                'accounts' \
                '--alone'
        case 'state move --fields'
            printf '%s\n' 'list' \
                'added' \
                'updated' \
                'known' \
                'left' \
                '--alone'
        case 'state sync --fields'
            printf '%s\n' 'list' \
                'changes' \
                '--alone'
        case 'state gc --fields'
            printf '%s\n' 'list' \
                'changes' \
                'sessions' \
                'locks' \
                'work' \
                'undelivered' \
                '--alone'
        case 'auth login --fields' 'auth logout --fields' 'login --fields' 'logout --fields'
            printf '%s\n' 'list' \
                'profile' \
                'apiUrl' \
                'managementKey' \
                'file' \
                '--alone'
        case 'auth status --fields' 'whoami --fields'
            printf '%s\n' 'list' \
                'profile' \
                'profileOrigin' \
                'apiUrl' \
                'apiUrlOrigin' \
                'managementKey' \
                'managementKeyOrigin' \
                'apiKey' \
                'apiKeyOrigin' \
                'sandbox' \
                'valid' \
                '--alone'
        case 'auth list --fields'
            printf '%s\n' 'list' \
                'profile' \
                'current' \
                'apiUrl' \
                'managementKey' \
                'managementKeyOrigin' \
                '--alone'
        case 'auth switch --fields'
            printf '%s\n' 'list' \
                'profile' \
                '--alone'
        case 'auth token --fields'
            printf '%s\n' 'list' \
                'managementKey' \
                '--alone'
        case 'config get --fields' 'config set --fields' 'config unset --fields' 'config list --fields'
            printf '%s\n' 'list' \
                'key' \
                'value' \
                'origin' \
                '--alone'
        case 'config path --fields'
            printf '%s\n' 'list' \
                'file' \
                '--alone'
        case 'sandbox serve --fields'
            printf '%s\n' 'list' \
                'url' \
                'managementKey' \
                'folder' \
                'rpcUrl' \
                '--alone'
        case 'sandbox reset --fields'
            printf '%s\n' 'list' \
                'folder' \
                'card' \
                '--alone'
        case 'sandbox advance --fields'
            printf '%s\n' 'list' \
                'now' \
                '--alone'
        case 'sandbox schedule --fields'
            printf '%s\n' 'list' \
                'pool' \
                'block' \
                'opensAt' \
                'closesAt' \
                'seats' \
                'rivals' \
                'left' \
                '--alone'
        case 'sandbox path --fields'
            printf '%s\n' 'list' \
                'folder' \
                '--alone'
        case 'completion install --fields'
            printf '%s\n' 'list' \
                'shell' \
                'file' \
                'change' \
                'firstLine' \
                'lastLine' \
                '--alone'
        case 'open --fields'
            printf '%s\n' 'list' \
                'place' \
                'url' \
                '--alone'
        case 'doctor --fields'
            printf '%s\n' 'list' \
                'check' \
                'status' \
                'detail' \
                '--alone'
        case 'plans list --fields'
            printf '%s\n' 'list' \
                'slug' \
                'name' \
                'priceUsdc' \
                'rateLimits' \
                '--alone'
        case 'version --fields'
            printf '%s\n' 'list' \
                'version' \
                'build' \
                'platform' \
                '--alone'
        case 'connect 1'
            printf '%s\n' 'words' \
                'claude-code'\t'Claude Code' \
                'opencode'\t'opencode' \
                'kilo'\t'Kilo Code' \
                'pi'\t'pi' \
                'qwen-code'\t'Qwen Code' \
                'cline'\t'Cline CLI' \
                'codex'\t'Codex' \
                'crush'\t'Crush' \
                'goose'\t'goose' \
                'zed'\t'Zed' \
                'aider'\t'aider' \
                'llm'\t'llm' \
                'litellm'\t'LiteLLM proxy' \
                'openai-sdk'\t'OpenAI SDK' \
                'anthropic-sdk'\t'Anthropic SDK'
        case 'gateway export 1'
            printf '%s\n' 'words' \
                'litellm'
        case 'auth switch 1'
            printf '%s\n' 'profiles'
        case 'config get 1' 'config set 1' 'config unset 1'
            printf '%s\n' 'words' \
                'output' \
                'timeout' \
                'max-monthly-spend' \
                'settling-time' \
                'default-key' \
                'max-key-age' \
                'state-url'
        case 'api 1'
            printf '%s\n' 'words' \
                'GET' \
                'HEAD' \
                'POST' \
                'PUT' \
                'PATCH' \
                'DELETE'
        case 'sandbox schedule 2'
            printf '%s\n' 'words' \
                'asia'\t'00:00–08:00 UTC' \
                'europe'\t'08:00–16:00 UTC' \
                'americas'\t'16:00–24:00 UTC'
        case 'completion install 1'
            printf '%s\n' 'words' \
                'bash' \
                'zsh' \
                'fish' \
                'powershell'
        case 'open 1'
            printf '%s\n' 'words' \
                'dashboard'\t'https://cheapestinference.com/dashboard' \
                'docs'\t'https://docs.cheapestinference.com' \
                'keys'\t'https://cheapestinference.com/dashboard' \
                'billing'\t'https://cheapestinference.com/dashboard' \
                'pools'\t'https://cheapestinference.com/pools'
        case '* --output'
            printf '%s\n' 'words' \
                'table' \
                'json' \
                'csv' \
                'yaml'
        case '* --fields' '* --jq' '* --api-url' '* --timeout'
            printf '%s\n' 'any'
        case '* --profile'
            printf '%s\n' 'profiles'
        case '*'
            return 1
    end
end

# Prints the lines that offer a value other than $argv[2..], after the prefix $argv[1].
function __ci_without
    while read -l line
        contains -- (string split -m 1 \t -- $line)[1] $argv[2..]
        or echo -- $argv[1]$line
    end
end

function __ci_complete
    set -l words (commandline -opc)
    # The typed text without quotes.
    set -l typed (commandline -ct | string replace -ar -- '[\'"\\\\]' '')
    set -l program (string replace -r -- '^~/' "$HOME/" $words[1])
    set -l place ''
    set -l waiting ''
    set -l ended ''
    set -l used
    set -l account
    set -l given
    for word in $words[2..]
        set -l commands (__ci_commands "$place")
        if test -n "$waiting"
            contains -- $waiting --profile --api-url
            and set -a account $waiting $word
            set waiting ''
        else if test "$ended$word" = --
            set ended yes
        else if string match -qr -- '^--.+=' "$ended$word"
            set -l parts (string split -m 1 = -- $word)
            __ci_repeats "$place" $parts[1]
            or set -a used $parts[1]
            contains -- $parts[1] --profile --api-url
            and set -a account $parts
        else if string match -qr -- '^-.' "$ended$word"
            set -l flag (__ci_long "$place" $word)
            __ci_repeats "$place" $flag
            or set -a used $flag
            test "$flag" = --sandbox
            and set -a account --sandbox
            __ci_values "$place" $flag >/dev/null
            and set waiting $flag
        else if set -q commands[1]
            set -l entered (__ci_enter "$place" "$word")
            and set place $entered
            or begin
                # A noun with commands may take an argument, too.
                __ci_values "$place" (math (count $given) + 1) >/dev/null
                or return
                set -a given "$word"
            end
        else
            set -a given "$word"
        end
    end

    # The part of the word before the value.
    set -l before ''
    if test -z "$waiting"; and string match -qr -- '^--.+=' "$ended$typed"
        set -l parts (string split -m 1 = -- $typed)
        set waiting $parts[1]
        set before $parts[1]=
        set typed $parts[2]
    end
    set -l commands (__ci_commands "$place")
    set -l values
    if test -n "$waiting"
        set values (__ci_values "$place" $waiting)
        or return
    else if string match -q -- '-*' "$ended$typed"
        __ci_options "$place" | __ci_without '' $used
        return
    else if set -q commands[1]; and not set -q given[1]
        set -l aliases (__ci_aliases "$place")
        if string match -q -- "$typed*" $commands; or not string match -q -- "$typed*" $aliases
            printf '%s\n' $commands
        else
            printf '%s\n' $aliases
        end
        set values (__ci_values "$place" 1)
        or return
    else
        set values (__ci_values "$place" (math (count $given) + 1))
        or set values (__ci_values "$place" +)
        or begin
            test -z "$ended$typed"
            and __ci_options "$place" | __ci_without '' $used
            return
        end
    end
    switch $values[1]
        case words
            printf '%s\n' $values[2..] | __ci_without "$before"
        case list
            # A word after --alone can't be combined with another one. Each of the others can be used once.
            set -l at (contains -i -- --alone $values)
            set -l words $values[2..(math $at - 1)]
            set -l chosen (string split , -- $typed)
            set -q chosen[2]
            or set -a words $values[(math $at + 1)..]
            printf '%s\n' $words | __ci_without "$before"(string replace -r -- '[^,]*$' '' "$typed") $chosen[..-2]
        case files
            __fish_complete_path "$typed" | __ci_without "$before"
        case any
        case '*'
            command -q $program
            or return
            set -l asked --complete $values[1]
            test -n "$typed"
            and set -a asked --typed
            command $program $asked $account $given </dev/null 2>/dev/null | __ci_without "$before"
    end
end

complete -c ci -f -k -a '(__ci_complete)'
complete -c cheapestinference -f -k -a '(__ci_complete)'

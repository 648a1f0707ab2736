# bash completion for ci, the CheapestInference CLI.
# Generated from the command tree. To print it, run `ci completion bash`.

# Adds a word to the command $place if it is one of its $commands or an alias. Fails otherwise.
__ci_enter() {
  case "$place/$1" in
    'pools/ls' | 'keys/ls' | 'agent wallet/ls' | 'auth/ls' | 'config/ls' | 'plans/ls' | 'help pools/ls' | 'help keys/ls' | 'help agent wallet/ls' | 'help auth/ls' | 'help config/ls' | 'help plans/ls') set -- list ;;
    'pools/show' | 'help pools/show') set -- view ;;
    'keys/revoke' | 'keys/rm' | 'help keys/revoke' | 'help keys/rm') set -- delete ;;
  esac
  case " $commands " in
    *" $1 "*) place+=${place:+ }$1 ;;
    *) return 1 ;;
  esac
}

# Sets $commands and $aliases to the subcommands of the command $place.
__ci_commands() {
  commands='' aliases=''
  case $place in
    '') commands='setup status pools keys run env connect gateway models usage billing agent export plan apply history state auth config api sandbox completion open doctor plans login logout whoami version help' ;;
    'pools' | 'help pools') commands='list view quote subscribe watch subscriptions keys cancel' aliases='ls show' ;;
    'keys' | 'help keys') commands='list create secret rotate delete' aliases='ls revoke rm' ;;
    'gateway' | 'help gateway') commands='status stop token install export' ;;
    'usage' | 'help usage') commands='snapshot report' ;;
    'billing' | 'help billing') commands='status credits topup verify card subscribe checkout cancel' ;;
    'agent' | 'help agent') commands='plans subscribe topup claim wallet' ;;
    'agent wallet' | 'help agent wallet') commands='create import list address' aliases='ls' ;;
    'history' | 'help history') commands='reconcile' ;;
    'state' | 'help state') commands='init status move sync gc' ;;
    'auth' | 'help auth') commands='login logout status list switch token' aliases='ls' ;;
    'config' | 'help config') commands='get set unset list path' aliases='ls' ;;
    'sandbox' | 'help sandbox') commands='serve reset advance schedule path' ;;
    'completion' | 'help completion') commands='install bash zsh fish powershell' ;;
    'plans' | 'help plans') commands='list' aliases='ls' ;;
    'help') commands='setup status pools keys run env connect gateway models usage billing agent export plan apply history state auth config api sandbox completion open doctor plans login logout whoami version exit-codes environment output man' ;;
  esac
}

# Sets $options to the options of the command $place.
__ci_options() {
  options=''
  case $place in
    '') options='--version' ;;
    'status') options='--check' ;;
    'pools list') options='--available --blocks --model --status' ;;
    'pools quote') options='--blocks --quantity --billing-cycle' ;;
    'pools subscribe') options='--blocks --quantity --billing-cycle --max-price --ensure --again --no-wait --settle --create-key --store --save --var --force --dry-run' ;;
    'pools watch') options='--blocks --all-blocks --interval --for --count --forever --bell --exec --webhook --subscribe --quantity --billing-cycle --max-price --ensure --again --no-wait --settle --create-key --store --save --var --force' ;;
    'pools keys') options='--reveal' ;;
    'pools cancel') options='--again --no-wait --settle' ;;
    'keys list') options='--older-than --unused-for' ;;
    'keys create') options='--subscription --pool --credit --max-budget --rpm --tpm --store --save --to --var --force --secret-only --ensure --reveal --again --no-wait --settle --from --save-to --failed --concurrency --rate' ;;
    'keys secret') options='--add --remove --force' ;;
    'keys rotate') options='--pool --older-than --resume --store --save --to --var --force --prove --overlap --allow-gap --from --save-to --concurrency --rate --settle' ;;
    'keys delete') options='--settle --from --failed --concurrency --rate' ;;
    'run') options='--key --pool --for --model --gateway --temporary --subscription --max-budget' ;;
    'env') options='--key --pool --for --shell --format' ;;
    'connect') options='--key --pool --gateway --model --context-window --project --dry-run --undo' ;;
    'gateway') options='--listen --token-file --cert --key --insecure --pools --keys --outside --credit-key --queue-limit --queue-timeout --drain --quiet --background --until-unused' ;;
    'gateway stop') options='--now' ;;
    'gateway token') options='--token-file --client' ;;
    'gateway install') options='--listen --token-file --cert --key --insecure --pools --keys --outside --credit-key --queue-limit --queue-timeout --drain --dry-run --undo' ;;
    'usage') options='--period --refresh --self --gateway --all --format' ;;
    'usage snapshot') options='--install --uninstall --timer --dry-run' ;;
    'usage report') options='--month --by --prices' ;;
    'billing topup') options='--method --wait --pay-with --password-file --keychain --rpc-url --confirmations --again' ;;
    'billing verify') options='--amount --wait --settle' ;;
    'billing subscribe') options='--create-key --settle --no-wait --again' ;;
    'billing cancel') options='--settle --no-wait --again' ;;
    'agent subscribe') options='--blocks --max-price --save --var --force --account --keystore --password-file --keychain --chain --rpc-url --confirmations --field --again' ;;
    'agent topup') options='--save --var --force --account --keystore --password-file --keychain --chain --rpc-url --confirmations --field --again' ;;
    'agent claim') options='--pool --blocks --credit --signature --print-message --save --var --force --account --keystore --password-file --keychain --chain --rpc-url --confirmations --field' ;;
    'agent wallet create') options='--account --keystore --password-file --keychain' ;;
    'agent wallet import') options='--account --keystore --password-file --keychain' ;;
    'agent wallet address') options='--account --keystore --password-file --keychain' ;;
    'plan') options='--update-existing --allow-destroy --detailed-exitcode' ;;
    'apply') options='--update-existing --allow-destroy --max-charge --save-to' ;;
    'history') options='--all --limit' ;;
    'history reconcile') options='--wait --rpc-url' ;;
    'state init') options='--sql' ;;
    'state gc') options='--older-than' ;;
    'auth login') options='--with-key --keychain' ;;
    'api') options='--raw-field --field --input' ;;
    'sandbox serve') options='--port --chain --rpc-url' ;;
    'sandbox reset') options='--no-card' ;;
    'sandbox schedule') options='--open-in --for --seats --rivals --clear' ;;
    'login') options='--with-key --keychain' ;;
  esac
  options+=' --json --output --fields --jq --profile --api-url --sandbox --offline --timeout --no-input --yes --no-color --debug --help'
}

# Sets $flag to the long form of a flag.
__ci_long() {
  flag=$1
  case "$place $1" in
    ' -V') flag=--version ;;
    'history -L') flag=--limit ;;
    'api -f') flag=--raw-field ;;
    'api -F') flag=--field ;;
    *' -o') flag=--output ;;
    *' -y') flag=--yes ;;
    *' -h') flag=--help ;;
  esac
}

# Succeeds if a flag of the command $place can be repeated.
__ci_repeats() {
  case "$place $1" in
    'keys create --to') ;;
    'keys rotate --to') ;;
    'api --raw-field') ;;
    'api --field') ;;
    *) return 1 ;;
  esac
}

# Sets $kind, $choices and $alone to the possible values of a flag, or of the argument with a number.
__ci_values() {
  kind='' choices='' alone=''
  case "$place $1" in
    'pools list --blocks' | 'pools quote --blocks' | 'pools subscribe --blocks' | 'agent subscribe --blocks' | 'agent claim --blocks') kind=list choices='asia europe americas' alone='all' ;;
    'pools list --model' | 'pools quote --quantity' | 'pools subscribe --quantity' | 'pools subscribe --max-price' | 'pools subscribe --settle' | 'pools subscribe --create-key' | 'pools subscribe --var' | 'pools watch --interval' | 'pools watch --for' | 'pools watch --count' | 'pools watch --exec' | 'pools watch --webhook' | 'pools watch --quantity' | 'pools watch --max-price' | 'pools watch --settle' | 'pools watch --create-key' | 'pools watch --var' | 'pools cancel --settle' | 'keys list --older-than' | 'keys list --unused-for' | 'keys create --max-budget' | 'keys create --rpm' | 'keys create --tpm' | 'keys create --to' | 'keys create --var' | 'keys create --settle' | 'keys create --concurrency' | 'keys create --rate' | 'keys rotate --older-than' | 'keys rotate --to' | 'keys rotate --var' | 'keys rotate --prove' | 'keys rotate --overlap' | 'keys rotate --concurrency' | 'keys rotate --rate' | 'keys rotate --settle' | 'keys delete --settle' | 'keys delete --concurrency' | 'keys delete --rate' | 'run --model' | 'run --max-budget' | 'connect --model' | 'connect --context-window' | 'gateway --listen' | 'gateway --token-file' | 'gateway --cert' | 'gateway --key' | 'gateway --queue-limit' | 'gateway --queue-timeout' | 'gateway --drain' | 'gateway token --token-file' | 'gateway token --client' | 'gateway install --listen' | 'gateway install --token-file' | 'gateway install --cert' | 'gateway install --key' | 'gateway install --queue-limit' | 'gateway install --queue-timeout' | 'gateway install --drain' | 'usage report --month' | 'billing topup --pay-with' | 'billing topup --rpc-url' | 'billing topup --confirmations' | 'billing verify --amount' | 'billing verify --settle' | 'billing subscribe --create-key' | 'billing subscribe --settle' | 'billing cancel --settle' | 'agent subscribe --max-price' | 'agent subscribe --var' | 'agent subscribe --account' | 'agent subscribe --rpc-url' | 'agent subscribe --confirmations' | 'agent subscribe --field' | 'agent topup --var' | 'agent topup --account' | 'agent topup --rpc-url' | 'agent topup --confirmations' | 'agent topup --field' | 'agent claim --signature' | 'agent claim --var' | 'agent claim --account' | 'agent claim --rpc-url' | 'agent claim --confirmations' | 'agent claim --field' | 'agent wallet create --account' | 'agent wallet import --account' | 'agent wallet address --account' | 'apply --max-charge' | 'history --limit' | 'history reconcile --rpc-url' | 'state gc --older-than' | 'api --raw-field' | 'api --field' | 'sandbox serve --port' | 'sandbox serve --rpc-url' | 'sandbox schedule --open-in' | 'sandbox schedule --for' | 'sandbox schedule --seats' | 'sandbox schedule --rivals') kind=any ;;
    'pools list --status') kind=words choices='active funding activating paused' ;;
    'pools quote --billing-cycle' | 'pools subscribe --billing-cycle' | 'pools watch --billing-cycle') kind=words choices='month year' ;;
    'pools subscribe --save' | 'pools watch --save' | 'keys create --save' | 'keys create --from' | 'keys create --save-to' | 'keys create --failed' | 'keys rotate --save' | 'keys rotate --from' | 'keys rotate --save-to' | 'keys delete --from' | 'keys delete --failed' | 'usage report --prices' | 'billing topup --password-file' | 'agent subscribe --save' | 'agent subscribe --keystore' | 'agent subscribe --password-file' | 'agent topup --save' | 'agent topup --keystore' | 'agent topup --password-file' | 'agent claim --save' | 'agent claim --keystore' | 'agent claim --password-file' | 'agent wallet create --keystore' | 'agent wallet create --password-file' | 'agent wallet import --keystore' | 'agent wallet import --password-file' | 'agent wallet address --keystore' | 'agent wallet address --password-file' | 'apply --save-to' | 'api --input' | 'plan 1' | 'apply 1') kind=files ;;
    'pools watch --blocks') kind=list choices='asia europe americas' alone='any all' ;;
    'keys create --subscription' | 'run --subscription' | 'billing cancel 1') kind=subscriptions ;;
    'keys create --pool' | 'keys rotate --pool' | 'run --pool' | 'env --pool' | 'connect --pool' | 'gateway --pools' | 'gateway install --pools' | 'agent claim --pool' | 'pools view 1' | 'pools quote 1' | 'pools subscribe 1' | 'pools watch +' | 'pools subscriptions 1' | 'pools keys 1' | 'pools cancel 1' | 'agent subscribe 1' | 'sandbox schedule 1') kind=pools ;;
    'run --key' | 'env --key' | 'connect --key' | 'gateway --keys' | 'gateway --credit-key' | 'gateway install --keys' | 'gateway install --credit-key' | 'keys secret 1' | 'keys rotate +' | 'keys delete +' | 'usage 1') kind=keys ;;
    'run --for' | 'env --for') kind=words choices='openai anthropic all none' ;;
    'env --shell') kind=words choices='sh fish powershell' ;;
    'env --format') kind=words choices='dotenv json' ;;
    'gateway --outside' | 'gateway install --outside') kind=words choices='fail wait credit' ;;
    'usage --period') kind=words choices='1h 24h 7d 30d' ;;
    'usage --format') kind=words choices='csv json' ;;
    'usage snapshot --timer') kind=words choices='systemd cron' ;;
    'usage report --by') kind=words choices='key prefix' ;;
    'billing topup --method') kind=words choices='stripe usdc' ;;
    'agent subscribe --chain' | 'agent topup --chain' | 'agent claim --chain') kind=words choices='base base-sepolia' ;;
    'setup --fields') kind=list choices='account pool subscriptions keys savedTo tools commands' ;;
    'status --fields') kind=list choices='creditBalance subscriptions keys problems' ;;
    'pools list --fields') kind=list choices='id slug modelId modelName description status totalSlots minPricePerDay manualProvisioning annualDiscount models infraSpec blocks' ;;
    'pools view --fields') kind=list choices='id slug modelId modelName description status totalSlots minPricePerDay manualProvisioning annualDiscount models infraSpec blocks hourSlots' ;;
    'pools quote --fields') kind=list choices='poolId pool blocks quantity billingCycle monthlyPrice charge chargeAtMost exact prices listPrice annualDiscount' ;;
    'pools subscribe --fields') kind=list choices='id poolId status monthlyPrice billingCycle cancelAtPeriodEnd currentPeriodEnd hours key poolSlug subscriptions pool blocks quantity charge chargeAtMost exact prices listPrice annualDiscount' ;;
    'pools watch --fields') kind=list choices='event at pool blocks pricePerMonth previousPricePerMonth freeSeats status previousStatus charge subscriptions code message' ;;
    'pools subscriptions --fields' | 'pools cancel --fields') kind=list choices='id poolId status monthlyPrice billingCycle cancelAtPeriodEnd currentPeriodEnd hours key poolSlug' ;;
    'pools keys --fields') kind=list choices='id name apiKey isActive subscriptionId createdAt' ;;
    'keys list --fields') kind=list choices='id name apiKey keyPlan keyType isActive subscriptionId subscriptionStatus subscriptionExpiresAt maxBudget rpm tpm createdAt lastUsedAt stored' ;;
    'keys create --fields') kind=list choices='id name apiKey savedTo variable rows created found recreated existing failed elsewhere failures seconds' ;;
    'keys secret --fields') kind=list choices='id name apiKey stored' ;;
    'keys rotate --fields') kind=list choices='id name oldId apiKey savedTo variable rotated failed' ;;
    'keys delete --fields') kind=list choices='id name deleted rows revoked gone failed failures seconds' ;;
    'env --fields') kind=list choices='CHEAPESTINFERENCE_API_KEY OPENAI_API_KEY OPENAI_BASE_URL ANTHROPIC_AUTH_TOKEN ANTHROPIC_BASE_URL ANTHROPIC_API_KEY' ;;
    'connect --fields') kind=list choices='tool status place key gateway model baseUrl files backups start works detail diff snippets title installed connected account problem' ;;
    'gateway --fields') kind=list choices='event at url tokenFile key pool client model path status credit attempts complete queueTime timeToFirstByte duration promptTokens completionTokens message' ;;
    'gateway status --fields') kind=list choices='pid url account startedAt seats queue running outside problem' ;;
    'gateway stop --fields') kind=list choices='pid url' ;;
    'gateway token --fields') kind=list choices='token client' ;;
    'gateway install --fields') kind=list choices='status unit file running problem text' ;;
    'gateway export --fields') kind=list choices='format configuration variables' ;;
    'models --fields') kind=list choices='id object created owned_by' ;;
    'usage --fields') kind=list choices='id name type plan isActive usage subscription createdAt budget rate_limits credits key client model requests creditRequests promptTokens completionTokens period tokens' ;;
    'usage snapshot --fields') kind=list choices='status time keys cached requestsLeft file timer place running problem text' ;;
    'usage report --fields') kind=list choices='month from to complete gaps by rows' ;;
    'billing status --fields') kind=list choices='subscriptions poolPledges plan status creditBalance stripeCustomerId subscriptionExpiresAt legacySubscriptionKeys' ;;
    'billing credits --fields') kind=list choices='totalTopUp remaining hasCreditKey creditKeyCount' ;;
    'billing topup --fields') kind=list choices='sessionUrl sessionId address chain amount credited balance' ;;
    'billing verify --fields') kind=list choices='credited balance' ;;
    'billing card --fields') kind=list choices='url sessionUrl' ;;
    'billing subscribe --fields') kind=list choices='subscriptionId planSlug status currentPeriodEnd key keyError' ;;
    'billing checkout --fields') kind=list choices='sessionUrl sessionId' ;;
    'billing cancel --fields') kind=list choices='subscriptionId canceled' ;;
    'agent plans --fields') kind=list choices='type pool plan name description models currency duration blocks price minAmount agentCheckout agentTopup' ;;
    'agent subscribe --fields') kind=list choices='subscriptionId poolSlug blocks status expiresAt txHash apiKey savedTo variable' ;;
    'agent topup --fields') kind=list choices='credited balance txHash apiKey savedTo variable' ;;
    'agent claim --fields') kind=list choices='message subscriptionId poolSlug blocks status expiresAt credited balance txHash apiKey savedTo variable' ;;
    'agent wallet create --fields' | 'agent wallet import --fields' | 'agent wallet list --fields' | 'agent wallet address --fields') kind=list choices='name address file' ;;
    'export --fields') kind=list choices='version ceilings managed seats keys' ;;
    'plan --fields') kind=list choices='file account differs changes unmanaged dueToday dueTodayAtMost monthlyBefore monthlyAfter maxMonthlySpend exceedsMaximum notes' ;;
    'apply --fields') kind=list choices='file account differs changes unmanaged dueToday dueTodayAtMost monthlyBefore monthlyAfter maxMonthlySpend exceedsMaximum notes charged' ;;
    'history --fields' | 'history reconcile --fields') kind=list choices='id at action change outcome settledAt ids account by request' ;;
    'state init --fields') kind=list choices='database schema from to sql' ;;
    'state status --fields') kind=list choices='database schema version needed fits server roundTrip clockDifference machines openChanges locks unsynced undelivered accounts' ;;
    'state move --fields') kind=list choices='added updated known left' ;;
    'state sync --fields') kind=list choices='changes' ;;
    'state gc --fields') kind=list choices='changes sessions locks work undelivered' ;;
    'auth login --fields' | 'auth logout --fields' | 'login --fields' | 'logout --fields') kind=list choices='profile apiUrl managementKey file' ;;
    'auth status --fields' | 'whoami --fields') kind=list choices='profile profileOrigin apiUrl apiUrlOrigin managementKey managementKeyOrigin apiKey apiKeyOrigin sandbox valid' ;;
    'auth list --fields') kind=list choices='profile current apiUrl managementKey managementKeyOrigin' ;;
    'auth switch --fields') kind=list choices='profile' ;;
    'auth token --fields') kind=list choices='managementKey' ;;
    'config get --fields' | 'config set --fields' | 'config unset --fields' | 'config list --fields') kind=list choices='key value origin' ;;
    'config path --fields') kind=list choices='file' ;;
    'sandbox serve --fields') kind=list choices='url managementKey folder rpcUrl' ;;
    'sandbox reset --fields') kind=list choices='folder card' ;;
    'sandbox advance --fields') kind=list choices='now' ;;
    'sandbox schedule --fields') kind=list choices='pool block opensAt closesAt seats rivals left' ;;
    'sandbox path --fields') kind=list choices='folder' ;;
    'completion install --fields') kind=list choices='shell file change firstLine lastLine' ;;
    'open --fields') kind=list choices='place url' ;;
    'doctor --fields') kind=list choices='check status detail' ;;
    'plans list --fields') kind=list choices='slug name priceUsdc rateLimits' ;;
    'version --fields') kind=list choices='version build platform' ;;
    'connect 1') kind=words choices='claude-code opencode kilo pi qwen-code cline codex crush goose zed aider llm litellm openai-sdk anthropic-sdk' ;;
    'gateway export 1') kind=words choices='litellm' ;;
    'auth switch 1') kind=profiles ;;
    'config get 1' | 'config set 1' | 'config unset 1') kind=words choices='output timeout max-monthly-spend settling-time default-key max-key-age state-url' ;;
    'api 1') kind=words choices='GET HEAD POST PUT PATCH DELETE' ;;
    'sandbox schedule 2') kind=words choices='asia europe americas' ;;
    'completion install 1') kind=words choices='bash zsh fish powershell' ;;
    'open 1') kind=words choices='dashboard docs keys billing pools' ;;
    *' --output') kind=words choices='table json csv yaml' ;;
    *' --fields' | *' --jq' | *' --api-url' | *' --timeout') kind=any ;;
    *' --profile') kind=profiles ;;
    *) return 1 ;;
  esac
}

# Offers the values that start with the typed text.
__ci_offer() {
  local value
  for value; do
    case $value in
      "$typed"*) COMPREPLY+=("$head${value#"$broken"}") ;;
    esac
  done
}

# Offers values that may contain any character, quoted for the shell. In an open quote, the quoted value replaces the quote.
__ci_offer_quoted() {
  local value text
  for value; do
    case $value in
      "$typed"*) ;;
      *) continue ;;
    esac
    text=$value
    case $quote in
      \') text="'${text//\'/\'\\\'\'}'" ;;
      \")
        # In double quotes, ! can't be kept from history expansion.
        case $text in *!*) continue ;; esac
        text=${text//\\/\\\\} text=${text//\"/\\\"} text=${text//\$/\\\$} text=\"${text//\`/\\\`}\"
        ;;
      *) case $text in *[!A-Za-z0-9_.:/@%+=,-]*) printf -v text %q "$text" ;; esac ;;
    esac
    COMPREPLY+=("$head${text#"$broken"}")
  done
}

# Offers the options that aren't used yet.
__ci_offer_options() {
  local options option
  __ci_options
  for option in $options; do
    case " ${used[*]-} " in
      *" $option "*) ;;
      *) __ci_offer "$option" ;;
    esac
  done
}

# Offers the words that a list doesn't contain yet.
__ci_offer_listed() {
  local word before='' left=0
  case $typed in
    *,*) before=${typed%,*}, alone='' ;;
  esac
  for word in $choices $alone; do
    case ",$before" in
      *",$word,"*) ;;
      *)
        left=$((left + 1))
        __ci_offer "$before$word"
        ;;
    esac
  done
  case " $alone " in
    *" ${COMPREPLY[0]-} "*) ;;
    # Another word may follow.
    *) [[ $left -gt 1 ]] && compopt -o nospace 2>/dev/null ;;
  esac
}

# Offers names from the account, as far as they are cached.
__ci_offer_known() {
  local line
  local -a known=() asked=(--complete "$1")
  local program=${COMP_WORDS[0]}
  case $program in '~/'*) program=$HOME/${program#'~/'} ;; esac
  [[ $typed ]] && asked+=(--typed)
  while IFS= read -r line; do
    known+=("${line%%$'\t'*}")
  done < <("$program" "${asked[@]}" ${account[@]+"${account[@]}"} ${given[@]+"${given[@]}"} </dev/null 2>/dev/null)
  __ci_offer_quoted ${known[@]+"${known[@]}"}
}

__ci_complete() {
  local IFS=$' \t\n' place='' waiting='' ended='' count=0 flag kind choices alone commands aliases
  local word line=${COMP_LINE:0:COMP_POINT} i
  local -a words=() used=() account=() given=()
  COMPREPLY=()
  # bash also splits words at = and :, so join the parts that have no space between them.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $i -eq 0 || $line == [[:space:]]* ]]; then
      line=${line#"${line%%[![:space:]]*}"}
      words+=('')
    fi
    [[ $i -eq $COMP_CWORD ]] && word=$line
    words[${#words[@]} - 1]+=$word
    line=${line#"$word"}
  done
  local last=$((${#words[@]} - 1))
  for ((i = 1; i < last; i++)); do
    word=${words[i]//[\"\'\\]/}
    if [[ $waiting ]]; then
      case $waiting in --profile | --api-url) account+=("$waiting" "$word") ;; esac
      waiting=''
      continue
    fi
    case $ended$word in
      --) ended=yes ;;
      --?*=*)
        flag=${word%%=*}
        __ci_repeats "$flag" || used+=("$flag")
        case $flag in --profile | --api-url) account+=("$flag" "${word#*=}") ;; esac
        ;;
      -?*)
        __ci_long "$word"
        __ci_repeats "$flag" || used+=("$flag")
        [[ $flag == --sandbox ]] && account+=(--sandbox)
        __ci_values "$flag" && waiting=$flag
        ;;
      *)
        __ci_commands
        if [[ $commands ]]; then
          # A noun with commands may take an argument, too.
          __ci_enter "$word" || {
            __ci_values $((count + 1)) || return 0
            count=$((count + 1))
            given+=("$word")
          }
        else
          count=$((count + 1))
          given+=("$word")
        fi
        ;;
    esac
  done

  # The typed text without its opening quote, the part of it that bash keeps, and the part to insert again.
  local typed=${words[last]} quote='' broken='' head=''
  if [[ ! $waiting && ! $ended && $typed == --?*=* ]]; then
    waiting=${typed%%=*}
    typed=${typed#*=}
    [[ $COMP_WORDBREAKS == *=* ]] || head=$waiting=
  fi
  case $typed in
    \'*) quote=\' typed=${typed:1} ;;
    \"*) quote=\" typed=${typed:1} typed=${typed//\\/} ;;
    *)
      for ((i = ${#typed}; i > 0; i--)); do
        case ${typed:i-1:1} in
          [=:@]) [[ $COMP_WORDBREAKS == *"${typed:i-1:1}"* ]] && break ;;
        esac
      done
      broken=${typed:0:i}
      typed=${typed//\\/}
      ;;
  esac

  if [[ $waiting ]]; then
    __ci_values "$waiting" || return 0
  elif [[ ! $ended && $typed == -* ]]; then
    __ci_offer_options
    return 0
  else
    __ci_commands
    if [[ $commands && $count -eq 0 ]]; then
      __ci_offer $commands
      [[ ${COMPREPLY[0]-} ]] || __ci_offer $aliases
      __ci_values 1 || return 0
    else
      __ci_values $((count + 1)) || __ci_values + || {
        [[ $ended || $typed ]] || __ci_offer_options
        return 0
      }
    fi
  fi
  case $kind in
    words) __ci_offer $choices ;;
    list) __ci_offer_listed ;;
    files)
      # Use bash's own completion of files. Before bash 4, complete only their names.
      compopt -o default 2>/dev/null || while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$typed")
      ;;
    any) ;;
    *) __ci_offer_known "$kind" ;;
  esac
  return 0
}

complete -F __ci_complete ci cheapestinference

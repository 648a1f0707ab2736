# bash completion for ci, the CheapestInference CLI.
# Generated from the command tree. To print it, run `ci completion bash`.

# Adds a word to the command $place if it is one of its $commands or an alias. Fails otherwise.
__ci_enter() {
  case "$place/$1" in
    #{aliases}
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
    #{commands}
  esac
}

# Sets $options to the options of the command $place.
__ci_options() {
  options=''
  case $place in
    #{options}
  esac
  #{global}
}

# Sets $flag to the long form of a flag.
__ci_long() {
  flag=$1
  case "$place $1" in
    #{short}
  esac
}

# Succeeds if a flag of the command $place can be repeated.
__ci_repeats() {
  case "$place $1" in
    #{repeatable}
    *) return 1 ;;
  esac
}

# Sets $kind, $choices and $alone to the possible values of a flag, or of the argument with a number.
__ci_values() {
  kind='' choices='' alone=''
  case "$place $1" in
    #{values}
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

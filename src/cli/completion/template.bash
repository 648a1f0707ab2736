# bash completion for ci, the command line of CheapestInference.
# Generated from the command tree: `ci completion bash` prints it.

# Takes a word below the command $place, where $commands can stand: sets $place to the one that it leads to, if any.
__ci_enter() {
  case "$place/$1" in
    #{aliases}
  esac
  case " $commands " in
    *" $1 "*) place+=${place:+ }$1 ;;
    *) return 1 ;;
  esac
}

# Sets what can stand below the command $place: its $commands and their $aliases.
__ci_commands() {
  commands='' aliases=''
  case $place in
    #{commands}
  esac
}

# Sets $options to those that can stand at the command $place.
__ci_options() {
  options=''
  case $place in
    #{options}
  esac
  #{global}
}

# Sets $flag to the long form of a flag of the command $place.
__ci_long() {
  flag=$1
  case "$place $1" in
    #{short}
  esac
}

# Whether a flag of the command $place can be given again.
__ci_repeats() {
  case "$place $1" in
    #{repeatable}
    *) return 1 ;;
  esac
}

# Sets $kind, $choices and $alone to what can be typed at the command $place: for a flag its value, for a number the argument there.
__ci_values() {
  kind='' choices='' alone=''
  case "$place $1" in
    #{values}
    *) return 1 ;;
  esac
}

# Offers those of some values that begin with what is typed.
__ci_offer() {
  local value
  for value; do
    case $value in
      "$typed"*) COMPREPLY+=("$head${value#"$broken"}") ;;
    esac
  done
}

# Offers values that may hold anything: the shell must take them for nothing but text. In a quote that is open they bring their
# own, which takes its place.
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
        # Nothing keeps a ! from the history in double quotes.
        case $text in *!*) continue ;; esac
        text=${text//\\/\\\\} text=${text//\"/\\\"} text=${text//\$/\\\$} text=\"${text//\`/\\\`}\"
        ;;
      *) case $text in *[!A-Za-z0-9_.:/@%+=,-]*) printf -v text %q "$text" ;; esac ;;
    esac
    COMPREPLY+=("$head${text#"$broken"}")
  done
}

# Offers the options that are not used yet.
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

# Offers the words of a list that are not in it yet.
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
    # Another may follow.
    *) [[ $left -gt 1 ]] && compopt -o nospace 2>/dev/null ;;
  esac
}

# Offers what the account holds, as far as it is at hand.
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
  # bash breaks a line at = and : too: what stands without a space between is one word.
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
          __ci_enter "$word" || return 0
        else
          count=$((count + 1))
          given+=("$word")
        fi
        ;;
    esac
  done

  # What is typed, without the quote before it; what stands before the part that bash replaces; and what is put back before that.
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
    if [[ $commands ]]; then
      __ci_offer $commands
      [[ ${COMPREPLY[0]-} ]] || __ci_offer $aliases
      return 0
    fi
    __ci_values $((count + 1)) || __ci_values + || {
      [[ $ended || $typed ]] || __ci_offer_options
      return 0
    }
  fi
  case $kind in
    words) __ci_offer $choices ;;
    list) __ci_offer_listed ;;
    files)
      # bash's own way with files; before bash 4, the names alone.
      compopt -o default 2>/dev/null || while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$typed")
      ;;
    any) ;;
    *) __ci_offer_known "$kind" ;;
  esac
  return 0
}

complete -F __ci_complete ci cheapestinference

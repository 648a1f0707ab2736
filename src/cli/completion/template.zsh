#compdef ci cheapestinference
# zsh completion for ci, the CheapestInference CLI.
# Generated from the command tree. To print it, run `ci completion zsh`.

# Adds a word to the command $place if it is one of its $commands or an alias. Fails otherwise.
__ci_enter() {
  case "$place/$1" in
    #{aliases}
  esac
  local -a names=("${(@)commands%%:*}")
  (( ${names[(Ie)$1]} )) || return 1
  place+=${place:+ }$1
}

# Sets $commands and $aliases to the subcommands of the command $place.
__ci_commands() {
  commands=() aliases=()
  case $place in
    #{commands}
  esac
}

# Sets $options to the options of the command $place.
__ci_options() {
  options=()
  case $place in
    #{options}
  esac
  options+=(
    #{global}
  )
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
    (*) return 1 ;;
  esac
}

# Sets $kind, $choices and $alone to the possible values of a flag, or of the argument with a number.
__ci_values() {
  kind='' choices=() alone=()
  case "$place $1" in
    #{values}
    (*) return 1 ;;
  esac
}

# Offers the options that aren't used yet.
__ci_offer_options() {
  local -a options left
  local option
  __ci_options
  for option in "${options[@]}"; do
    (( ${used[(Ie)${option%%:*}]} )) || left+=("$option")
  done
  _describe -t flags flag left
}

# Offers the words that a list doesn't contain yet.
__ci_offer_listed() {
  local -a chosen left
  local word
  if compset -P '*,'; then
    chosen=("${(@s:,:)${IPREFIX##*[= ]}}")
    alone=()
  fi
  for word in "${choices[@]}"; do
    (( ${chosen[(Ie)${word%%:*}]} )) || left+=("$word")
  done
  if (( $#left > 1 )); then
    # Another word may follow.
    _describe -t values value left -S '' -- alone
  else
    _describe -t values value left -- alone
  fi
}

# Offers names from the account, as far as they are cached.
__ci_offer_known() {
  local -a lines known asked=(--complete $1) before=("${(@z)LBUFFER}") setting
  local line value
  [[ -n $PREFIX$SUFFIX ]] && asked+=(--typed)
  # Variables that are set on the line before the command also apply.
  local at=$(( ${before[(Ie)$words[1]]} - 1 ))
  while (( at > 0 )) && [[ $before[at] == CHEAPESTINFERENCE_[A-Z_]##=* ]]; do
    setting+=("${(Q)before[at]}")
    (( at-- ))
  done
  lines=("${(@f)$(env "${setting[@]}" ${~${(Q)words[1]}} $asked "${account[@]}" "${given[@]}" </dev/null 2>/dev/null)}")
  for line in "${lines[@]}"; do
    [[ -n $line ]] || continue
    value=${${${line%%$'\t'*}//\\/\\\\}//:/\\:}
    known+=("$value:${line#*$'\t'}")
  done
  (( $#known )) && _describe -t $1 ${1%s} known
}

_ci() {
  local place='' waiting='' ended='' flag kind word
  local -a choices alone commands aliases used account given
  for word in "${(@)words[2,CURRENT-1]}"; do
    word=${(Q)word}
    if [[ -n $waiting ]]; then
      case $waiting in
        (--profile|--api-url) account+=($waiting "$word") ;;
      esac
      waiting=''
      continue
    fi
    case $ended$word in
      (--) ended=yes ;;
      (--?*=*)
        flag=${word%%=*}
        __ci_repeats $flag || used+=($flag)
        case $flag in
          (--profile|--api-url) account+=($flag "${word#*=}") ;;
        esac
        ;;
      (-?*)
        __ci_long $word
        __ci_repeats $flag || used+=($flag)
        [[ $flag == --sandbox ]] && account+=(--sandbox)
        __ci_values $flag && waiting=$flag
        ;;
      (*)
        __ci_commands
        if (( $#commands )); then
          # A noun with commands may take an argument, too.
          if ! __ci_enter "$word"; then
            __ci_values $(( $#given + 1 )) || return 1
            given+=("$word")
          fi
        else
          given+=("$word")
        fi
        ;;
    esac
  done

  if [[ -z $waiting$ended && $PREFIX == --?*=* ]]; then
    waiting=${PREFIX%%=*}
    compset -P 1 '*='
  fi
  if [[ -n $waiting ]]; then
    __ci_values $waiting || return 1
  elif [[ -z $ended && $PREFIX == -* ]]; then
    __ci_offer_options
    return
  else
    __ci_commands
    if (( $#commands && ! $#given )); then
      _describe -t commands command commands || _describe -t commands command aliases
      local offered=$?
      __ci_values 1 || return offered
    elif ! __ci_values $(( $#given + 1 )) && ! __ci_values +; then
      [[ -z $ended$PREFIX ]] || return 1
      __ci_offer_options
      return
    fi
  fi
  case $kind in
    (words) _describe -t values value choices ;;
    (list) __ci_offer_listed ;;
    (files) _files ;;
    (any) return 1 ;;
    (*) __ci_offer_known $kind ;;
  esac
}

# zsh runs a completion file to complete a word. A script that is sourced only registers the completion.
if [[ $funcstack[1] == _ci ]]; then
  _ci "$@"
else
  compdef _ci ci cheapestinference
fi

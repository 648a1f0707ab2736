# fish completion for ci, the CheapestInference CLI.
# Generated from the command tree. To print it, run `ci completion fish`.

# Prints the command $argv[1] with the subcommand $argv[2], which may be an alias. Fails if there is no such command.
function __ci_enter
    set -l word $argv[2]
    switch "$argv[1]/$word"
        #{names}
    end
    contains -- "$word" (__ci_commands "$argv[1]" | string replace -r '\t.*' '')
    and echo (string trim -- "$argv[1] $word")
end

# Prints the subcommands of the command $argv[1].
function __ci_commands
    switch "$argv[1]"
        #{commands}
    end
end

# Prints the aliases of its subcommands.
function __ci_aliases
    switch "$argv[1]"
        #{aliases}
    end
end

# Prints the options of the command $argv[1].
function __ci_options
    switch "$argv[1]"
        #{options}
    end
    #{global}
end

# Prints the long form of a flag of the command $argv[1].
function __ci_long
    switch "$argv[1] $argv[2]"
        #{short}
        case '*'
            echo -- $argv[2]
    end
end

# Succeeds if a flag of the command $argv[1] can be repeated.
function __ci_repeats
    switch "$argv[1] $argv[2]"
        #{repeatable}
        case '*'
            return 1
    end
end

# Prints the possible values of a flag of the command $argv[1], or of the argument with a number: a kind, and then words.
function __ci_values
    switch "$argv[1] $argv[2]"
        #{values}
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

# Completes the options of CAPE farm's programs, which --help names.

set -l program (basename (status filename) .fish)
for option in (command $program --help 2>/dev/null |
        string match -rg '^ +(?:-h, *)?--([a-z-]+)')
    complete -c $program -l $option
end
complete -c $program -l device -xa "auto cpu cuda"
complete -c $program -l progress -xa "auto live plain none"
complete -c $program -l sort -xa "steps seconds"
complete -c $program -l features -xa "paper extended"
complete -c $program -l censored -xa "cap drop survival"

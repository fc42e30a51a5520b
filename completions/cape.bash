# shellcheck shell=bash
# Completes the options of CAPE farm's programs, which --help names.

_cape() {
  local program=$1 word=$2 previous=$3 choices
  case $previous in
    --device) choices="auto cpu cuda" ;;
    --progress) choices="auto live plain none" ;;
    --sort) choices="steps seconds" ;;
    --features) choices="paper extended" ;;
    --censored) choices="cap drop survival" ;;
    *)
      [[ $word == -* ]] || return 0 # files: see complete
      choices=$("$program" --help 2>/dev/null |
        sed -nE 's/^ +(-h, *)?(--[a-z-]+).*/\2/p')
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}

complete -o default -F _cape cape_farm cape_fit cape_predict

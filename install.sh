#!/bin/sh
# Sets up uv-shim: finds the sources and a Python, and has src/uv_shim/setup do the rest; --help says what. POSIX sh, builtins only.

set -eu

fail() {
  for word; do echo "uv-shim: $word" >&2; done
  exit 1
}

main() {
  command=install given=''
  # What is meant for this file is taken out; the rest is passed on.
  words=$#
  while [ "$words" -gt 0 ]; do
    word=$1
    shift
    words=$((words - 1))
    case $word in
      --uninstall) command=uninstall ;;
      --sources)
        [ "$words" -gt 0 ] || fail "--sources needs a folder."
        given=$1
        shift
        words=$((words - 1))
        ;;
      --sources=*) given=${word#*=} ;;
      --prefix | --layer)
        set -- "$@" "$word"
        [ "$words" -gt 0 ] || continue
        set -- "$@" "$1"
        shift
        words=$((words - 1))
        ;;
      *) set -- "$@" "$word" ;;
    esac
  done
  find_sources
  find_python
  # Isolated, and without writing bytecode: nothing of this machine gets in, and the sources stay as they are. Whatever the locale,
  # a name is its bytes as UTF-8, as the receipt is: an uninstall may run in another one.
  exec "$python" -I -B -X utf8 -c 'import sys; sys.path.insert(0, sys.argv.pop(1)); from uv_shim.cli import main; sys.exit(main())' \
    "$sources/src" "$command" "$@"
}

# Named; or beside this file, where the copy that was set up has them in `current`; or, where this comes through a pipe, here.
find_sources() {
  case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
  for folder in ${given:+"$given"} "${here:-/}" "$here/current" .; do
    if [ -f "$folder/shims/uv" ] && [ -f "$folder/src/uv_shim/setup/install.py" ]; then
      # The folder itself: a link to it may be gone before this has ended.
      sources=$(CDPATH='' cd -P -- "$folder" && pwd -P)
      return
    fi
    [ -z "$given" ] || break
  done
  [ -z "$given" ] || fail "$given holds no sources of uv-shim: shims/uv and src/uv_shim are not in it."
  fail "shims/uv and src/uv_shim are not beside $0. Run it from the unpacked sources, or name their folder with --sources."
}

find_python() {
  for candidate in "$sources/venv/bin/python3" python3 python; do
    python=$candidate
    if works "$python"; then return; fi
  done
  # With none at hand, uv may know one of its own.
  python=$(uv python find 2>/dev/null) || python=''
  if works "$python"; then return; fi
  fail "Python 3.8 or later is needed, and there is no such python3 on PATH." "Install it, or uv and \`uv python install\`, and run this again."
}

works() {
  "$1" -I -B -c 'import sys; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1
}

# In braces, so that a download that was cut off anywhere, here too, is no whole command.
{ main "$@"; }

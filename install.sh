#!/bin/sh
# Sets up uv-shim for this user; --help says how. Nothing but POSIX sh, the usual small tools and a Python are needed.
# Everything that is added is written to a receipt first; --uninstall takes back what the receipt says, and nothing else.

set -eu

# What the management command imports. The shim itself needs none of them.
packages='packaging tomli-w psutil msgpack tomli'

usage() {
  cat <<'EOF'
Set up uv-shim for this user.

Usage: install.sh [--demo] [--prefix DIR] [--no-modify-path]
       install.sh --uninstall [--prefix DIR]

  --demo            then show what the shim does, on a package index of its own
  --prefix DIR      where everything goes (default: uv-shim in $XDG_DATA_HOME or ~/.local/share)
  --no-modify-path  leave the shells' start files and GITHUB_PATH alone
  --uninstall       remove what was set up in DIR, and nothing else
  --help            this text
EOF
}

say() {
  printf 'uv-shim: %s\n' "$@" >&2
}

fail() {
  say "$@"
  exit 1
}

misused() {
  say "$*; see --help."
  exit 2
}

need_cmd() {
  command -v "$1" >/dev/null 2>&1 || fail "'$1' is needed, and is not on PATH."
}

main() {
  action=install demo='' modify_path=1 prefix=''
  while [ $# -gt 0 ]; do
    case $1 in
      --demo) demo=1 ;;
      --prefix)
        [ $# -ge 2 ] || misused "--prefix needs a folder"
        prefix=$2
        shift
        ;;
      --prefix=*) prefix=${1#*=} ;;
      --no-modify-path) modify_path='' ;;
      --uninstall) action=uninstall ;;
      -h | --help)
        usage
        return
        ;;
      *) misused "unknown argument '$1'" ;;
    esac
    shift
  done

  unset CDPATH
  for tool in awk cat chmod cksum cp dirname find grep head mkdir mv printf readlink rm rmdir sed sort tail tr wc; do
    need_cmd "$tool"
  done
  choose_prefix
  "$action"
}

# ---- Where everything is.

choose_prefix() {
  here=$(dirname -- "$0")
  if [ -z "$prefix" ] && [ -f "$here/receipt" ] && [ -f "$here/shims/uv" ]; then
    # This is the copy of install.sh that an earlier run has left where it set things up.
    prefix=$(cd -- "$here" && pwd)
  elif [ -z "$prefix" ]; then
    [ -n "${XDG_DATA_HOME:-}${HOME:-}" ] || fail "HOME is not set, so there is no default place. Name a folder with --prefix."
    prefix=${XDG_DATA_HOME:-${HOME:-}/.local/share}/uv-shim
  fi
  while :; do
    case $prefix in
      ?*/) prefix=${prefix%/} ;;
      *) break ;;
    esac
  done
  case $prefix in
    /*) ;;
    *) prefix=$(pwd)/$prefix ;;
  esac
  # It is written into shell files, between double quotes, and into PATH.
  case $prefix in
    *[\"\$\`\\:]* | *'
'*) fail "cannot install in '$prefix': a path with one of \" \$ \` \\ : or a newline does not go into PATH." ;;
  esac
  receipt=$prefix/receipt
  shims=$prefix/shims
  # Removed by hand, the folder must not break the start of every shell: dash ends at a file that `.` cannot find.
  line="if [ -r \"$prefix/env\" ]; then . \"$prefix/env\"; fi"
}

# ---- Set up.

install() {
  find_sources
  changed=''
  find_uv
  find_python
  claim_prefix
  [ -n "$uv" ] || fetch_uv
  fresh=''
  if [ "$source" != "$(cd -- "$prefix" && pwd -P)" ]; then copy_sources; fi
  # What the shim remembers of uv binaries, and the uv of the demo.
  if [ -n "${XDG_CACHE_HOME:-}${HOME:-}" ]; then record folder "${XDG_CACHE_HOME:-${HOME:-}/.cache}/uv-shim"; fi
  note "$uv" "$prefix/real-uv"
  note "case \":\${PATH-}:\" in
  *\":$shims:\"*) ;;
  *) export PATH=\"$shims\${PATH:+:\$PATH}\" ;;
esac" "$prefix/env"
  make_environment
  # So that the sealing path starts fast: it reads compiled files, and never writes any.
  "$runs" -I -m compileall -q "$prefix/src" >"$log" 2>&1 || say "not compiled: $(last_line)"
  touched=''
  if [ -n "$modify_path" ]; then modify_path; fi

  if [ -n "$changed" ]; then say "set up in $prefix"; else say "already set up in $prefix: nothing has changed"; fi
  say "the real uv is $uv"
  [ -z "$touched" ] || say "added to PATH in$touched"
  say "type now: . \"$prefix/env\"  (a new shell does it by itself, if PATH was set up for it)"
  cleanup
  trap - EXIT HUP INT TERM
  if [ -n "$demo" ]; then "$shims/uv-shim" demo; fi
}

# The folder with shims/ and src/: beside this file, or the working directory where this comes through a pipe.
find_sources() {
  for folder in "$here" .; do
    if [ -f "$folder/shims/uv" ] && [ -f "$folder/src/uv_shim/launch.py" ]; then
      source=$(cd -- "$folder" && pwd -P)
      return
    fi
  done
  fail "shims/uv and src/uv_shim are not beside $0. Run install.sh from the unpacked sources."
}

# The prefix is new, empty, or ours already.
claim_prefix() {
  fresh='' new='' folder=$prefix
  while ! [ -d "$folder" ]; do
    new="$folder
$new"
    folder=$(dirname -- "$folder")
  done
  staging=$prefix/.staging.$$
  log=$staging/log
  mkdir -p -- "$prefix" || fail "cannot make $prefix. Name another folder with --prefix."
  if ! [ -e "$receipt" ]; then
    fresh=1
    if [ -n "$(find "$prefix/." ! -name . -prune -print)" ]; then
      fail "$prefix is not empty, and there is no receipt of uv-shim in it. Nothing was done; name another folder with --prefix."
    fi
    # Parents first: the receipt is undone from its end.
    printf '%s' "$new" | sed 's/^/directory /' >"$receipt" || fail "cannot write in $prefix. Name another folder with --prefix."
  fi
  trap cleanup EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  rm -rf -- "$prefix"/.staging.*
  mkdir -- "$staging"
}

cleanup() {
  rm -rf -- "$staging"
  # Ended before anything was set up: then nothing stays.
  if [ -n "$fresh" ]; then
    entries=$(sed -n '1!G;h;$p' "$receipt")
    rm -f -- "$receipt"
    undo directory
  fi
}

# The real uv on PATH: no copy of the shim, and rather a binary called uv than another manager's launcher of that name.
find_uv() {
  uv='' launcher='' rest=${PATH-}:
  while [ -n "$rest" ]; do
    candidate=${rest%%:*}
    candidate=${candidate:-.}/uv
    rest=${rest#*:}
    if ! [ -f "$candidate" ] || ! [ -x "$candidate" ]; then continue; fi
    case $candidate in
      /*) ;;
      *) candidate=$(pwd)/$candidate ;;
    esac
    target=$(readlink -f -- "$candidate") || continue
    if [ -e "${target%/*}/../src/uv_shim/launch.py" ]; then continue; fi
    case $("$candidate" --version 2>/dev/null </dev/null) in
      'uv '*) ;;
      *) continue ;;
    esac
    case ${target##*/},$(LC_ALL=C head -c 2 "$target" | tr -d '\000') in
      uv,'#!') ;;
      uv,*)
        uv=$candidate
        return
        ;;
    esac
    launcher=${launcher:-$candidate}
  done
  uv=$launcher
  # One that was fetched at an earlier run is still there.
  if [ -z "$uv" ] && [ -r "$prefix/real-uv" ]; then
    IFS= read -r uv <"$prefix/real-uv" || :
    [ -x "$uv" ] || uv=''
  fi
}

# Its own path, not that of a version manager's launcher.
find_python() {
  ask='import sys; print(sys.executable); sys.exit(sys.version_info < (3, 8))'
  python=$(python3 -c "$ask" 2>/dev/null) && return
  if [ -n "$uv" ]; then
    python=$("$uv" python find 2>/dev/null) && python=$("$python" -c "$ask" 2>/dev/null) && return
  fi
  fail "Python 3.8 or later is needed, and there is no such python3 on PATH."
}

fetch_uv() {
  say "there is no uv on PATH: fetching one from the package index"
  pip=$python
  if ! "$python" -m pip --version >/dev/null 2>&1; then
    pip=$staging/pip/bin/python3
    "$python" -m venv "$staging/pip" >"$log" 2>&1 ||
      fail "there is no uv on PATH, and $python has neither pip nor ensurepip to fetch one." \
        "Install uv, or pip (on Debian: apt-get install python3-pip), and run this again."
  fi
  PIP_USER=0 "$pip" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --target "$staging/uv" uv \
    >"$log" 2>&1 || fail "there is no uv on PATH, and none could be fetched: $(last_line)" "Install uv, and run this again."
  record folder "$prefix/uv"
  rm -rf -- "$prefix/uv"
  fresh=''
  mv -- "$staging/uv" "$prefix/uv"
  uv=$prefix/uv/bin/uv
}

# Copied to the side first, then renamed into place: who is running the old one keeps it.
copy_sources() {
  mkdir -- "$staging/new" "$staging/old"
  cp -R -- "$source/src" "$source/shims" "$staging/new"
  find "$staging/new" -name '__pycache__' -prune -exec rm -rf {} +
  # install.sh too, so that --uninstall is at hand without the sources; and through a pipe there is none.
  if [ -f "$source/install.sh" ]; then cp -- "$source/install.sh" "$staging/new/shims"; fi
  chmod 755 "$staging/new/shims"/*

  record folder "$prefix/src"
  if [ "$(fingerprint "$staging/new/src")" != "$(fingerprint "$prefix/src")" ]; then
    changed=1
    if [ -e "$prefix/src" ]; then mv -- "$prefix/src" "$staging/old"; fi
    mv -- "$staging/new/src" "$prefix/src"
  fi
  record directory "$shims"
  mkdir -p -- "$shims"
  for new in "$staging/new/shims"/*; do
    file=$shims/${new##*/}
    [ "${new##*/}" != install.sh ] || file=$prefix/install.sh
    record file "$file"
    if [ -x "$file" ] && [ "$(cksum <"$new")" = "$(cksum <"$file")" ]; then continue; fi
    changed=1
    mv -f -- "$new" "$file"
  done
}

fingerprint() {
  if [ -d "$1" ]; then (cd -- "$1" && find . -type f ! -name '*.pyc' -exec cksum {} + | LC_ALL=C sort); fi
}

# note TEXT FILE: the file holds just that text.
note() {
  record file "$2"
  if [ -r "$2" ] && [ "$(cat -- "$2")" = "$1" ]; then return; fi
  changed=1
  printf '%s\n' "$1" >"$staging/note"
  mv -f -- "$staging/note" "$2"
}

# The environment of the management command. Without pip in it: that takes seconds and megabytes, and Debian's Python may have none.
make_environment() {
  record folder "$prefix/venv"
  runs=$prefix/venv/bin/python3
  if "$runs" -I -B -c 'import msgpack, packaging, psutil, tomli_w' 2>/dev/null; then return; fi
  changed=1
  if ! "$runs" -I -c '' 2>/dev/null; then
    rm -rf -- "$prefix/venv"
    if ! "$python" -m venv --without-pip "$prefix/venv" >"$log" 2>&1; then
      rm -rf -- "$prefix/venv"
      if ! "$uv" venv --quiet --python "$python" "$prefix/venv" >>"$log" 2>&1; then
        rm -rf -- "$prefix/venv"
        runs=$python
        say "the shim works, but the management command has no environment: $(last_line)"
        return
      fi
    fi
  fi
  # The settings of a project that this is run in, or of a call, are not meant for this.
  # shellcheck disable=SC2086  # the packages are words
  if (cd -- "$staging" && unset UV_REQUIRE_HASHES UV_NO_VERIFY_HASHES UV_CONSTRAINT UV_OVERRIDE UV_PYTHON VIRTUAL_ENV &&
    "$uv" pip install --quiet --python "$runs" $packages) >"$log" 2>&1; then return; fi
  site=$("$runs" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  # shellcheck disable=SC2086
  if PIP_USER=0 "$python" -m pip install --quiet --disable-pip-version-check --target "$site" $packages >>"$log" 2>&1; then return; fi
  say "the shim works, but packages of the management command are missing ($packages): $(last_line)"
}

# Why the last command failed.
last_line() {
  awk 'NF { last = $0 } END { print last }' "$log"
}

# record KIND PATH: into the receipt, before it is done.
record() {
  if ! grep -qxF -- "$1 $2" "$receipt"; then printf '%s %s\n' "$1" "$2" >>"$receipt"; fi
}

# ---- PATH.

modify_path() {
  if [ -n "${HOME:-}" ] && [ -d "$HOME" ]; then
    add_line "$HOME/.profile"
    # A login bash reads the first of these that exists, and then no .profile; others read .bashrc.
    for file in "$HOME/.bash_profile" "$HOME/.bash_login"; do
      if [ -f "$file" ]; then add_line "$file"; fi
    done
    if [ -f "$HOME/.bashrc" ] || command -v bash >/dev/null 2>&1; then add_line "$HOME/.bashrc"; fi
    if [ -f "${ZDOTDIR:-$HOME}/.zshenv" ] || command -v zsh >/dev/null 2>&1; then add_line "${ZDOTDIR:-$HOME}/.zshenv"; fi
    config=${XDG_CONFIG_HOME:-$HOME/.config}
    if [ -d "$config/fish" ] || command -v fish >/dev/null 2>&1; then add_fish; fi
  else
    say "there is no home folder, so no start file of a shell was touched"
  fi
  # GitHub Actions: each step has a file of its own, and PATH already tells what the steps before have added.
  case ":${PATH-}:" in
    *":$shims:"*) ;;
    *) if [ -n "${GITHUB_PATH:-}" ] && ! grep -qxF -- "$shims" "$GITHUB_PATH" 2>/dev/null; then
      changed=1
      record github "$GITHUB_PATH"
      printf '%s\n' "$shims" >>"$GITHUB_PATH"
      touched="$touched GITHUB_PATH"
    fi ;;
  esac
}

# The line goes to the end, so that it comes first on PATH. The receipt says what else was added with it.
add_line() {
  if grep -qxF -- "$line" "$1" 2>/dev/null; then
    if ! grep -qxF -e "line $1" -e "line-after-newline $1" -e "created $1" "$receipt"; then record line "$1"; fi
    return
  fi
  kind=line
  if ! [ -e "$1" ]; then
    kind=created
  elif [ -n "$(tail -c 1 -- "$1" 2>/dev/null)" ]; then
    kind='line-after-newline'
  fi
  # What an earlier run has recorded is no longer so.
  grep -vxF -e "line $1" -e "line-after-newline $1" -e "created $1" "$receipt" >"$staging/receipt" || :
  mv -f -- "$staging/receipt" "$receipt"
  record "$kind" "$1"
  changed=1
  case $kind in
    line-after-newline) text="
$line" ;;
    *) text=$line ;;
  esac
  if (printf '%s\n' "$text" >>"$1") 2>/dev/null; then
    touched="$touched $1"
  else
    say "cannot write $1; add this line to it: $line"
  fi
}

add_fish() {
  folder=$config/fish/conf.d
  new=''
  while ! [ -d "$folder" ]; do
    new="$folder
$new"
    folder=$(dirname -- "$folder")
  done
  printf '%s' "$new" >"$staging/new-folders"
  while IFS= read -r folder; do
    record directory "$folder"
  done <"$staging/new-folders"
  file=$config/fish/conf.d/uv-shim.fish
  text="contains -- \"$shims\" \$PATH; or set -gx PATH \"$shims\" \$PATH"
  if [ -e "$file" ] && [ "$(cat -- "$file")" != "$text" ]; then
    say "$file is there already and is not from here: left alone"
  elif ! mkdir -p -- "$config/fish/conf.d" 2>/dev/null || ! [ -w "$config/fish/conf.d" ]; then
    say "cannot write $file: fish is not set up"
  else
    [ -e "$file" ] || touched="$touched $file"
    note "$text" "$file"
  fi
}

# ---- Uninstall.

uninstall() {
  if ! [ -f "$receipt" ]; then
    say "nothing to remove: there is no receipt in $prefix"
    return
  fi
  failed=''
  # A copy in memory, undone from its end, as it goes away itself.
  entries=$(sed -n '1!G;h;$p' "$receipt")
  undo line line-after-newline created github file folder
  if [ -n "$failed" ]; then
    fail "not everything could be removed; $receipt still says what there is."
  fi
  rm -rf -- "$prefix"/.staging.*
  rm -f -- "$receipt"
  undo directory
  if [ -d "$prefix" ]; then say "$prefix was kept: there is something in it that is not from here, or it was there before"; fi
  say "removed. Shells that are running still have $shims on PATH."
}

undo() {
  while IFS= read -r entry; do
    kind=${entry%% *}
    case " $* " in
      *" $kind "*) ;;
      *) continue ;;
    esac
    path=${entry#* }
    case $kind in
      line | line-after-newline | created) remove_line "$kind" "$path" "$line" || failed=1 ;;
      github) remove_line line "$path" "$shims" || failed=1 ;;
      file) rm -f -- "$path" || failed=1 ;;
      folder) rm -rf -- "$path" || failed=1 ;;
      directory) rmdir -- "$path" 2>/dev/null || : ;;
    esac
  done <<EOF
$entries
EOF
}

# remove_line KIND FILE LINE: leaves the file, byte for byte, as it would be without the line.
remove_line() {
  if ! [ -e "$2" ]; then return 0; fi
  file=$(readlink -f -- "$2")
  # Where the line begins and ends, in bytes.
  place=$(LINE=$3 LC_ALL=C awk '$0 == ENVIRON["LINE"] { printf "%d %d", at, at + length($0) + 1; exit } { at += length($0) + 1 }' "$file") ||
    return 1
  if [ -z "$place" ]; then return 0; fi
  start=${place% *} end=${place#* }
  # The newline before it came with it. What was written behind it since still needs one.
  if [ "$1" = line-after-newline ] && [ "$end" -ge "$(($(wc -c <"$file")))" ]; then start=$((start - 1)); fi
  copy=$file.uv-shim.$$
  # Its mode and owner are kept, and there is never half a file.
  if ! cp -p -- "$file" "$copy" || ! {
    if [ "$start" -gt 0 ]; then head -c "$start" "$file"; fi && tail -c "+$((end + 1))" "$file"
  } >"$copy"; then
    rm -f -- "$copy"
    say "cannot take a line out of $2: $3"
    return 1
  fi
  if [ "$1" = created ] && ! [ -s "$copy" ]; then
    rm -f -- "$file" "$copy"
  else
    mv -f -- "$copy" "$file"
  fi
}

# In braces, so that a download that was cut off anywhere, here too, is no whole command.
{ main "$@"; }

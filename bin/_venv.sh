# Sourced by bin/serve and bin/test: the virtual environment, and what only the system can provide.
# Written for bash 3.2, which is what macOS has.

say() { printf '%s\n' "$*" >&2; }

die() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  shift
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit 1
}

# apt_install PACKAGE…: 0 when installed, 1 when this is no Debian, we are not root, or apt failed.
apt_install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || return 1
  say "Installing $* with apt …"
  # Lists may be missing or stale on a fresh machine: update only when the first try fails.
  apt_get install "$@" || { apt_get update && apt_get install "$@"; }
}

apt_get() {
  # At run level 1 no package starts its service.
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@" >/dev/null
}

# find_python: prints the command of a Python that is new enough.
find_python() {
  for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  return 1
}

make_venv() {
  python=$(find_python) || { apt_install python3 python3-venv && python=$(find_python); } ||
    die "Python 3.11 or newer was not found." \
      "Install it (Debian: apt-get install python3 python3-venv; macOS: brew install python)," \
      "or name one: PYTHON=/path/to/python3 ${0##*/}"
  # Debian ships venv without ensurepip, and without the right package the failure comes half-way.
  "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 || apt_install python3-venv ||
    die "$python cannot make virtual environments: ensurepip is missing." \
      "As root: apt-get install python3-venv"
  say "Making .venv …"
  # Through a link, --clear would empty what other installations use.
  [ ! -L .venv ] || rm .venv
  "$python" -m venv --clear .venv ||
    die ".venv could not be made." "Look at the lines above; is the disk full, or the folder not yours?"
}

# stamp_of FILE…: what .venv was made from. Console scripts hold the absolute path, so a moved folder counts.
stamp_of() { pwd -P; cat "$@"; }

# ensure_venv NAME FILE…: .venv with the requirements of the last FILE, which reads the others, installed.
# The stamp is written last: an installation that was cut short runs again. NAME tells the stamps apart.
ensure_venv() {
  stamp=".venv/.installed-$1"
  shift
  if [ -f "$stamp" ] && stamp_of "$@" | cmp -s - "$stamp"; then
    leave_env_file_alone
    return
  fi
  for requirements in "$@"; do :; done
  here=$(pwd -P)
  if ! .venv/bin/python -m pip --version >/dev/null 2>&1 || [ "$(cat .venv/.made-in 2>/dev/null)" != "$here" ]; then
    make_venv
    printf '%s\n' "$here" >.venv/.made-in
  fi
  say "Installing $requirements …"
  .venv/bin/python -m pip install -qq --disable-pip-version-check -r "$requirements" ||
    die "$requirements could not be installed." \
      "pip's own words are above. Without a network, point pip at a local index (pip config) and start again."
  leave_env_file_alone
  stamp_of "$@" >"$stamp"
}

# The flask command would read .env before Bellhop starts, and end with a traceback if it cannot. config.py reads it.
leave_env_file_alone() {
  for folder in .venv/lib/python3.*/site-packages; do
    [ -f "$folder/bellhop.pth" ] ||
      echo 'import os; os.environ.setdefault("FLASK_SKIP_DOTENV", "1")' >"$folder/bellhop.pth"
  done
}

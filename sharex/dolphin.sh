#!/usr/bin/env bash
# Dolphin's menu entry "Upload to HOST". Run without arguments it puts itself into the menu; with files it uploads them.
# Source: https://develop.kde.org/docs/apps/dolphin/service-menus/
set -euo pipefail

install_entry() {
  local self menus=${XDG_DATA_HOME:-$HOME/.local/share}/kio/servicemenus
  self=$(readlink -f -- "$0")
  chmod 700 -- "$self" # the token is in it
  mkdir -p -- "$menus"
  # In Exec a quoted argument has \ before " ` $ and \, the whole value has \\ for \, and % is doubled:
  # https://specifications.freedesktop.org/desktop-entry-spec/latest/exec-variables.html
  self=$(printf %s "$self" | sed -e 's/[\\"`$]/\\&/g' -e 's/\\/\\\\/g' -e 's/%/%%/g')
  cat >"$menus/bowerbird-upload.desktop" <<END
[Desktop Entry]
Type=Service
MimeType=image/*;
Actions=bowerbirdUpload

[Desktop Action bowerbirdUpload]
Name=Upload to HOST
Icon=cloud-upload
Exec="$self" %F
END
  chmod 755 -- "$menus/bowerbird-upload.desktop" # KDE takes no entry from a home folder that is not executable
  printf 'Dolphin has the entry now: %s\n' "$menus/bowerbird-upload.desktop"
}

sentence() { # of the refusal, which curl(22) precedes with its status; any other failure is curl's own to tell
  sed -E -e '/^curl: \(22\)/d' -e 's/^\{"error": ?"(([^"\\]|\\.)*)".*/\1/'
}

tell() {
  printf '%s: %s\n' "$1" "$2" >&2
  if command -v notify-send >/dev/null; then notify-send --app-name=Bowerbird -- "$1" "$2" || true; fi
}

copy() {
  if [ -n "${WAYLAND_DISPLAY:-}" ] && command -v wl-copy >/dev/null; then
    wl-copy -- "$1"
  elif command -v xclip >/dev/null; then
    printf %s "$1" | xclip -selection clipboard >/dev/null # it goes on in the background and would hold the output
  else
    return 1
  fi
}

if [ $# -eq 0 ]; then
  install_entry
  exit
fi
addresses=
for file in "$@"; do
  case $file in -*) file=./$file ;; esac # it would be an option
  if ! answer=$(curl -gsS --fail-with-body -H @- -H 'Accept: text/plain' -T "$file" 'https://HOST/api/upload/' \
    2>&1 <<<'Authorization: Bearer TOKEN'); then
    tell "Not uploaded: ${file##*/}" "$(sentence <<<"$answer")"
    exit 1
  fi
  printf '%s\n' "$answer"
  addresses+=${addresses:+$'\n'}$answer
done
if copy "$addresses" 2>/dev/null; then tell Uploaded "$addresses"; else tell 'Uploaded, not copied' "$addresses"; fi

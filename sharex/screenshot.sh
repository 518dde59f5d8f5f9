#!/usr/bin/env bash
# Takes a picture of a part of the screen, uploads it to HOST and puts its address on the clipboard.
# The program that takes it is the first argument, or the one named here.
set -euo pipefail

tool=${1:-flameshot}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
picture=$folder/$tool.png

sentence() { # of the refusal, which curl(22) precedes with its status; any other failure is curl's own to tell
  sed -E -e '/^curl: \(22\)/d' -e 's/^\{"error": ?"(([^"\\]|\\.)*)".*/\1/'
}

tell() {
  printf '%s: %s\n' "$1" "$2" >&2
  if command -v notify-send >/dev/null; then notify-send --app-name=Bowerbird -- "$1" "$2" || true; fi
}

capture() {
  case $tool in
    flameshot) flameshot gui --raw >"$picture" ;;
    spectacle) spectacle --background --nonotify --region --output "$picture" ;;
    grim) grim -g "$(slurp)" "$picture" ;;
    gnome-screenshot) gnome-screenshot --area --file="$picture" ;;
    maim) maim --select --hidecursor "$picture" ;;
    scrot) scrot --select "$picture" ;;
    *) printf '%s: none of flameshot, spectacle, grim, gnome-screenshot, maim, scrot\n' "$tool" >&2 && return 2 ;;
  esac
}

# Flameshot before 13 ends with 0 when it was aborted, and before 0.11 its word for that is all there is in the file:
# https://github.com/flameshot-org/flameshot/issues/3321, https://github.com/flameshot-org/flameshot/issues/1771
is_png() { [ "$(head -c 4 "$picture" 2>/dev/null | tail -c 3)" = PNG ]; }

copy() {
  if [ -n "${WAYLAND_DISPLAY:-}" ] && command -v wl-copy >/dev/null; then
    wl-copy -- "$1"
  elif command -v xclip >/dev/null; then
    printf %s "$1" | xclip -selection clipboard >/dev/null # it goes on in the background and would hold the output
  elif command -v xsel >/dev/null; then
    printf %s "$1" | xsel --clipboard --input >/dev/null
  else
    return 1
  fi
}

if ! capture || ! is_png; then
  echo 'nothing was captured' >&2
  exit 1
fi
# The token goes to curl by standard input: on the command line every user of the machine could read it.
if ! answer=$(curl -gsS --fail-with-body -H @- -H 'Accept: text/plain' -T "$picture" 'https://HOST/api/upload/' \
  2>&1 <<<'Authorization: Bearer TOKEN'); then
  tell 'Not uploaded' "$(sentence <<<"$answer")"
  exit 1
fi
printf '%s\n' "$answer"
if copy "$answer" 2>/dev/null; then tell Uploaded "$answer"; else tell 'Uploaded, not copied' "$answer"; fi

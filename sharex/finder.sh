# shellcheck shell=bash
# For the action "Run Shell Script" of a Finder quick action, which passes files as arguments; runs in zsh and bash 3.2.
sentence() { # of the refusal, which curl(22) precedes with its status; any other failure is curl's own to tell
  sed -E -e '/^curl: \(22\)/d' -e 's/^\{"error": ?"(([^"\\]|\\.)*)".*/\1/'
}
tell() {
  # What is told goes as an argument: in the text of the script it could be a command.
  osascript -e 'on run told' -e 'display notification (item 2 of told) with title (item 1 of told)' -e 'end run' -- "$1" "$2"
}
addresses=
for file in "$@"; do
  if ! answer=$(curl -gsS --fail-with-body -H @- -H 'Accept: text/plain' -T "$file" 'https://HOST/api/upload/' \
    2>&1 <<<'Authorization: Bearer TOKEN'); then
    tell "Not uploaded: ${file##*/}" "$(sentence <<<"$answer")"
    exit 1
  fi
  addresses+=${addresses:+$'\n'}$answer
done
printf %s "$addresses" | pbcopy
tell Uploaded "$addresses"

#!/usr/bin/env bash
# ksnip's upload script for HOST. What it prints goes to the clipboard as it is, its exit code is not looked at, and
# anything on stderr is a failure: so the address alone, or nothing but an error.
# Source: https://github.com/ksnip/ksnip/blob/master/src/backend/uploader/script/ScriptUploader.cpp
if ! answer=$(curl -gsS --fail-with-body -H @- -H 'Accept: text/plain' -T "$1" 'https://HOST/api/upload/' \
  2>&1 <<<'Authorization: Bearer TOKEN'); then
  # of a refusal the server's sentence alone; curl(22) precedes it with its status
  sed -E -e '/^curl: \(22\)/d' -e 's/^\{"error": ?"(([^"\\]|\\.)*)".*/\1/' <<<"$answer" >&2
  exit 1
fi
printf %s "$answer"

#!/bin/sh
# Checks the evidence of a release without goaround: sh verify.sh [NUMBER:DIGEST], in the folder where the bundle was
# unpacked. Needs sha256sum, jq and OpenSSH's ssh-keygen. NUMBER:DIGEST is a head that a tag or a notice told of.
set -eu
bad=0
notes=$(mktemp -d)
trap 'rm -rf "$notes"' EXIT
wrong() { printf 'WRONG: %s\n' "$*" >&2; bad=1; }

# 1. Every file is the one that the manifest tells, and there are no others.
jq -r '.sha256 | to_entries[] | "\(.value)  \(.key)"' manifest.json > "$notes/sums"
sha256sum --check --quiet "$notes/sums" >&2 || wrong "files were altered"
find . -type f | sed 's|^\./||' | while read -r file; do
    case $file in manifest.json | manifest.json.sig) continue ;; esac
    jq -e --arg file "$file" '.sha256[$file]' manifest.json > /dev/null || echo "$file"
done > "$notes/strange"
[ ! -s "$notes/strange" ] || wrong "not in the manifest: $(cat "$notes/strange")"

# 2. Each event begins with the digest of the line before it.
previous=sha256:0000000000000000000000000000000000000000000000000000000000000000
number=0
: > "$notes/heads"
while IFS= read -r line; do
    number=$((number + 1))
    [ "$(printf '%s' "$line" | jq -r '.[0]')" = "$previous" ] || wrong "event $number does not follow the one before"
    [ "$(printf '%s' "$line" | jq -r '.[1]')" = "$number" ] || wrong "event $number has another number"
    previous=sha256:$(printf '%s' "$line" | sha256sum | cut -d' ' -f1)
    printf '%s:%s\n' "$number" "$previous" >> "$notes/heads"
done < journal.jsonl
[ -z "${1:-}" ] || grep -qxF "$1" "$notes/heads" || wrong "the journal does not hold $1"

# 3. The controller signed the manifest and sealed the journal; people signed their statements. What each signed names
#    an event of this journal.
service=$(jq -r .service manifest.json)
signed() { # FILE NAMESPACE BY ALLOWED
    ssh-keygen -Y verify -f "$4" -I "$3" -n "$2" -s "$1.sig" < "$1" > /dev/null 2>&1 ||
        wrong "$1: no good signature of $3"
    [ "$1" != manifest.json ] || return 0
    jq -r '(.predicate // .).journal | "\(.number):\(.digest)"' "$1" | grep -qxFf "$notes/heads" ||
        wrong "$1 was signed under another journal"
}
if [ -s controller.pub ]; then
    printf 'goaround %s\n' "$(cat controller.pub)" > "$notes/controller"
    signed manifest.json "journal@$service" goaround "$notes/controller"
    for file in signatures/*-seal.json; do
        [ ! -e "$file" ] || signed "$file" "journal@$service" goaround "$notes/controller"
    done
    for file in signatures/*-sign-off.json signatures/*-break-glass.json; do
        [ ! -e "$file" ] || signed "$file" "release-signoff@$service" "$(jq -r .predicate.by "$file")" allowed_signers
    done
fi
[ "$bad" = 1 ] || echo "$number events; all is as it was; head $number:$previous"
exit "$bad"

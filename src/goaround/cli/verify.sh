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
sha256sum --check --strict --quiet "$notes/sums" >&2 || wrong "files were altered"
find . ! -type d -print0 | tr '\n\0' '?\n' | sed 's|^\./||' | while IFS= read -r file; do
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

# 3. Whose keys count, and what was signed with them, is what the journal has.
events() { jq -r --arg release "$(jq -r .release manifest.json)" 'select(.[3] == $release)
    | .[1] as $number | .[4] | fromjson | '"$1" journal.jsonl; }
for field in controller_key:controller.pub allowed_signers:allowed_signers; do
    [ "$(events "select(.type == \"opened\") | .${field%%:*} // \"\"")" = "$(cat "${field#*:}")" ] ||
        wrong "${field#*:} is not what the release was opened with"
done
events 'select((.signature // "") != "") | {signed: "sign-off", broke_glass: "break-glass", sealed: "seal"}[.type] as $kind
    | "\($number) signatures/\($number + 100000 | tostring[1:])-\($kind).json"' > "$notes/given"
while read -r number_given file; do
    for field in "(.statement // .document):" .signature:.sig; do
        events "select(\$number == $number_given) | ${field%%:*}" > "$notes/said"
        { cat "$file${field#*:}"; echo; } | cmp -s - "$notes/said" || wrong "$file${field#*:} is not what the journal has"
    done
done < "$notes/given"

# 4. The controller signed the manifest and sealed the journal; people signed their statements. What each signed names
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
says="all is as it was"
[ -s "$notes/given" ] || says="nothing in it is signed: it holds together, and anybody could have made it"
[ "$bad" = 1 ] || echo "$number events; $says; head $number:$previous"
exit "$bad"

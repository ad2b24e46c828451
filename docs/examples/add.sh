#!/bin/sh
# A provider for `macula serve --exec`: arguments {"a":1,"b":2} on standard input, result {"sum":3} on standard output.
set -eu
args=$(cat)
number() { printf '%s' "$args" | sed -n "s/.*\"$1\": *\(-\{0,1\}[0-9]\{1,\}\).*/\1/p"; }
a=$(number a) b=$(number b)
if [ -z "$a" ] || [ -z "$b" ]; then
  echo "a and b must be whole numbers; got: $args" >&2
  exit 1
fi
printf '{"sum":%d}\n' "$((a + b))"

#!/bin/sh
# Makes .venv-peer with the published package, which needs Python 3.13 and the import name `asap`.
# Where there is no such Python the peer tests say that they were left out.
set -eu
cd "$(dirname "$0")/../../.."
[ -x .venv-peer/bin/python ] && exit 0
for python in python3.13 python3.14 "$HOME"/.pyenv/versions/3.1[34]*/bin/python; do
    "$python" -c "" 2>/dev/null || continue
    "$python" -m venv .venv-peer
    .venv-peer/bin/pip install --quiet --disable-pip-version-check asap-protocol==2.5.10
    exit 0
done
echo "no Python 3.13 or newer: the tests against the published package will be left out" >&2

#!/bin/sh
# The system parts that tests use. As root on Debian or Ubuntu it installs what is missing and says so; elsewhere it
# prints the one line to run, and the tests that need a missing part say so and are skipped (in CI they fail).
set -eu
missing=""
need() { # need PACKAGE TEST...
    package=$1; shift
    if ! "$@" >/dev/null 2>&1; then missing="$missing $package"; fi
}
has_file() { [ -e "$1" ]; }
chromium_there() { command -v chromium || command -v chromium-browser; }
need chromium chromium_there
need softhsm2 command -v softhsm2-util
need opensc command -v pkcs11-tool
need poppler-utils command -v pdftotext
need zbar-tools command -v zbarimg
need python3-venv /usr/bin/python3 -c 'import ensurepip, venv'
need socat command -v socat
need e2fsprogs command -v mkfs.ext4
need gcc command -v gcc
need libc6-dev has_file /usr/include/stdio.h
need libfaketime has_file "/usr/lib/$(uname -m)-linux-gnu/faketime/libfaketime.so.1"
need python3-botan /usr/bin/python3 -c 'import botan2'
need fonts-noto-core has_file /usr/share/fonts/truetype/noto/NotoSansArabic-Regular.ttf
need fonts-wqy-microhei has_file /usr/share/fonts/truetype/wqy/wqy-microhei.ttc
[ -z "$missing" ] && exit 0
if [ "${PARTS:-install}" = none ]; then
    echo "Missing parts:$missing. PARTS=none: nothing is installed, the tests that need them are skipped."
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing what the tests need:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "The tests that need$missing will be skipped. To run them too:  sudo apt-get install --no-install-recommends$missing"
fi

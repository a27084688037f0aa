#!/bin/sh
# Installs Ampoule on Debian or Ubuntu as services of the system; again: brings the installation to this release.
# Needs neither make nor the tests' tools. `sh install.sh --help` says what it makes; `--uninstall` keeps all data.
set -eu

HOME_DIR=/opt/ampoule
CONFIG_DIR=/etc/ampoule
SERVER_USER=ampoule
MODULE_USER=ampoule-module
OFFICER_USER=keymanager
SERVER_DATA=/var/lib/ampoule
MODULE_DATA=/var/lib/ampoule-module
UNITS=/etc/systemd/system
# The system's own Python: one under somebody's home could not be run by the services' users.
PYTHON=${PYTHON:-/usr/bin/python3}
SOURCE=$(cd "$(dirname "$0")" && pwd)

usage() {
    cat <<TEXT
sh install.sh [--no-packages] [--no-start]    install, or bring to this release
sh install.sh --uninstall                     remove programs and services; data, settings and users stay

It makes
  $HOME_DIR              the programs, in a Python environment of their own
  $CONFIG_DIR/ampoule.toml   the settings (kept when it is there)
  $SERVER_DATA           the server's data, for the user $SERVER_USER alone
  $MODULE_DATA    the key file and the issuance log, for the user $MODULE_USER alone
  the users $SERVER_USER, $MODULE_USER and $OFFICER_USER (who opens the module), none of whom can sign in
  the services ampoule-module, ampoule, ampoule-worker (PostgreSQL only) and the timers ampoule-doctor and ampoule-keys-backup
  ampoule, keystore and meter in /usr/local/bin

--no-packages   installs no package of the system and says which are missing
--no-start      starts nothing
PYTHON=/path    another Python than /usr/bin/python3
TEXT
}

say() { printf '%s\n' "$*"; }
fail() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
systemd_runs() { [ -d /run/systemd/system ]; }

packages=yes start=yes act=install
for argument in "$@"; do
    case $argument in
        --no-packages) packages=no ;;
        --no-start) start=no ;;
        --uninstall) act=uninstall ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; fail "$argument is not known." ;;
    esac
done

[ "$(id -u)" = 0 ] || fail "This needs root, because it makes users and services: sudo sh install.sh"
# shellcheck disable=SC1091
family=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${ID_LIKE:-}") || family=
case " $family " in
    *" debian "* | *" ubuntu "*) ;;
    *) fail "This is neither Debian nor Ubuntu (/etc/os-release says '$family'). The deployer's guide has the steps for other systems." ;;
esac

uninstall() {
    for unit in ampoule-keys-backup.timer ampoule-keys-backup.service ampoule-doctor.timer ampoule-doctor.service ampoule-worker.service ampoule.service ampoule-module.service; do
        if systemd_runs; then systemctl disable --now "$unit" >/dev/null 2>&1 || true; fi
        rm -f "$UNITS/$unit" "$UNITS/multi-user.target.wants/$unit" "$UNITS/timers.target.wants/$unit"
    done
    if systemd_runs; then systemctl daemon-reload; fi
    for program in ampoule keystore meter; do
        if grep -qs "$HOME_DIR/" "/usr/local/bin/$program"; then rm -f "/usr/local/bin/$program"; fi
    done
    rm -rf "$HOME_DIR"
    say "Ampoule is removed. Kept: $SERVER_DATA, $MODULE_DATA, $CONFIG_DIR and the users."
    say "Installing again goes on where it was. To throw a site away for ever, remove those three folders yourself."
}

need_packages() {
    missing=
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || missing="$missing python3"
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
    [ -e /usr/share/fonts/truetype/noto/NotoSansArabic-Regular.ttf ] || missing="$missing fonts-noto-core"
    [ -e /usr/share/fonts/truetype/wqy/wqy-microhei.ttc ] || missing="$missing fonts-wqy-microhei"
    command -v runuser >/dev/null || missing="$missing util-linux"
    if [ -n "$missing" ]; then
        if [ "$packages" = no ]; then
            say "Missing packages of the system:$missing"
        else
            say "Installing packages of the system:$missing"
            export DEBIAN_FRONTEND=noninteractive
            apt-get update -qq
            # shellcheck disable=SC2086
            apt-get install -y -qq --no-install-recommends $missing >/dev/null
        fi
    fi
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        fail "Ampoule needs Python 3.11 or newer; $("$PYTHON" --version 2>&1 || echo none) is here. Debian 12, Ubuntu 24.04 and newer have it."
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || fail "Python cannot make environments: apt-get install python3-venv"
}

make_user() { # NAME HOME
    getent group "$1" >/dev/null || groupadd --system "$1"
    getent passwd "$1" >/dev/null ||
        useradd --system --gid "$1" --home-dir "$2" --no-create-home --shell /usr/sbin/nologin "$1"
}

make_folder() { # PATH OWNER GROUP MODE
    mkdir -p "$1"
    chown "$2:$3" "$1"
    chmod "$4" "$1"
}

install_programs() {
    sum=$({ "$PYTHON" --version; cat "$SOURCE/requirements/tools.txt" "$SOURCE/requirements/site.txt" "$SOURCE/install.sh"; } | sha256sum | cut -c1-64)
    make_folder "$HOME_DIR" root root 755
    venv=$HOME_DIR/.venv
    export UV_PYTHON_DOWNLOADS=never UV_NO_CONFIG=1 UV_LINK_MODE=copy PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
    if [ "$(cat "$HOME_DIR/.installed" 2>/dev/null)" != "$sum" ]; then
        say "Installing the programs in $HOME_DIR: one or two minutes."
        rm -f "$HOME_DIR/.installed"
        # After an upgrade of the system to another Python the old environment is of no use.
        [ "$("$venv/bin/python" --version 2>/dev/null)" = "$("$PYTHON" --version)" ] || rm -rf "$venv"
        [ -x "$venv/bin/python" ] || "$PYTHON" -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --require-hashes --no-deps -r "$SOURCE/requirements/tools.txt" 2>&1 |
            grep -vE 'is ignored: it is' || true
        "$venv/bin/uv" pip install --python "$venv/bin/python" --quiet --require-hashes --no-deps -r "$SOURCE/requirements/site.txt" ||
            "$venv/bin/python" -m pip install --quiet --require-hashes --no-deps -r "$SOURCE/requirements/site.txt"
        echo "$sum" >"$HOME_DIR/.installed"
    fi
    "$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --force-reinstall "$SOURCE"
    cp "$SOURCE/wsgi.py" "$SOURCE/LICENSE" "$HOME_DIR/"
    # Everybody may run the programs, nobody but root may change them.
    chmod -R go=rX "$HOME_DIR"
    [ -x "$venv/bin/ampoule" ] || fail "The programs were not installed completely. Run this again; what was kept is not touched."
}

install_settings() {
    make_folder "$CONFIG_DIR" root "$SERVER_USER" 750
    if [ ! -e "$CONFIG_DIR/ampoule.toml" ]; then
        cat >"$CONFIG_DIR/ampoule.toml.new" <<TOML
# The settings of this site. \`ampoule config show\` prints all of them, with what each does and where it came from.
profile = "production"
var = "$SERVER_DATA"
module_socket = "/run/ampoule-module/module.sock"
TOML
        mv "$CONFIG_DIR/ampoule.toml.new" "$CONFIG_DIR/ampoule.toml"
    fi
    chown "root:$SERVER_USER" "$CONFIG_DIR/ampoule.toml"
    chmod 640 "$CONFIG_DIR/ampoule.toml"
}

install_commands() {
    mkdir -p /usr/local/bin
    cat >/usr/local/bin/ampoule <<SH
#!/bin/sh
# As root it acts as the server's user, so that no file of the site ever belongs to root.
export AMPOULE_CONFIG=\${AMPOULE_CONFIG:-$CONFIG_DIR/ampoule.toml}
if [ "\$(id -u)" = 0 ]; then exec runuser -u $SERVER_USER -- $HOME_DIR/.venv/bin/ampoule "\$@"; fi
exec $HOME_DIR/.venv/bin/ampoule "\$@"
SH
    for program in keystore meter; do
        printf '#!/bin/sh\nexec %s/.venv/bin/%s "$@"\n' "$HOME_DIR" "$program" >"/usr/local/bin/$program"
    done
    chmod 755 /usr/local/bin/ampoule /usr/local/bin/keystore /usr/local/bin/meter
}

install_units() {
    mkdir -p "$UNITS"
    cp "$SOURCE/docs/operations/keystore.service" "$UNITS/ampoule-module.service"
    for unit in ampoule.service ampoule-worker.service ampoule-doctor.service ampoule-doctor.timer ampoule-keys-backup.service ampoule-keys-backup.timer; do
        cp "$SOURCE/docs/operations/$unit" "$UNITS/$unit"
    done
    chmod 644 "$UNITS"/ampoule*.service "$UNITS"/ampoule*.timer
    if systemd_runs; then
        systemctl daemon-reload
        systemctl enable --quiet ampoule-module.service ampoule.service ampoule-doctor.timer ampoule-keys-backup.timer
    else
        say "systemd does not run here: the services are written and not enabled."
    fi
}

start_services() {
    systemd_runs || return 0
    [ "$start" = yes ] || return 0
    if [ -e "$MODULE_DATA/keys.stsks" ]; then
        systemctl restart ampoule-module.service ampoule.service
        systemctl start ampoule-doctor.timer ampoule-keys-backup.timer
        say "Started. The module is locked until its custodians open it: sudo -u $OFFICER_USER keystore unlock --socket /run/ampoule-module/module.sock"
    fi
}

if [ "$act" = uninstall ]; then uninstall; exit 0; fi

for name in requirements/site.txt pyproject.toml docs/operations/ampoule.service; do
    [ -e "$SOURCE/$name" ] || fail "$SOURCE/$name is missing. Run this from a complete copy of the release."
done
need_packages
make_user "$SERVER_USER" "$SERVER_DATA"
make_user "$MODULE_USER" "$MODULE_DATA"
make_user "$OFFICER_USER" /nonexistent
make_folder "$SERVER_DATA" "$SERVER_USER" "$SERVER_USER" 700
make_folder "$MODULE_DATA" "$MODULE_USER" "$MODULE_USER" 700
install_programs
install_settings
install_commands
install_units
start_services
version=$("$HOME_DIR/.venv/bin/ampoule" --version | awk '{print $NF}')
say "Ampoule $version is installed."
if [ ! -e "$MODULE_DATA/keys.stsks" ]; then
    say "Next: the ceremony that makes the key file (key manager's guide), then: ampoule setup"
fi

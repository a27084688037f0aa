"""Every setting of a site: typed, with its default, where it came from, and one sentence that says what it does.

Sources, the later wins: the default, the TOML file (`ampoule.toml`, or the one AMPOULE_CONFIG names), the environment
(`AMPOULE_…`). A name that is not in the table is refused, because a misspelt setting is worse than a missing one.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from vending.errors import InvalidInput


class SettingUnknown(InvalidInput):
    code = "setting_unknown"


class SettingWrong(InvalidInput):
    code = "setting_wrong"


class NeedsTls(InvalidInput):
    code = "needs_tls"


def _setting(default: Any, says: str, *, secret: bool = False, choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"says": says, "secret": secret, "choices": choices})


@dataclass(frozen=True, slots=True)
class Settings:
    profile: str = _setting(
        "demonstration",
        "`demonstration` carries public test keys and example people; `production` refuses both.",
        choices=("demonstration", "production"),
    )
    var: Path = field(
        default=Path("var"),
        metadata={
            "says": "The folder that holds everything the product keeps.",
            "secret": False,
            "choices": (),
        },
    )
    database_url: str = _setting(
        "", "The database; empty means SQLite in `var`. PostgreSQL: postgresql://user@host/name.", secret=True
    )
    database_owner_url: str = _setting(
        "",
        "PostgreSQL as the owner of the tables, for `ampoule database`; the server itself needs only database_url.",
        secret=True,
    )
    host: str = _setting(
        "127.0.0.1", "The address the pages are served on. Anything but this machine needs TLS."
    )
    port: int = _setting(8800, "The port of the pages.")
    building_port: int = _setting(8801, "The port of the simulated building's keypad pages.")
    module_socket: str = _setting("", "The security module's Unix socket; empty means `var/run/module.sock`.")
    module_timeout_s: int = _setting(
        5, "How long an answer of the module is awaited before its outcome is unknown."
    )
    module_folder: str = _setting(
        "", "The folder of the module's key file and log, for back-ups; empty means `var/module`."
    )
    backup_to: str = _setting(
        "", "The folder, on another disk, that nightly back-ups go to; empty means that none are made."
    )
    backup_recipient: str = _setting(
        "", "The age public key that back-ups are enciphered to; `ampoule backup key` makes a pair."
    )
    backup_at: str = _setting("02:30", "When the nightly back-up is made, in the time of the site.")
    backup_keep: int = _setting(
        14, "How many back-ups are kept in the folder; older ones go when a new one is verified."
    )
    keys_backup_to: str = _setting(
        "",
        "The folder of the module's own back-ups, where its user makes them (`ampoule-keys-backup.timer`); their age is looked at.",
    )
    web_threads: int = _setting(16, "How many pages are worked on at the same time.")
    log_format: str = _setting(
        "people", "`people` for a terminal, `json` for a collector.", choices=("people", "json")
    )
    public_address: str = _setting(
        "",
        "What people type, for example https://till.mall.local; needed when another server in front of this one speaks TLS.",
    )
    metrics_key: str = _setting(
        "",
        "A secret that lets a collector on another machine read `/metrics`; empty means this machine alone.",
        secret=True,
    )
    keep_delivered_days: int = _setting(
        90, "How many days work that is done stays in the list of jobs, to be looked up."
    )

    send_receipts: str = _setting(
        "never",
        "How a receipt with its tokens goes to a tenant whose telephone or e-mail is known, as soon as it is issued.",
        choices=("never", "sms", "email", "both"),
    )
    smtp_host: str = _setting("", "The mail relay; empty means that no letters are sent.")
    smtp_port: int = _setting(587, "The relay's port: 587 with starttls, 465 with tls.")
    smtp_tls: str = _setting(
        "starttls",
        "How the line to the relay is made secret; `none` for a relay on this machine alone.",
        choices=("starttls", "tls", "none"),
    )
    smtp_from: str = _setting("", "Who letters come from, such as `Karoo Corner <receipts@mall.example>`.")
    smtp_user: str = _setting("", "The name that the relay knows this site by; empty means no sign-in.")
    smtp_password: str = _setting("", "The password of that name.", secret=True)
    sms_url: str = _setting(
        "", "Where the gateway of text messages takes a POST (https); empty means that none are sent."
    )
    sms_body: str = _setting(
        '{"to": "{to}", "text": "{text}"}',
        "What the gateway is sent, with the places {to}, {text} and {key} (the same at every try of one message).",
    )
    sms_kind: str = _setting(
        "json", "What sms_body is; decides how its places are escaped.", choices=("json", "form")
    )
    sms_authorization: str = _setting(
        "", "The gateway's Authorization header, such as `Bearer …`.", secret=True
    )
    sms_country: str = _setting(
        "", "The country code of national numbers: 27 makes +27821234567 of 082 123 4567."
    )
    sms_reference: str = _setting(
        "",
        "In which field of the gateway's JSON answer its own name of the message stands, such as messages.0.id.",
    )

    @property
    def is_local(self) -> bool:
        """Whether the pages are served to this machine alone."""
        return self.host in ("127.0.0.1", "localhost", "::1")

    @property
    def tls_folder(self) -> Path:
        return self.folder / "tls"

    @property
    def has_certificate(self) -> bool:
        # A folder that this user may not enter counts as empty here; whoever needs it says so better.
        return os.path.exists(self.tls_folder / "server.pem")

    @property
    def serves_tls(self) -> bool:
        """Whether a browser sees these pages over TLS: by the own certificate (`ampoule tls`) or by a server in front.
        Plain HTTP is for this machine alone."""
        return not self.is_local or self.has_certificate or self.public_address.startswith("https://")

    @property
    def address(self) -> str:
        """What people type."""
        if self.public_address:
            return self.public_address.rstrip("/")
        name = "localhost" if self.is_local or self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 — compared, not bound
        return f"{'https' if self.serves_tls else 'http'}://{name}:{self.port}"

    @property
    def folder(self) -> Path:
        return self.var.resolve()

    @property
    def database_address(self) -> str:
        return self.database_url or f"sqlite:///{self.folder / 'ampoule.db'}"

    @property
    def module_socket_path(self) -> Path:
        return Path(self.module_socket) if self.module_socket else self.folder / "run" / "module.sock"

    @property
    def module_files(self) -> Path:
        return Path(self.module_folder) if self.module_folder else self.folder / "module"

    @property
    def building_socket_path(self) -> Path:
        return self.folder / "run" / "building.sock"

    @property
    def is_demonstration(self) -> bool:
        return self.profile == "demonstration"


@dataclass(frozen=True, slots=True)
class Origin:
    name: str
    value: str
    origin: str
    says: str


def load(environment: Mapping[str, str] | None = None, folder: Path | None = None) -> Settings:
    return _load(environment, folder)[0]


def explain(environment: Mapping[str, str] | None = None, folder: Path | None = None) -> list[Origin]:
    """Every setting with its value (secrets masked) and where it came from."""
    settings, origins = _load(environment, folder)
    return [
        Origin(
            each.name,
            "••••••"
            if each.metadata["secret"] and getattr(settings, each.name)
            else str(getattr(settings, each.name)),
            origins.get(each.name, "default"),
            each.metadata["says"],
        )
        for each in fields(Settings)
    ]


def settings_file(environment: Mapping[str, str] | None = None, folder: Path | None = None) -> Path:
    """The TOML file, whether it is there or not."""
    path = Path((os.environ if environment is None else environment).get("AMPOULE_CONFIG", "ampoule.toml"))
    return path if path.is_absolute() or folder is None else folder / path


def _load(environment: Mapping[str, str] | None, folder: Path | None) -> tuple[Settings, dict[str, str]]:
    environment = os.environ if environment is None else environment
    known = {each.name: each for each in fields(Settings)}
    given: dict[str, Any] = {}
    origins: dict[str, str] = {}

    path = settings_file(environment, folder)
    if path.exists():
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingWrong(
                f"{path} cannot be read ({error.strerror}). Let the user that runs Ampoule read it: chgrp and chmod 640."
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingWrong(
                f"{path} is not complete TOML ({error}). Mend that line, or restore the file from a back-up."
            ) from error
        for name, value in content.items():
            if name not in known:
                raise SettingUnknown(
                    f"{path} names the setting {name!r}, which does not exist. {_nearest(name, known)}"
                )
            given[name], origins[name] = value, str(path)
    elif "AMPOULE_CONFIG" in environment:
        raise SettingWrong(
            f"AMPOULE_CONFIG names {path}, which does not exist. Correct the name or remove it."
        )

    for variable, text in environment.items():
        name = variable.removeprefix("AMPOULE_").lower()
        if not variable.startswith("AMPOULE_") or variable in _NOT_SETTINGS:
            continue
        if name not in known:
            raise SettingUnknown(f"{variable} is set, but there is no such setting. {_nearest(name, known)}")
        given[name], origins[name] = text, f"environment {variable}"

    return Settings(
        **{name: _typed(known[name], value, origins[name]) for name, value in given.items()}
    ), origins


# Words of the environment that belong to tests and to the file itself.
_NOT_SETTINGS = frozenset({"AMPOULE_CONFIG", "AMPOULE_CRASH_AT", "AMPOULE_FORBID_SKIP"})


def _typed(setting: Any, value: Any, origin: str) -> Any:
    assert setting.default is not MISSING
    wanted = type(setting.default)
    if issubclass(wanted, Path):
        return Path(str(value))
    if wanted is int:
        try:
            number = int(value)
        except ValueError:
            raise SettingWrong(f"{setting.name} must be a whole number; {origin} says {value!r}.") from None
        most = 65535 if setting.name.endswith("port") else 10**6
        if not 1 <= number <= most:
            raise SettingWrong(f"{setting.name} must lie between 1 and {most}; {origin} says {number}.")
        return number
    choices = setting.metadata["choices"]
    if choices and value not in choices:
        raise SettingWrong(f"{setting.name} must be one of {', '.join(choices)}; {origin} says {value!r}.")
    return str(value)


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    import difflib

    close = difflib.get_close_matches(name, list(known), n=1)
    return f"Is {close[0]} meant?" if close else "`ampoule config show` lists all of them."

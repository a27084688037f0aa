"""What a production site refuses to start with: test keys, example people, open files, pages in clear.

Each refusal is one sentence with the next step. A demonstration may have all of it, and says so on its pages.
"""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from keystore.errors import KeystoreError
from vending.access import api_keys, people
from vending.db import Database
from vending.demonstration.people import DEMONSTRATION_PEOPLE
from vending.demonstration.programs import DEMONSTRATION_KEYS
from vending.errors import VendingError
from vending.services import Services
from vending.settings import NeedsTls, Settings, SettingWrong, settings_file

log = logging.getLogger(__name__)

SHORTEST_KEY = 20


class NotForProduction(VendingError):
    code = "not_for_production"


def refuse_unsafe_settings(settings: Settings) -> None:
    """Before anything is opened: pairs of settings that would be unsafe together."""
    if not settings.is_local and not settings.has_certificate:
        # Names and tokens never cross a network in clear, and passkeys need a secure page (ADR 0022).
        raise NeedsTls(
            f"Pages on {settings.host} would go over the network in clear. Make a certificate: `ampoule tls make --name "
            "till.mall.local`; or put a server that speaks TLS in front and let Ampoule listen on 127.0.0.1."
        )
    if settings.metrics_key and len(settings.metrics_key) < SHORTEST_KEY:
        raise SettingWrong(
            f"metrics_key is shorter than {SHORTEST_KEY} characters and could be guessed. Make one: `openssl rand -hex 24`."
        )
    if settings.is_demonstration:
        return
    if settings.public_address.startswith("http://"):
        raise NeedsTls(
            f"public_address says {settings.public_address}: over plain HTTP everybody on the network reads tokens and "
            "passwords. Give the pages TLS, and write https:// there."
        )
    if os.environ.get("AMPOULE_CRASH_AT"):
        raise NotForProduction(
            "AMPOULE_CRASH_AT ends the process in the middle of a sale; it is for rehearsals. Remove it from the environment."
        )
    secrets = [settings.folder, settings.folder / "site.secret"]
    if any(word in settings.database_url for word in ("password=", "@")):
        secrets.append(settings_file())
    for path in secrets:
        _refuse_open(path)


def _refuse_open(path: Path) -> None:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return  # not there yet, or refused later by whoever needs it
    if mode & 0o007:
        raise NotForProduction(
            f"{path} can be opened by every user of this machine (mode {mode:o}). Close it: chmod o-rwx {path}."
        )


def refuse_example_people(db: Database) -> None:
    """People of the demonstration, whose passwords are printed in the documents."""
    examples = {one.login: one.name for one in DEMONSTRATION_PEOPLE}
    with db.reading() as session:
        found = [
            login
            for login, name in examples.items()
            if (person := people.find_person(session, login)) is not None
            and person.name == name
            and not person.disabled_at
        ]
        public = [key.name for key in DEMONSTRATION_KEYS if api_keys.is_there(session, key.secret)]
    if found:
        raise NotForProduction(
            f"This database holds people of the demonstration ({', '.join(found)}), whose passwords everybody knows. "
            "Begin a site with an empty folder: AMPOULE_VAR=/path ampoule setup."
        )
    if public:
        raise NotForProduction(
            f"This database holds API keys of the demonstration ({', '.join(public)}), which everybody knows. "
            "Begin a site with an empty folder: AMPOULE_VAR=/path ampoule setup."
        )


def refuse_examples(services: Services) -> None:
    """What only a demonstration has: example people, test keys, a simulated clock."""
    refuse_example_people(services.db)
    try:
        status = services.module.status()
    except KeystoreError as error:
        log.warning("the security module does not answer yet, nothing can be sold: %s", error.sentence)
        return
    if status.test:
        raise NotForProduction(
            "The security module holds test keys, and a production site sells with live keys alone. Hold a ceremony "
            "(`keystore ceremony`), or set AMPOULE_PROFILE=demonstration."
        )
    if status.simulated_clock:
        raise NotForProduction(
            "The security module runs on a simulated clock. Start it without --simulated-clock, then start again."
        )

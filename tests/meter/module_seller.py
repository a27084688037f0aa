"""A vendor for `meter building --vendor`: each sale is an order to a running security module. Lines in, lines out."""

from __future__ import annotations

import json
import sys

from keystore.client import SocketModule
from keystore.module import CreditRequest, Issued, MeterKeying

SERVICES = ("electricity", "water", "gas", "time")


def main(config: str, socket: str) -> None:
    with open(config, encoding="utf-8") as file:
        meters = {each["pan"]: each for each in json.load(file)["meters"]}
    with SocketModule(socket) as module:
        for number, line in enumerate(sys.stdin):
            asked = json.loads(line)
            meter = meters[asked["pan"]]
            names = ("pan", "ea", "tct", "dkga", "sgc", "krn", "ti", "key_type", "ken", "base_date")
            request = CreditRequest(
                order_id=f"building-{number}",
                meter=MeterKeying(**{name: meter[name] for name in names}),
                service=SERVICES[asked["subclass"]],
                subclass=asked["subclass"],
                units=asked["units"],
                meter_class="large",
                content_hash=f"{number:064x}",
            )
            (answer,) = module.issue([request])
            said = {"token": answer.tokens[0]} if isinstance(answer, Issued) else {"refused": answer.code}
            print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Every page of the product in every state, as sample contexts; the gallery draws them, the tests look at them."""

from __future__ import annotations

from look.samples import building, desk, manager, offices, papers, shifts, tenant, watch
from look.samples.frames import Sample


def all_samples() -> dict[str, Sample]:
    return {
        name: sample
        for room in (desk, papers, shifts, building, manager, offices, watch, tenant)
        for name, sample in room.pages().items()
    }

"""Which operation an address means: whole addresses first, then those with a part that varies. Made from the table once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from vending.web.api.operations import Operation
from vending.web.refusals import AddressUnknown, MethodWrong


class Addresses:
    """`patterns`: what each part that varies must look like, by the operation's name."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.patterns: Mapping[str, Mapping[str, re.Pattern[str]]] = {
            one.name: {part: re.compile(pattern) for part, pattern in one.parts.items()} for one in operations
        }
        self._whole: dict[str, dict[str, Operation]] = {}
        varying: dict[str, dict[str, Operation]] = {}
        for one in operations:
            methods = (varying if one.parts else self._whole).setdefault(one.path, {})
            methods[one.method] = one
            if one.method == "GET":
                methods["HEAD"] = one
        self._varying = [
            (re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path)), methods)
            for path, methods in varying.items()
        ]

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        """The operation, and the parts of the path as they were written."""
        methods, parts = self._whole.get(path), {}
        if methods is None:
            for address, found in self._varying:
                if matched := address.fullmatch(path):
                    methods, parts = found, matched.groupdict()
                    break
            else:
                raise AddressUnknown(
                    "There is nothing at this address. The document at /api/v1/openapi.json lists all."
                )
        operation = methods.get(method)
        if operation is None:
            raise MethodWrong(
                "This address is not asked that way. The header Allow says how.", sorted(methods)
            )
        return operation, parts

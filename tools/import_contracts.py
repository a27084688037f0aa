"""Three import contracts of our own, beside those that import-linter brings. `.importlinter` names and uses them.

They exist because import-linter's own kinds need a list that somebody would have to extend with every new
capability, and a contract that must be remembered protects nothing: these read the list from the tree.
"""

from abc import abstractmethod
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

Fault = tuple[str, str, int]


class _Direct(Contract):
    """What the three share: direct imports are faults or not, and a fault is printed as file and line."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        faults = sorted(self.faults(graph))
        return ContractCheck(kept=not faults, metadata={"faults": faults})

    @abstractmethod
    def faults(self, graph: ImportGraph) -> list[Fault]:
        """Importer, imported and line of each import that this contract refuses."""

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported, line in check.metadata["faults"]:
            output.print_error(f"- {importer} -> {imported} (l.{line})", bold=False)
        output.new_line()


def _line(graph: ImportGraph, importer: str, imported: str) -> int:
    details: list[Any] = graph.get_import_details(importer=importer, imported=imported)
    return min((each["line_number"] for each in details), default=0)


def _inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


class OwnTables(_Direct):
    """A capability's `tables` is imported by that capability alone, and by those that may read them all."""

    container = fields.StringField()
    readers = fields.ListField(subfield=fields.StringField(), required=False)

    def faults(self, graph: ImportGraph) -> list[Fault]:
        found = []
        for module in graph.modules:
            path = module.split(".")
            if len(path) < 3 or path[0] != self.container or path[2] != "tables":
                continue
            owner = ".".join(path[:2])
            for importer in graph.find_modules_that_directly_import(module):
                allowed = [owner, *(self.readers or [])]  # type: ignore[misc]
                if not any(_inside(importer, each) for each in allowed):
                    found.append((importer, module, _line(graph, importer, module)))
        return found


class Doors(_Direct):
    """From outside, a package is entered by its doors only."""

    package = fields.StringField()
    outside = fields.ListField(subfield=fields.StringField())
    doors = fields.ListField(subfield=fields.StringField())

    def faults(self, graph: ImportGraph) -> list[Fault]:
        rooms = {m for m in graph.modules if _inside(m, str(self.package)) and m not in set(self.doors)}  # type: ignore[call-overload]
        return [
            (importer, module, _line(graph, importer, module))
            for module in rooms
            for importer in graph.find_modules_that_directly_import(module)
            if any(_inside(importer, each) for each in self.outside)  # type: ignore[attr-defined]
        ]


class StandAlone(_Direct):
    """A file that an auditor may carry away: it imports nothing of ours, so it shares no code with the writer."""

    modules = fields.ListField(subfield=fields.StringField())

    def faults(self, graph: ImportGraph) -> list[Fault]:
        ours = self.session_options["root_packages"]
        return [
            (module, imported, _line(graph, module, imported))
            for module in self.modules  # type: ignore[attr-defined]
            if module in graph.modules
            for imported in graph.find_modules_directly_imported_by(module)
            if any(_inside(imported, each) for each in ours)
        ]

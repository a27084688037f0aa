"""The command `meter`: a frame that imports a subcommand only when it is asked for.

A laptop in a meter room runs `meter find` without Flask, without a database and without the twin (rules.md 35), so
the table below holds the path of each command and the line that `meter --help` shows for it; adding a command is
one row. The exit codes: 0 done, 1 the meter or the wire said no, 2 the command line was wrong.
"""

from __future__ import annotations

import importlib
import sys

import click

from meter.errors import MeterError

COMMANDS: dict[str, tuple[str, str]] = {
    "building": ("meter.building_cli:building", "Run a whole building of twins, in real time or faster."),
    "disconnect": ("meter.driver_cli:disconnect", "Open the relay of a meter: its supply stops."),
    "find": ("meter.find_cli:find", "Look for a meter: port, baud rate and framing."),
    "keypad": ("meter.keypad_cli:keypad", "Type at a twin's keypad, in this terminal."),
    "line": ("meter.line_cli:line", "Put a twin on a pseudo-terminal, as a meter with a serial port."),
    "read": ("meter.driver_cli:read", "Read credit, relay, totals and last tokens."),
    "reconnect": ("meter.driver_cli:reconnect", "Allow or restore the supply of a meter."),
    "token": ("meter.driver_cli:token", "Enter a 20-digit token and show what became of it."),
    "visit": ("meter.visit_cli:visit", "Work through a signed visit file, without a network."),
    "watch": ("meter.driver_cli:watch", "Read a meter again and again, one line each time."),
}


class LazyCommands(click.Group):
    """A group whose subcommands live in modules that are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.command(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
def meter() -> None:
    """Meters: real ones on a wire, and twins of them."""


def main(arguments: list[str] | None = None) -> None:
    """The entry point: a refusal of a meter or a wire is one sentence on stderr and exit code 1."""
    try:
        meter.main(args=arguments, prog_name="meter")
    except MeterError as error:
        click.echo(f"meter: {error.sentence} [{error.code}]", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()

"""The command ``w2s`` of the installed package. Each of its commands is one of ``python -m webapp`` or ``python -m training``."""

import sys
from importlib import import_module

LABORATORY = (
    *("up", "demo", "worker", "token", "backup", "restore", "verify", "collect", "compact", "notify"),
    *("initialise", "web", "recover", "slurm", "prepare"),
)
ENGINE = ("run", "data", "outside", "export", "push", "doctor")
USAGE = f"""usage: w2s COMMAND ...

the laboratory: {", ".join(LABORATORY)}
without one:    {", ".join(ENGINE)}

w2s COMMAND --help describes a command."""
PROGRAM = "w2s"


def main() -> None:
    """Execute the command in ``sys.argv``."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    sys.argv[0] = PROGRAM  # as the usage of the commands names it
    # Imported by name: the web does not depend on the engine, and a command need not wait for the other package.
    if name in LABORATORY:
        import_module("webapp.__main__").main()
    elif name in ENGINE:
        import_module("training.__main__").program()
    elif name in ("-h", "--help"):
        sys.stdout.write(f"{USAGE}\n")
    else:
        sys.exit(f"w2s has no command “{name}”.\n\n{USAGE}" if name else USAGE)

"""The command line: ``nmn COMMAND``. Heavy libraries are imported by the commands that need them, when they run."""

import os
import sys

import typer

from nmn.cli import ask, check, evaluate, modules, parse, run, train
from nmn.errors import NmnError, PresuppositionError

UsageProblem: type[Exception] = typer.BadParameter.__mro__[2]
"""Root of all errors in how a command is called; typer shows only its leaves."""

REFUSED, BAD_INPUT, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    name="nmn",
    help="Ask questions about images and see how the answer came to be.",
    epilog="Exit codes: 0 answered, 1 records refused or a presupposition failed under --strict, 2 bad input.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("ask")(ask.ask)
app.command("parse")(parse.parse)
app.command("check")(check.check)
app.command("run")(run.run)
app.add_typer(evaluate.app, name="eval")
app.add_typer(train.app, name="train")
app.command("modules")(modules.modules)


def main() -> None:
    """Run the command line; every refusal is one clear line and an exit code."""
    # Read when torch is first imported: threads that spin while they wait slow each other down up to 80 times.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(_status())


def _status() -> int:
    try:
        status = app(standalone_mode=False)
    except NmnError as error:
        print(f"nmn: {error}", file=sys.stderr)
        return REFUSED if isinstance(error, PresuppositionError) else BAD_INPUT
    except UsageProblem as error:
        message = str(getattr(error, "format_message", error.__str__)())
        if message:  # without any arguments the help page has been printed instead
            print(f"nmn: {message} (nmn --help tells more)", file=sys.stderr)
        return BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        print("nmn: interrupted", file=sys.stderr)
        return INTERRUPTED
    return status if isinstance(status, int) else 0

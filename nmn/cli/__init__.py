"""The command line: ``nmn COMMAND``. Heavy libraries are imported by the commands that need them, when they run."""

import shutil
import signal
import sys
from typing import Annotated

import typer

from nmn.cli import (
    ask,
    bench,
    bench_dynamic,
    calibrate,
    calibrate_perception,
    calibrate_policies,
    calibrate_promise,
    check,
    demo,
    evaluate,
    evaluate_data,
    evaluate_gqa,
    evaluate_shapes,
    export,
    generate,
    importing,
    modules,
    new,
    parse,
    run,
    train,
    train_focus,
    train_parser,
    verify,
)
from nmn.cli.options import examples
from nmn.errors import NmnError, PresuppositionError, TextError, printable

UsageProblem: type[Exception] = typer.BadParameter.__mro__[2]
"""Root of all errors in how a command is called; typer shows only its leaves."""

REFUSED, BAD_INPUT, INTERRUPTED = 1, 2, 130
LONGEST_MESSAGE = 1000  # characters
WIDEST_POINTER = 100  # columns

SAMPLE = "demo/samples/CLEVR_val_000000.jpg"
GQA = "demo/samples/gqa"
SCENES, QUESTIONS = "demo/samples/scenes.json", "demo/samples/questions.json"
CODES = "Exit codes: 0 answered, 1 records refused or a presupposition failed under --strict, 2 bad input."

app = typer.Typer(
    name="nmn",
    help="Ask questions about images and see how the answer came to be.",
    epilog=CODES + "\n\n" + examples(f'nmn ask {SAMPLE} "How many cubes are there?"'),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command(
    "ask",
    epilog=examples(
        f'nmn ask {SAMPLE} "How many cubes are there?"',
        f'nmn ask {SAMPLE} "What color is the cube?" --trace',
        f'nmn ask {SAMPLE} "Is there a red ball?" --json',
    ),
)(ask.ask)
app.command(
    "parse",
    epilog=examples(
        'nmn parse "How many cubes are left of the red ball?"',
        f"nmn parse {QUESTIONS} --output programs.json",
    ),
)(parse.parse)
app.command(
    "check",
    epilog=examples(
        'nmn check "count(filter(scene(), color=red))"',
        f"nmn check {QUESTIONS} --format clevr",
    ),
)(check.check)
app.command(
    "run",
    epilog=examples(
        f'nmn run "count(scene())" --image {SAMPLE}',
        'nmn run "count(filter(scene(), size=large))" \\',
        f"    --scene {SCENES} --index 0 --trace",
    ),
)(run.run)
app.command("demo", epilog=examples("nmn demo", f"nmn demo --port 8080 --scenes {SCENES}"))(demo.demo)
app.command("modules", epilog=examples("nmn modules", "nmn modules --json"))(modules.modules)
app.command("verify", epilog=examples("nmn verify answers.jsonl", "nmn verify answers.jsonl --weights run/weights"))(
    verify.verify
)
evaluate.app.command(
    "gqa",
    epilog=examples(
        f"nmn eval gqa --questions {GQA}_questions.json \\",
        f"    --scene-graphs {GQA}_scene_graphs.json --thirds",
    ),
)(evaluate_gqa.gqa)
evaluate.app.command("data", epilog=evaluate_data.DATA_EXAMPLE)(evaluate_data.data)
evaluate.app.command("shapes", epilog=evaluate_shapes.EVAL_EXAMPLE)(evaluate_shapes.evaluate)
app.add_typer(new.app, name="new")
app.add_typer(generate.app, name="generate")
app.add_typer(evaluate.app, name="eval")
bench.app.command("dynamic", epilog=bench_dynamic.DYNAMIC_EXAMPLE)(bench_dynamic.dynamic)
bench.app.command("difficulty", epilog=bench_dynamic.DIFFICULTY_EXAMPLE)(bench_dynamic.difficulty)
bench.app.command("costs", epilog=calibrate_policies.COSTS_EXAMPLE)(calibrate_policies.costs)
app.add_typer(bench.app, name="bench")
calibrate.app.command("perception", epilog=calibrate_perception.PERCEPTION_EXAMPLE)(calibrate_perception.perception)
calibrate.app.command("policies", epilog=calibrate_policies.POLICIES_EXAMPLE)(calibrate_policies.policies)
calibrate.app.command("policy", epilog=calibrate_promise.POLICY_EXAMPLE)(calibrate_promise.policy)
app.add_typer(calibrate.app, name="calibrate")
app.add_typer(export.app, name="export")
app.add_typer(importing.app, name="import")
train.app.command("focus", epilog=train_focus.FOCUS_EXAMPLE)(train_focus.focus)
train.app.command("parser", epilog=train_parser.PARSER_EXAMPLE)(train_parser.parser)
train.app.command("shapes", epilog=evaluate_shapes.TRAIN_EXAMPLE)(evaluate_shapes.train)
app.add_typer(train.app, name="train")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"nmn {version('nmn-engine')}")
        raise typer.Exit


@app.callback()
def nmn(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Ask questions about images and see how the answer came to be."""


def main() -> None:
    """Run the command line; every refusal is one clear line and an exit code."""
    if hasattr(signal, "SIGPIPE"):  # `nmn ... | head` ends quietly, as every other tool does
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # what a terminal cannot show is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_status())


def _status() -> int:
    try:
        status = app(standalone_mode=False, prog_name="nmn")
        if status == INTERRUPTED:  # typer gives Ctrl-C as a status
            raise KeyboardInterrupt
    except NmnError as error:
        _complain(_message(error))
        return REFUSED if isinstance(error, PresuppositionError) else BAD_INPUT
    except UsageProblem as error:
        message = str(getattr(error, "format_message", error.__str__)())
        if message:  # without any arguments the help page has been printed instead
            command = getattr(getattr(error, "ctx", None), "command_path", "nmn")
            _complain(f"{message.rstrip('.')} ({command} --help tells more)")
        return BAD_INPUT
    except OSError as error:  # a name that no file can have, a disk that fails
        _complain(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))
        return BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        _complain("interrupted")
        return INTERRUPTED
    return status if isinstance(status, int) else 0


def _message(error: NmnError) -> str:
    """One line; where a text is wrong, also the text and a caret under the place."""
    if not isinstance(error, TextError):
        return str(error)
    room = shutil.get_terminal_size((WIDEST_POINTER + 6, 24)).columns - 6  # three dots on either side
    pointer = error.pointer(max(10, min(WIDEST_POINTER, room)))
    return error.message if pointer is None else f"{error.message}\n{pointer}"


def _complain(message: str) -> None:
    first, *pointer = message.split("\n")
    if len(first) > LONGEST_MESSAGE:
        first = f"{first[: LONGEST_MESSAGE // 2]} ... {first[-LONGEST_MESSAGE // 2 :]}"
    print("\n".join(printable(line) for line in (f"nmn: {first}", *pointer)), file=sys.stderr)

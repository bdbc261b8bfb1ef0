"""``nmn calibrate policy``: how much doubt may be tolerated with a risk that can be promised."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.table import Table

from nmn.cli.calibrate_policies import image_files, index_of, progress, staged_perceiver
from nmn.cli.options import AsJson, examples
from nmn.cli.show import console, print_json
from nmn.domain import Domain
from nmn.errors import InputError

if TYPE_CHECKING:
    from nmn.perception.staged import Precision, StagedPerceiver
    from nmn.policies.outcomes import Outcome
    from nmn.policies.settings import PolicySettings
    from nmn.program import Program
    from nmn.promise.calibration import Calibration

POLICY_EXAMPLE = examples(
    "nmn calibrate policy --weights run/weights --from 500 \\",
    "    --images $DATA/images/calib \\",
    "    --questions $DATA/questions/CLEVR_calib_questions.json",
    "nmn calibrate policy --weights run/weights --unlabelled \\",
    "    --images my/photos --questions my/questions.json --risk 0.01",
)
POLICY = "value"
RISKS = (0.002, 0.003, 0.005, 0.01, 0.02)


def policy(
    weights: Annotated[Path, typer.Option("--weights", help="Folder with weights that policies were fitted for.")],
    images: Annotated[Path, typer.Option("--images", help="Folder of images that nothing was trained or fitted on.")],
    questions: Annotated[Path, typer.Option("--questions", help="Questions on them, with programs.")],
    unlabelled: Annotated[
        bool, typer.Option("--unlabelled", help="Count every changed answer; the right ones need not be known.")
    ] = False,
    start: Annotated[int, typer.Option("--from", min=0, help="Only images with an index from this on.")] = 0,
    below: Annotated[int, typer.Option("--below", min=0, help="Only images with an index below this; 0 for all.")] = 0,
    used: Annotated[
        list[Path] | None,
        typer.Option("--used", help="Folder of images that were trained or fitted on, refused here; repeatable."),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option("--cache", help="Folder for what looks report; a run that was cut short goes on.")
    ] = None,
    risk: Annotated[
        list[float] | None, typer.Option("--risk", help="A risk to promise; refused if it cannot be. Repeatable.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Find how much doubt may be tolerated for a risk to be promised, and write promise.json beside the weights.

    The risk is the expected share of an image's questions that looking at everything answers rightly and the policy
    wrongly. The promise is kept with a probability of 95 % over the images, for the source that they are drawn from.
    """
    if cache is not None and cache.exists() and not cache.is_dir():
        raise InputError(f"--cache {str(cache)!r} is a file: name a folder")
    files = [path for path in image_files(images, below) if index_of(path) >= start]
    settings = _settings(weights)
    staged = staged_perceiver(weights, cast("Precision", settings.precision))
    asked = _asked(questions, files, staged.domain)
    if not unlabelled and any(answer is None for answer in asked.answers):
        raise InputError(f"questions of {questions} have no answers: add them, or calibrate with --unlabelled")
    files = [files[place] for place in sorted({*asked.images})]
    from nmn.policies.outcomes import gather
    from nmn.promise.calibration import digests, require_fresh
    from nmn.promise.risk import require_images

    for each in risk or ():
        require_images(len(files), each)
    before = [path for folder in used or () for path in image_files(folder, 0)]
    source = require_fresh(files, dict(zip(digests(before), before, strict=True)))
    kept = None if cache is None else cache / f"{settings.weights}-{settings.precision}-{source}"
    with progress("looking at everything", len(files)) as advance:
        outcomes = gather(staged, files, kept, advance)
    found = _calibrated(staged, settings, asked, outcomes, source, unlabelled)
    chosen = {each: found.doubt(each) for each in risk or ()}
    found.write(weights)
    _show(found, chosen or dict.fromkeys(RISKS), json)


@dataclass(frozen=True)
class _Asked:
    """Questions; ``images`` are positions among the files."""

    programs: "Sequence[Program]"
    images: Sequence[int]
    answers: Sequence[str | None]


def _settings(weights: Path) -> "PolicySettings":
    from nmn.policies.costs import weights_fingerprint
    from nmn.policies.settings import PolicySettings

    settings = PolicySettings.read(weights)
    if settings.weights != weights_fingerprint(weights):
        raise InputError(f"policies in {weights} were fitted for other weights: nmn calibrate policies fits them again")
    return settings


def _asked(questions: Path, files: Sequence[Path], domain: Domain) -> _Asked:
    from nmn.datasets.clevr import read_questions
    from nmn.parser.clevr import import_program

    place = {path.name: number for number, path in enumerate(files)}
    own = [each for each in read_questions(questions) if each.image_filename in place]
    if not own:
        raise InputError(f"no question of {questions} is about these images")
    programs = []
    for each in own:
        if each.program is None:
            raise InputError(f"question {each.question_index} of {questions} has no program")
        where = f"question {each.question_index}"
        programs.append(import_program(each.program, domain, where=where))
    return _Asked(programs, [place[str(each.image_filename)] for each in own], [each.answer for each in own])


def _calibrated(
    staged: "StagedPerceiver",
    settings: "PolicySettings",
    asked: _Asked,
    outcomes: "Sequence[Outcome]",
    source: str,
    unlabelled: bool,
) -> "Calibration":
    """The losses of the images at every doubt, each question asked by itself."""
    from nmn.policies.fitting import Asked, Trial
    from nmn.policies.settings import rate_of
    from nmn.policies.value import Value
    from nmn.promise.calibration import DOUBTS, Basis, Calibration
    from nmn.registry import default_registry

    numbers = {place: number for number, place in enumerate(sorted({*asked.images}))}
    positions = [numbers[place] for place in asked.images]
    trial = Trial(staged, default_registry(), settings.reporting, Asked(outcomes, asked.programs, positions))
    answers = {}
    with progress("trying doubts", len(DOUBTS)) as advance:
        for doubt in DOUBTS:
            answers[doubt] = trial.answers(Value(doubt, rate_of(doubt, settings.prices), settings.prices))[0]
            advance(1)
    basis = Basis(source, settings.weights, costs_fingerprint(settings), POLICY, labelled=not unlabelled)
    truth = None if unlabelled else [str(answer) for answer in asked.answers]
    return Calibration.of(basis, positions, trial.thorough, answers, truth)


def costs_fingerprint(settings: "PolicySettings") -> str:
    """Of the prices that decisions follow from."""
    from hashlib import sha256
    from json import dumps

    return sha256(dumps(settings.costs.to_record(), sort_keys=True).encode()).hexdigest()[:16]


def _show(found: "Calibration", chosen: dict[float, Any], json: bool) -> None:
    for risk in chosen:
        if chosen[risk] is None:
            try:
                chosen[risk] = found.doubt(risk)
            except InputError as error:
                chosen[risk] = str(error)
    if json:
        named = {f"{risk:g}": doubt for risk, doubt in chosen.items()}
        print_json(
            {"fingerprint": found.fingerprint, "images": found.images, "questions": found.questions, "doubt": named}
        )
        return
    table = Table("risk", "doubt that may be tolerated", box=None, pad_edge=False, header_style="dim")
    for risk, doubt in chosen.items():
        table.add_row(f"{risk:.2%}", f"{doubt:g}" if isinstance(doubt, float) else doubt)
    console().print(table)
    console().print(f"{found.images:,} images, {found.questions:,} questions; fingerprint {found.fingerprint}")

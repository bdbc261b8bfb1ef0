"""check_dataset: the laws of data sets."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nmn.data_set import DataSet
from nmn.domain import Domain
from nmn.errors import InputError, SceneError
from nmn.exact import exact_scene
from nmn.questions import Question
from nmn.scenes import Scene
from nmn.testing.law import Breach, Law, insist

GUIDE = "docs/guides/your-own.md, 'A data set'"


@dataclass(frozen=True)
class DataSetProbe:
    """A data set's reader with files of it.

    Attributes:
        data_set: What is held to the laws.
        scenes_file: A file of scenes; None if it has none.
        questions_file: A file of questions; None if it has none.
    """

    data_set: DataSet
    scenes_file: Path | None
    questions_file: Path | None

    @cached_property
    def domain(self) -> Domain:
        """What the scenes speak of."""
        return Domain.load(self.data_set.domain)

    @cached_property
    def scenes(self) -> Mapping[int, Scene]:
        """Those of the file."""
        return {} if self.scenes_file is None else self.data_set.read_scenes(self.scenes_file)

    @cached_property
    def questions(self) -> Sequence[Question]:
        """Those of the file."""
        return () if self.questions_file is None else self.data_set.read_questions(self.questions_file)

    @property
    def readers(self) -> tuple[tuple[Path, Callable[[Path], Any]], ...]:
        """Each file with what reads it."""
        pairs = ((self.scenes_file, self.data_set.read_scenes), (self.questions_file, self.data_set.read_questions))
        return tuple((path, read) for path, read in pairs if path is not None)


def check_dataset(
    data_set: DataSet,
    *,
    scenes: Path | None = None,
    questions: Path | None = None,
    laws: Iterable[str] | None = None,
) -> tuple[str, ...]:
    """Hold a data set's reader to the laws of data sets.

    Args:
        data_set: What reads files.
        scenes: A file of scenes that it reads.
        questions: A file of questions that it reads.
        laws: Names of the laws to hold it to; all of :data:`DATA_SET_LAWS` if None.

    Returns: the names of the laws that it keeps.

    Raises:
        LawBroken: at the first law that it breaks.
        InputError: when there is no file, or no law of a name.
    """
    if scenes is None and questions is None:
        raise InputError("check_dataset needs a file: scenes=PATH, questions=PATH, or both")
    return insist(DATA_SET_LAWS, DataSetProbe(data_set, scenes, questions), f"data set {type(data_set).__name__}", laws)


def _declared(probe: DataSetProbe) -> None:
    if not isinstance(probe.data_set, DataSet):
        raise Breach(type(probe.data_set).__name__, "something missing", "name, domain, read_scenes and read_questions")
    _ = probe.domain


def _scenes(probe: DataSetProbe) -> None:
    if probe.scenes_file is not None and not probe.scenes:
        raise Breach(probe.scenes_file.name, "no scenes", "at least one, by its image index")
    for index, scene in probe.scenes.items():
        if scene.image_index != index:
            raise Breach(f"scene {index}", f"image_index {scene.image_index}", "the key that it stands under")
        try:
            exact_scene(scene, probe.domain)
        except SceneError as error:
            raise Breach(
                f"scene {index}", str(error), f"attributes and relations of domain {probe.domain.name}"
            ) from None


def _relations(probe: DataSetProbe) -> None:
    for index, scene in probe.scenes.items():
        for relation in probe.domain.relations:
            rows = scene.relations[relation.name]
            given = f"scene {index}, {relation.name}"
            if len(rows) != len(scene.objects):
                raise Breach(given, f"{len(rows)} rows", f"one for each of {len(scene.objects)} objects")
            for anchor, row in enumerate(rows):
                if anchor in row or list(row) != sorted(set(row)):
                    raise Breach(given, f"row {anchor} is {list(row)}", "others in rising order, never itself")
            if relation.inverse is not None and not scene.predicted:
                _agree(rows, scene.relations[relation.inverse], given, relation.inverse)


def _agree(there: Sequence[Sequence[int]], back: Sequence[Sequence[int]], given: str, inverse: str) -> None:
    pairs, reverse = ({(i, j) for i, row in enumerate(rows) for j in row} for rows in (there, back))
    wrong = sorted(pairs ^ {(j, i) for i, j in reverse})
    if wrong:
        one, other = wrong[0]
        raise Breach(given, f"object {other} of object {one} in one of the two only", f"{inverse} is the transpose")


def _questions(probe: DataSetProbe) -> None:
    seen: set[int] = set()
    for question in probe.questions:
        given = f"question {question.question_index}"
        if question.question_index in seen:
            raise Breach(given, "its number twice", "a number of its own for each question")
        seen.add(question.question_index)
        if probe.scenes and question.image_index not in probe.scenes:
            raise Breach(given, f"image {question.image_index}, which has no scene", "an image of the scenes file")


def _answers(probe: DataSetProbe) -> None:
    for question in probe.questions:
        if question.answer is not None and question.answer not in probe.domain.answers:
            known = ", ".join(probe.domain.answers[:6])
            raise Breach(f"question {question.question_index}", repr(question.answer), f"one of {known} ...")


def _again(probe: DataSetProbe) -> None:
    for path, read in probe.readers:
        if read(path) != read(path):
            raise Breach(f"{path.name}, read twice", "two different results", "the same")


def _broken(probe: DataSetProbe) -> None:
    for path, read in probe.readers:
        whole = path.read_bytes()
        with TemporaryDirectory() as folder:
            broken = Path(folder) / path.name
            for name, content in (("cut in half", whole[: len(whole) // 2]), ("empty", b""), ("missing", None)):
                broken.unlink(missing_ok=True)
                if content is not None:
                    broken.write_bytes(content)
                _refused(f"{path.name}, {name}", read, broken)


def _refused(given: str, read: Callable[[Path], Any], path: Path) -> None:
    wanted = "an InputError in one line that names the file"
    try:
        read(path)
    except InputError as error:
        if "\n" in str(error).strip() or path.name not in str(error):
            raise Breach(given, repr(str(error)), wanted) from None
    else:
        raise Breach(given, "no complaint", wanted)


def _law(name: str, claim: str, advice: str, holds: Callable[[DataSetProbe], None]) -> Law[DataSetProbe]:
    return Law(name, claim, advice, GUIDE, holds)


DATA_SET_LAWS: tuple[Law[DataSetProbe], ...] = (
    _law("declared", "a data set has a name, a domain and two readers", "see nmn.data_set.DataSet", _declared),
    _law("scenes", "every scene speaks of the domain", "map the file's words to the domain's while reading", _scenes),
    _law(
        "relations", "relations have a row an object, and inverses agree", "nmn.scenes.related makes such", _relations
    ),
    _law("questions", "every question has a number and an image", "number them as they stand in the file", _questions),
    _law("answers", "an answer is a word of the domain", "yes, no, a number in digits, or a value", _answers),
    _law("the same again", "reading changes nothing", "no state, no random numbers", _again),
    _law(
        "broken files",
        "a broken file is refused in one line",
        "nmn.files.read_json and nmn.errors.require_keys do it for JSON",
        _broken,
    ),
)
"""The laws of data sets, in the order that they are tried."""

"""Submission: answers in the form in which CLEVR's test set is judged.

One answer a line, in the order of the question file, nothing else: facebookresearch/clevr-dataset-gen, issue 2, where the
data set's author gives the format. Test questions carry no answers, so nothing here needs them.
"""

from collections.abc import Sequence

from nmn.domain import NO
from nmn.evaluation.outcome import Outcome


def submission(outcomes: Sequence[Outcome]) -> str:
    """The file's text.

    A question without an answer keeps its line: its guess where there is one, else the most common answer to a question of
    yes or no, since an empty line could shift the others.
    """
    answers = [outcome.answer or outcome.guess or NO for outcome in outcomes]
    return "".join(f"{' '.join(answer.split())}\n" for answer in answers)

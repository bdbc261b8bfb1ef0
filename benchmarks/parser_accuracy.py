"""Accuracy of the question parsers: new compositions by family, noise by kind, what lies outside the domain, confidence.

``--write-compositions`` writes the questions of the new compositions, so that their structures can be left out of training.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from nmn.domain import Domain
from nmn.files import write_json
from nmn.parser.clevr import export_program

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))

from compositions import FAMILIES, QUESTIONS_OF_EACH

FURTHER_QUESTIONS = 200  # of each family, so that every structure it can have occurs


def write_compositions(path: Path, domain: Domain) -> int:
    """Write all families as a CLEVR questions file; those that are measured come first in each. Returns how many."""
    questions: list[dict[str, Any]] = []
    for index, family in enumerate(FAMILIES):
        measured = list(family.questions(domain))
        texts = {question.text for question in measured}
        further = [found for found in family.questions(domain, FURTHER_QUESTIONS, seed=1) if found.text not in texts]
        for place, question in enumerate((*measured, *further)):
            questions.append(
                {
                    "question_index": len(questions),
                    "image_index": 0,
                    "question": question.text,
                    "program": export_program(question.program, domain),
                    "question_family_index": index,
                    "family": family.name,
                    "measured": place < QUESTIONS_OF_EACH,
                }
            )
    write_json(path, {"info": {"about": "compositions that no file of CLEVR has"}, "questions": questions})
    return len(questions)


def main() -> None:
    """Measure, or write what is measured with."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--write-compositions", type=Path, metavar="FILE", help="write the new compositions and stop"
    )
    options = arguments.parse_args()
    domain = Domain.load("clevr")
    if options.write_compositions is not None:
        print(f"{write_compositions(options.write_compositions, domain):,} questions in {options.write_compositions}")
        return


if __name__ == "__main__":
    main()

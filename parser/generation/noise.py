"""Noise: what hurried fingers do to a question, without making another question of it.

Source: the kinds of natural and synthetic noise of Belinkov and Bisk (2018, arXiv:1711.02173, section 4): swaps,
neighbouring keys, words left out; doubled letters, lost spaces, homophones, headlines, hesitation and
verbs that do not agree are ours.
"""

import string
from collections.abc import Callable, Collection, Mapping
from random import Random

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_VOWELS = "aeiou"
_DROPPABLE = frozenset(
    ["the", "a", "an", "is", "are", "that", "there", "any", "of", "do", "does", "it", "which", "be", "to"]
)
_LITTLE = frozenset(["the", "a", "an", "is", "are", "there", "do", "does"])  # what headlines leave out
_INTERJECTIONS = (
    "um",
    "uh",
    "er",
    "like",
    "so",
    "ok",
    "hmm",
    "well",
    "you know",
    "...",
    "i mean",
    "eh",
    "oh",
    "please",
    "umm",
)
_APOSTROPHES = str.maketrans("", "", "'’")
_HOMOPHONES: Mapping[str, tuple[str, ...]] = {
    "there": ("their", "they're", "ther"),
    "their": ("there",),
    "its": ("it's",),
    "it's": ("its",),
    "than": ("then",),
    "which": ("witch", "wich"),
    "whose": ("who's", "whos"),
    "are": ("is", "r", "our", "ar"),
    "you": ("u", "ya"),
    "your": ("you're", "ur"),
    "see": ("sea", "c"),
    "does": ("do", "dose", "dos"),
    "do": ("does",),
    "a": ("an",),
    "an": ("a",),
    "what": ("wat", "wut"),
    "what's": ("whats", "wats"),
    "there's": ("theres",),
    "that's": ("thats",),
    "please": ("pls", "plz"),
    "and": ("n", "an", "&"),
    "with": ("w/", "wit", "whit"),
    "the": ("teh", "da", "th"),
    "how": ("hwo",),
    "many": ("meny", "mny"),
    "have": ("has", "hav", "of"),
    "has": ("have", "hs"),
    "same": ("sam", "saem"),
    "number": ("nr", "no.", "numbr"),
    "is": ("are", "iz", "s"),
    "any": ("ny", "eny"),
    "other": ("othr", "oter"),
    "to": ("too", "2", "ot"),
    "for": ("4", "fro", "fo"),
    "of": ("off", "fo", "o"),
    "that": ("taht", "tht", "thta"),
    "as": ("az", "sa"),
    "or": ("ro", "orr"),
    "can": ("cna", "cann"),
    "could": ("cud", "coud", "culd"),
    "would": ("wud", "woud", "wuld"),
    "me": ("mee", "em"),
    "tell": ("tel", "tlel"),
    "i'd": ("id",),
    "where": ("were", "wear", "wher"),
    "picture": ("pic", "pictur", "piture"),
    "image": ("img", "imgae"),
    "photo": ("foto",),
    "question": ("qeustion", "q"),
    "thanks": ("thx", "thanx", "tnx"),
    "okay": ("k", "okey"),
    "from": ("frm", "fom"),
    "whether": ("weather", "wether"),
    "know": ("no", "kno"),
}
# Spellings of one sound.
_HEARD = (
    *(
        ("ph", "f"),
        ("ck", "k"),
        ("c", "k"),
        ("c", "s"),
        ("y", "i"),
        ("i", "y"),
        ("ee", "ea"),
        ("ea", "ee"),
        ("ou", "u"),
    ),
    *(
        ("er", "ar"),
        ("er", "re"),
        ("le", "el"),
        ("ie", "ei"),
        ("ll", "l"),
        ("tt", "t"),
        ("l", "ll"),
        ("qu", "kw"),
        ("z", "s"),
    ),
    *(
        ("s", "z"),
        ("wh", "w"),
        ("th", "d"),
        ("gh", ""),
        ("ow", "au"),
        ("u", "oo"),
        ("oo", "u"),
        ("ai", "ay"),
        ("ey", "ay"),
    ),
)
_SHORT = 3  # letters of a word that stays as it is, but for its case
_MORE, _MOST = 0.5, 8  # chance of one more change, and how many there may be
_TRIES = 4  # for one change


def _neighbours() -> Mapping[str, str]:
    """The letters on the keys beside each letter's, on either side and in the rows above and below."""
    beside: dict[str, str] = {}
    for number, row in enumerate(_ROWS):
        for place, letter in enumerate(row):
            near = row[max(0, place - 1) : place] + row[place + 1 : place + 2]
            for other in (number - 1, number + 1):
                if 0 <= other < len(_ROWS):
                    near += _ROWS[other][place : place + 1]
            beside[letter] = near
    return beside


_KEYS = _neighbours()


def noisy(text: str, random: Random, *, words: Collection[str] = frozenset()) -> str:
    """A text with typing errors: at least one, mostly few.

    Args:
        text: Any question.
        random: Chooses; equal states give equal texts.
        words: Words that no other word is turned into, lower-case, such as all those of a domain; a set is fastest.

    Returns:
        The text with its errors; the same text only when nothing in it can be changed.
    """
    said = text.split()
    for _ in range(_MOST):
        said = _changed(said, random, words)
        if random.random() >= _MORE:
            break
    return " ".join(said)


def _changed(said: list[str], random: Random, words: Collection[str]) -> list[str]:
    for _ in range(_TRIES):
        if not said:
            break
        change = _CHANGES[int(random.random() * len(_CHANGES))]
        found = change(said, int(random.random() * len(said)), random, words)
        if found is not None and found != said:
            return found
    return said


_Change = Callable[[list[str], int, Random, Collection[str]], "list[str] | None"]


def _mistyped(said: list[str], at: int, random: Random, words: Collection[str]) -> list[str] | None:
    """One letter wrong in one word."""
    word, mark = _parted(said[at])
    if len(word) <= _SHORT - (word.lower() not in words) or not word.isalpha():
        return None
    slip = _SLIPS[int(random.random() * len(_SLIPS))]
    changed = slip(word, int(random.random() * len(word)), random)
    return _with(said, at, changed + mark, words, instead=word)


def _swapped(word: str, at: int, _: Random) -> str:
    at = min(at, len(word) - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _dropped(word: str, at: int, _: Random) -> str:
    return word[:at] + word[at + 1 :] if at else word


def _doubled(word: str, at: int, _: Random) -> str:
    return word[:at] + word[at] + word[at:]


def _beside(word: str, at: int, random: Random) -> str:
    near = _KEYS.get(word[at].lower(), "")
    return word[:at] + random.choice(near) + word[at + 1 :] if near else word


def _inserted(word: str, at: int, random: Random) -> str:
    near = _KEYS.get(word[at].lower(), "")
    return word[: at + 1] + random.choice(near) + word[at + 1 :] if near else word


def _wrong_vowel(word: str, at: int, random: Random) -> str:
    places = [place for place, letter in enumerate(word) if letter.lower() in _VOWELS]
    if not places:
        return word
    at = places[at % len(places)]
    return word[:at] + random.choice(_VOWELS.replace(word[at].lower(), "")) + word[at + 1 :]


def _as_heard(word: str, at: int, random: Random) -> str:
    written, heard = _HEARD[int(random.random() * len(_HEARD))]
    return word.replace(written, heard, 1)


def _left_out(said: list[str], at: int, _: Random, __: Collection[str]) -> list[str] | None:
    return said[:at] + said[at + 1 :] if said[at].lower() in _DROPPABLE and len(said) > 2 else None


def _said_twice(said: list[str], at: int, _: Random, __: Collection[str]) -> list[str] | None:
    return said[: at + 1] + said[at:] if said[at].isalpha() else None


def _run_together(said: list[str], at: int, _: Random, words: Collection[str]) -> list[str] | None:
    if at + 1 >= len(said) or not said[at].isalpha():
        return None
    joined = said[at] + said[at + 1]
    return None if _parted(joined)[0].lower() in words else [*said[:at], joined, *said[at + 2 :]]


def _pulled_apart(said: list[str], at: int, random: Random, words: Collection[str]) -> list[str] | None:
    word, _ = _parted(said[at])
    if len(word) < 5 or not word.isalpha():
        return None
    cut = 1 + int(random.random() * (len(word) - 1))
    halves = [said[at][:cut], said[at][cut:]]
    return None if any(_parted(half)[0].lower() in words for half in halves) else [*said[:at], *halves, *said[at + 1 :]]


def _misheard(said: list[str], at: int, random: Random, words: Collection[str]) -> list[str] | None:
    word, mark = _parted(said[at])
    heard = _HOMOPHONES.get(word.lower())
    return None if heard is None else _with(said, at, random.choice(heard) + mark, words, instead=word)


def _cased(said: list[str], at: int, random: Random, _: Collection[str]) -> list[str] | None:
    chance = random.random()
    if chance < 0.25:
        return [word.upper() for word in said]
    if chance < 0.6:
        return [word.lower() for word in said]
    if chance < 0.7:
        return [word[:1].upper() + word[1:] for word in said]
    return [*said[:at], said[at].upper(), *said[at + 1 :]]


def _punctuated(said: list[str], at: int, random: Random, _: Collection[str]) -> list[str] | None:
    chance = random.random()
    if chance < 0.45:
        bare = said[-1].rstrip(string.punctuation)
        return [*said[:-1], bare] if bare else said[:-1]
    if chance < 0.6:
        return [*said[:-1], said[-1] + random.choice(("?", "??", "!", ".", "...", "?!"))]
    if chance < 0.8:
        return [word.replace(",", "").replace(";", "").replace(":", "") or word for word in said]
    mark = random.choice((",", ",", ".", "...", " -", ";"))
    return [*said[:at], said[at] + mark, *said[at + 1 :]] if said[at].isalpha() else None


def _telegraphed(said: list[str], _: int, __: Random, ___: Collection[str]) -> list[str] | None:
    """Only what carries meaning, as in a headline or a search."""
    kept = [word for word in said if word.lower() not in _LITTLE]
    return kept if 1 < len(kept) < len(said) else None


def _bared(said: list[str], _: int, __: Random, ___: Collection[str]) -> list[str] | None:
    """Neither capitals nor marks, as in a chat."""
    bare = [word.lower().rstrip(string.punctuation) for word in said]
    return [word for word in bare if word] or None


def _without_apostrophes(said: list[str], _: int, __: Random, words: Collection[str]) -> list[str] | None:
    bare = [word.translate(_APOSTROPHES) for word in said]
    return [new if _parted(new)[0].lower() not in words else old for old, new in zip(said, bare, strict=True)]


def _rehyphenated(said: list[str], at: int, random: Random, words: Collection[str]) -> list[str] | None:
    """A hyphen lost or put for a space."""
    hyphened = [place for place, word in enumerate(said) if "-" in word.strip("-")]
    if hyphened:
        at = random.choice(hyphened)
        changed = said[at].replace("-", "" if random.random() < 0.4 else " ")
        return _with(said, at, changed, words, instead=said[at])
    if at + 1 >= len(said) or not said[at].isalpha():
        return None
    return [*said[:at], f"{said[at]}-{said[at + 1]}", *said[at + 2 :]]


def _hesitated(said: list[str], at: int, random: Random, words: Collection[str]) -> list[str] | None:
    sound = random.choice(_INTERJECTIONS)
    return None if sound in words else [*said[:at], sound + ("," if random.random() < 0.4 else ""), *said[at:]]


def _spaced(said: list[str], at: int, random: Random, _: Collection[str]) -> list[str] | None:
    """A space before a mark, or none after it."""
    marked = [place for place, word in enumerate(said[:-1]) if word[-1:] in ",.;:" and len(word) > 1]
    if not marked:
        return [*said[:-1], said[-1][:-1], said[-1][-1]] if said[-1][-1:] in "?!." and len(said[-1]) > 1 else None
    at = random.choice(marked)
    if random.random() < 0.5:
        return [*said[:at], said[at] + said[at + 1], *said[at + 2 :]]
    return [*said[:at], said[at][:-1], said[at][-1], *said[at + 1 :]]


def _with(said: list[str], at: int, changed: str, words: Collection[str], *, instead: str) -> list[str] | None:
    """The words with one of them changed, unless that makes another known word of it."""
    bare = _parted(changed)[0].lower()
    return None if bare in words and bare != instead.lower() else [*said[:at], changed, *said[at + 1 :]]


def _parted(word: str) -> tuple[str, str]:
    """A word and the marks after it."""
    bare = word.rstrip(string.punctuation)
    return bare, word[len(bare) :]


_SLIPS: tuple[Callable[[str, int, Random], str], ...] = (
    *(_swapped, _swapped, _dropped, _dropped, _doubled),
    *(_beside, _beside, _inserted, _wrong_vowel, _wrong_vowel, _as_heard, _as_heard, _as_heard),
)
_CHANGES: tuple[_Change, ...] = (
    *(_mistyped,) * 11,
    *(_left_out,) * 4,
    *(_misheard,) * 4,
    *(_telegraphed, _bared, _bared, _without_apostrophes, _rehyphenated, _hesitated, _spaced),
    *(_cased, _cased, _punctuated, _punctuated, _run_together, _pulled_apart, _said_twice),
)

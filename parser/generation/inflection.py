"""Inflection: what agrees with a noun, articles, and words in a row."""

from collections.abc import Sequence

EITHER = "either "
_VOWELS = frozenset("aeiou")
_SOUNDS_OTHERWISE = ("one", "uni", "use", "eu")
SINGULAR = {"is": "is", "has": "has", "s": "s", "es": "es", "itself": "itself", "them": "it", "their": "its"}
PLURAL = {"is": "are", "has": "have", "s": "", "es": "", "itself": "themselves", "them": "them", "their": "their"}


def article(words: str) -> str:
    """The words with "a" or "an" before them."""
    if words.startswith(EITHER):
        return EITHER + article(words.removeprefix(EITHER))
    vowel = words[:1].lower() in _VOWELS and not words.startswith(_SOUNDS_OTHERWISE)
    return f"{'an' if vowel else 'a'} {words}"


def listed(words: Sequence[str], link: str) -> str:
    """Words joined: "a, b and c"."""
    return f"{', '.join(words[:-1])} {link} {words[-1]}" if len(words) > 1 else words[0]

"""The terms by which a search finds a task: the characters of its name and signature, and each pair of
neighbouring characters.

So an index finds any part of a name, even in a language that has no spaces between words.
"""

import unicodedata
from itertools import pairwise

from server.security.plain_text import seen

# NFKC makes up to 18 characters of a single character. A name has at most 50, and a signature 32.
_LONGEST = 200
# The most terms in one query: MongoDB's planner tries an index with each of them.
_MOST_ASKED = 8


def terms_of(name: str, wxname: str) -> list[str]:
    """Return the terms that find a task of this name and signature."""
    return list(dict.fromkeys(term for word in _words(f"{name} {wxname}") for term in (*word, *_pairs(word))))


def asked_terms(text: str) -> list[str]:
    """Return the terms that a task must have to be found by a text; [] if nothing of it is visible.

    A task that has each word of the text has all these terms. For a long text, only some of its pairs are
    used.
    """
    terms = list(dict.fromkeys(term for word in _words(text) for term in _pairs(word) or [word]))
    return terms[:: -(-len(terms) // _MOST_ASKED) or 1]


def _words(text: str) -> list[str]:
    return unicodedata.normalize("NFKC", seen(text)).casefold()[:_LONGEST].split()


def _pairs(word: str) -> list[str]:
    return [one + other for one, other in pairwise(word)]

"""How hard a secret is to guess. Pure."""

import math
import re
from itertools import pairwise

# Letters that often come after the first one of each group: the 200 commonest pairs of English (95 % of all
# pairs in this project's pages and Python's manual), and all pairs of pinyin.
_FOLLOWS = (
    "abcdgilmnoprstuvy baeijlou caehiklortu daeiosu eacdefilmnpqrstvwxy faeiortu gaeinou haeiou "
    "iabcdefglmnoprstuv jaeiou kaeiou ladefilostuy mabeiopu nacdegilostu obcdlmnoprstuvw paeiloprtu qaeiou "
    "radegimnorstuy sacehikopstu taehiorstuy uabceilmnoprst vaei waehiou xaceiopu yaeiopstu zaehiou"
)
_KEYBOARD = "qwertyuiop asdfghjkl zxcvbnm 1qaz 2wsx 3edc 4rfv 5tgb 6yhn 7ujm"
_EXPECTED = frozenset(
    [group[0] + letter for group in _FOLLOWS.split() for letter in group[1:]]
    + [row[at : at + 2] for row in _KEYBOARD.split() for at in range(len(row) - 1)]
)
_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d(?:-?[01]\d(?:-?[0-3]\d)?)?(?!\d)")


def bits_of(secret: str) -> float:
    """Estimate how many bits a secret has: the information that each character adds.

    A word counts as its first letter, a year or date as one digit, and each character that is no ASCII letter
    or digit as 1 bit. Sequences, repeats and neighbours on a keyboard count nothing. So the estimate for
    random secrets is too low: 24 hexadecimal digits (96 bits) get 72 on average, `secrets.token_urlsafe(32)`
    (256 bits) 147. The estimate does not notice words in which digits stand for letters.
    """
    text = _DATE.sub("2", secret)
    bits = _bits_of_character(text[:1])
    step = None
    pairs = set[str]()
    for before, character in pairwise(text):
        pair = before + character
        next_step = ord(character) - ord(before)
        if pair not in pairs and next_step != step and not _is_expected(pair):
            bits += _bits_of_character(character)
        pairs.add(pair)
        step = next_step
    return bits


def _bits_of_character(character: str) -> float:
    if not (character.isascii() and character.isalnum()):
        return 1.0
    return math.log2(10 if character.isdigit() else 26)


def _is_expected(pair: str) -> bool:
    """Whether a character follows from the one before it: in a word, on a keyboard or in counting."""
    if pair.isdigit():
        return abs(ord(pair[0]) - ord(pair[1])) <= 1
    begins_word = pair[0].islower() and pair[1].isupper()  # as in camelCase
    return not begins_word and pair.lower() in _EXPECTED

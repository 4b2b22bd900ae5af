"""The normaliser: text as it is written becomes words as they are spoken, and every word knows what it was made of.

``normalise`` runs an ordered table of small rules (``gateway.text.rules``) over a cleaned text:

1. ``emoji``: left out, or named (``name_emoji``);
2. ``markdown``: headings, lists, links, code ... without their signs (``markdown_normalization``, ``read_code``);
3. the language's own rules;
4. ruled lines are taken out.

With ``normalize`` off, only 1 and 4 remain.

A language is a module or package of this folder, named in ``tables.MODULES`` and imported when first used, with two
functions (``tables.LanguageModule``):

- ``rules(language, options) -> tuple[Rule | Unwrap, ...]``: the table, in order. It leaves out what ``options``
  switch off; the result is kept for each pair of language and options, so it may be slow.
- ``say_as(text, interpret_as, language, *, format, detail) -> str``: what ``say_as`` below promises.

What a rule emits are words of the language in their ordinary spelling, which its G2P reads well; every character
of them stands for all that the rule matched. So a pattern matches no more than it needs, and uses lookarounds for
the rest. Patterns are linear in the length of the text: possessive or bounded repeats, and a lookbehind wherever a
match could begin again inside a run that has just failed.
"""

from __future__ import annotations

from gateway.text.aligned import AlignedText
from gateway.text.languages import Language
from gateway.text.normaliser.tables import language_module, rules_for
from gateway.text.normalization import NormalizationOptions

INTERPRETATIONS = frozenset(
    "cardinal number ordinal date time telephone characters spell-out unit currency fraction digits verbatim".split()
)
"""What ``say_as`` can be asked for, in every language."""


def normalise(text: AlignedText, language: Language, options: NormalizationOptions) -> AlignedText:
    """``text``, cleaned by ``cleaning.clean`` and with its line breaks, as words to be spoken; paragraphs stay apart.

    Linear in the length of the text; never raises. OBJECTs stay where they are.
    """
    return rules_for(language, options).apply(text)


def say_as(text: str, interpret_as: str, language: Language, *, format: str = "", detail: str = "") -> str:  # noqa: A002
    """The words for ``text`` read as SSML's ``interpret-as`` says (W3C Note "SSML 1.0 say-as attribute values").

    ``format`` orders the fields of a date (mdy, dmy, ymd, ym, my, md, dm, y, m, d) or tells hms12 from hms24;
    ``detail`` is accepted and has no effect where the language knows no use for it. Raises ValueError with a message
    for the caller if ``interpret_as`` or ``format`` is unknown, or if ``text`` is no such thing.
    """
    if interpret_as not in INTERPRETATIONS:
        raise ValueError(f"Unknown interpret-as {interpret_as[:40]!r}. Known: {', '.join(sorted(INTERPRETATIONS))}.")
    if not text.strip():
        raise ValueError(f"There is nothing to say as {interpret_as}.")
    return language_module(language).say_as(text.strip(), interpret_as, language, format=format, detail=detail)

"""The sentence's stress: a G2P marks words as they are said inside a sentence, and some sentences are one word."""

from __future__ import annotations

from gateway.text.spoken import Word

PRIMARY, SECONDARY = "ˈ", "ˌ"


def with_primary_stress(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words with a primary stress among them: where there is none, the last secondary one becomes it.

    Misaki gives function words their weak form whatever is around them ("Why?" is ``wˌI?``), and the model then hurries
    over the only word there is: a listener takes "How?" for "Hello".
    """
    if any(PRIMARY in word.phonemes for word in words):
        return words
    for place in reversed(range(len(words))):
        before, mark, after = words[place].phonemes.rpartition(SECONDARY)
        if mark:
            stressed = words[place]._replace(phonemes=before + PRIMARY + after)
            return (*words[:place], stressed, *words[place + 1 :])
    return words

"""What is said as told, through the real English G2P: the rest of the sentence does not notice."""

from __future__ import annotations

from gateway.text.aligned import AlignedText, Said
from gateway.text.g2p import G2P
from gateway.text.spoken import Word


def words_of(g2p: G2P, *parts: str | Said) -> tuple[Word, ...]:
    texts: list[AlignedText] = []
    place = 0
    for part in parts:
        written = part.text if isinstance(part, Said) else part
        text = AlignedText.of(written, place)
        texts.append(text.as_object(part) if isinstance(part, Said) else text)
        place += len(written)
    (words,) = g2p([AlignedText.join(texts)])
    return words


def said(words: tuple[Word, ...]) -> str:
    return "".join(word.phonemes + " " * word.space_after for word in words)


def test_it_is_one_word_with_its_own_span(english: G2P) -> None:
    words = words_of(english, "In ", Said("New York", phonemes="nˌu jˈɔɹk"), ", yes.")

    assert said(words) == "ɪn nˌu jˈɔɹk, jˈɛs."
    assert (words[1].text, words[1].char_start, words[1].char_end) == ("New York", 3, 11)


def test_its_neighbours_hear_its_sounds(english: G2P) -> None:
    """ "the" before a vowel."""
    assert said(words_of(english, "the ", Said("apple", phonemes="ˈæpəl"))) == "ði ˈæpəl"
    assert said(words_of(english, "the ", Said("bapple", phonemes="bˈæpəl"))) == "ðə bˈæpəl"


def test_an_s_after_it_sounds_as_english_has_it(english: G2P) -> None:
    for stem, ending in (("kˈOkəɹO", "z"), ("kˈæt", "s"), ("fˈɪʃ", "ᵻz")):
        for suffix in ("'s", "’s", "s"):
            assert said(words_of(english, Said("x", phonemes=stem), f"{suffix} tail")).startswith(stem + ending + " ")


def test_its_sounds_are_left_alone(english: G2P) -> None:
    """Misaki turns these two into others in its own answers."""
    assert said(words_of(english, Said("x", phonemes="ʔˈɑɾɑ"), " it is")).startswith("ʔˈɑɾɑ ")


def test_stress_and_number_flags(english: G2P) -> None:
    assert said(words_of(english, "say ", Said("the", stress=2), " word")) == "sˈA ðˈə wˈɜɹd"
    assert said(words_of(english, Said("really", stress=-2))) == "ɹiᵊli"
    assert "ænd" in said(words_of(english, Said("101", num_flags="&"), " dogs"))

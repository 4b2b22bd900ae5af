"""Whatever the input: a script whose spans are in order and inside it, or an error of ours; in linear time."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.text.aligned import OBJECT
from gateway.text.errors import TextRefused
from gateway.text.markup import Lexicon
from gateway.text.segments import Script, Speech
from tests.text.markup.markup import read

_BRACKETS = [
    *[
        "[",
        "]",
        "(",
        ")",
        "/",
        "[pause:",
        "[pause:1s]",
        "[pause:0.5]",
        "[PAUSE:500MS]",
        "[pause:x]",
        "[pause:0]",
        "[voice:",
    ],
    *[
        "[voice:narrator]",
        "[voice:af_sky(2)+fast]",
        "[voice:default]",
        "[/voice]",
        "[rate:1.5]",
        "[rate:9]",
        "[/rate]",
        "[rate:",
    ],
    *[
        "[Kokoro](/kˈOkəɹO/)",
        "[a b](+1)",
        "[1,000](#&#)",
        "[é](-0.5)",
        "](/",
        "/)",
        "(#",
        "[x](/€/)",
        "[ ](/a/)",
        "[.](1)",
    ],
]
_ELEMENTS = [
    *[
        "<speak>",
        "</speak>",
        "<speak/>",
        "<?xml version='1.0'?>",
        "<!-- c -->",
        "<!DOCTYPE a>",
        "<![CDATA[",
        "]]>",
        "<?p?>",
    ],
    *[
        "<p>",
        "</p>",
        "<s>",
        "</s>",
        "<s/>",
        "<break/>",
        "<break time='1s'/>",
        "<mark name='m'/>",
        "<desc>",
        "</desc>",
        "<w>",
        "</w>",
    ],
    *[
        "<prosody rate='fast' volume='loud'>",
        "</prosody>",
        "<voice name='narrator'>",
        "</voice>",
        "<lang xml:lang='es'>",
    ],
    *[
        "</lang>",
        "<emphasis level='strong'>",
        "</emphasis>",
        "<sub alias='b c'>",
        "</sub>",
        "<phoneme ph='ˈa'>",
        "</phoneme>",
    ],
    *[
        "<say-as interpret-as='characters'>",
        "</say-as>",
        "<audio/>",
        "&amp;",
        "&#65;",
        "&#xFFFC;",
        "&foo;",
        "&",
        "<",
        ">",
    ],
]
_TEXT = [
    "a",
    " ",
    "Kokoro",
    "\n",
    "\r\n",
    "é",
    "e\u0301",
    "😀",
    OBJECT,
    "日本",
    "5 km",
    "'s",
    ".",
    "\x00",
    "\ud800",
    "\ufeff",
]

_inputs = st.lists(st.sampled_from(_BRACKETS + _TEXT), max_size=25).map("".join)
_documents = st.lists(st.sampled_from(_BRACKETS[:12] + _ELEMENTS + _TEXT), max_size=25).map("".join)


@st.composite
def _well_formed(draw: st.DrawFn) -> str:
    """Documents whose elements are closed, so that more of them are read to their end."""
    names: list[str] = []
    parts = ["<speak>"]
    starts = [tag for tag in _ELEMENTS if tag.startswith("<") and tag[1:2].isalpha() and not tag.endswith("/>")][1:]
    for _ in range(draw(st.integers(0, 20))):
        match draw(st.integers(0, 3)):
            case 0:
                parts.append(draw(st.sampled_from(starts)))
                names.append(parts[-1][1:].split(" ")[0].rstrip(">"))
            case 1 if names:
                parts.append(f"</{names.pop()}>")
            case _:
                parts.append(
                    draw(st.sampled_from(["a", " b ", "é", "[pause:1s]", "[a](/a/)", "&lt;", "<break/>", "<s/>"]))
                )
    return "".join((*parts, *(f"</{name}>" for name in reversed(names)), "</speak>"))


def _outcome(source: str, *, voice_tags: bool) -> Script | TextRefused:
    try:
        return read(source, allow_voice_tags=voice_tags)
    except TextRefused as error:
        return error


@given(st.one_of(st.text(st.characters(codec=None), max_size=60), _inputs, _documents, _well_formed()), st.booleans())
@example("<speak><p>a</p><s/>b<emphasis>[x](/a/)</emphasis></speak>", True)
@settings(max_examples=500, deadline=None)
def test_any_input(source: str, voice_tags: bool) -> None:
    outcome = _outcome(source, voice_tags=voice_tags)
    if isinstance(outcome, TextRefused):
        assert 0 <= outcome.char_start <= outcome.char_end <= len(source)
        assert outcome.param == "input"
        assert f"at character {outcome.char_start}" in outcome.message
        return
    _check(outcome, source)
    lexicon = Lexicon({"kokoro": "a", "b c": "b", "日": "ni"})
    _check(Script(tuple(_applied(segment, lexicon) for segment in outcome.segments), outcome.marks), source)


def _applied(segment: Any, lexicon: Lexicon) -> Any:
    return Speech(lexicon.apply(segment.text), segment.style) if isinstance(segment, Speech) else segment


def _check(script: Script, source: str) -> None:
    reached = 0
    previous: Any = None
    for segment in script.segments:
        if isinstance(segment, Speech):
            text = segment.text
            places = [*text.starts, *text.ends]
            assert len(text.text) == len(text.starts) == len(text.ends)
            assert list(text.starts) == sorted(text.starts)
            assert list(text.ends) == sorted(text.ends)
            assert all(start <= end for start, end in zip(text.starts, text.ends, strict=True))
            assert reached <= min(places) <= max(places) <= len(source)
            assert text.text.strip()
            assert all(said.text for _, said in text.objects())
            assert not (isinstance(previous, Speech) and previous.style == segment.style)
            reached = max(places)
        else:
            assert reached <= segment.char_start < segment.char_end <= len(source)
            assert segment.seconds > 0
            reached = segment.char_end
        previous = segment
    starts = [mark.char_start for mark in script.marks]
    assert starts == sorted(starts)
    assert all(source.startswith("<mark", start) for start in starts)


_MEGABYTE = 1_000_000

_MALFORMED = [
    *[
        "[",
        "]",
        "[]",
        "[pause:",
        "[voice:",
        "[rate:",
        "[a](",
        "[a](/",
        "[a](#",
        "[a](#a",
        "[a](/a",
        "[/",
        "[a",
        "(/a/)",
        "\ufffc[",
    ],
    *[
        "<speak>" + unit
        for unit in ["<s>", "<", "&", "&#x", "&#x41", "<!--", "<![CDATA[", "<?", "<s a='", "</s>", "]]>"]
    ],
    *["<!--", "<?xml", "<?x ?>", "<!-- -->", "<!DOCTYPE ", "<speak a", "\ufeff", "<speak "],
]


@pytest.mark.parametrize("unit", _MALFORMED)
def test_linear_time_for_a_megabyte_of_malformed_markup(unit: str) -> None:
    start, _, repeated = unit.rpartition("<speak>")
    source = start + ("<speak>" if unit.startswith("<speak>") else "") + repeated * (_MEGABYTE // len(repeated))
    assert _seconds(source) < 2


@pytest.mark.parametrize(
    "source",
    [
        "[" + "a" * _MEGABYTE,
        "[x](/" + "a" * _MEGABYTE,
        "[a" + "." * _MEGABYTE + "](+1)",
        "[a](+1)" + " " * _MEGABYTE,
        "[pause:" + "1" * _MEGABYTE + "s]",
        "[voice:" + "af_sky+" * (_MEGABYTE // 7) + "]",
        "<speak " + " ".join(f"a{number}='1'" for number in range(_MEGABYTE // 10)) + "/>",
        "<speak a='" + "&#x41;" * (_MEGABYTE // 6) + "'/>",
        "<speak><break time='" + "1" * _MEGABYTE + "s'/></speak>",
        "<speak><sub alias='" + "b" * 1_000 + "'>" + "a" * _MEGABYTE + "</sub></speak>",
        "<speak><phoneme ph='" + "a" * _MEGABYTE + "'>a</phoneme></speak>",
        "<speak>" + "日本\n" * (_MEGABYTE // 3) + "</speak>",
        "<speak>" + "]" * _MEGABYTE + "</speak>",
        " " * _MEGABYTE + "<speak/",
    ],
    ids=lambda source: source[:12],
)
def test_linear_time_for_a_megabyte_of_one_thing(source: str) -> None:
    assert _seconds(source) < 2


_DENSE = [
    *["[a](/a/)", "[a b c](+1)", "[pause:0.0001]", "[pause:0]", "[voice:fast]x[/voice]y", "[rate:1.1]x[rate:1]"],
    *["&#x41;", "&amp;", "\n", "\r\n", "<s/>", "<p>é</p>", "<break time='0s'/>", "é\n", "<!---->a", "<![CDATA[&]]>"],
    *[
        "<sub alias='x'>y</sub>",
        "<mark name='a'/>",
        "<emphasis>a b</emphasis>",
        "<prosody rate='1.1'>a</prosody>",
        "😀&lt;",
    ],
]


@pytest.mark.parametrize("unit", _DENSE)
def test_linear_time_where_all_is_markup(unit: str) -> None:
    """A third of a megabyte of nothing else: the densest takes 3 s a megabyte on a machine that has other work."""
    repeated = unit * (_MEGABYTE // 3 // len(unit))
    assert _seconds(repeated if unit.startswith("[") else f"<speak>{repeated}</speak>") < 2


def _seconds(source: str) -> float:
    started = time.process_time()
    _outcome(source, voice_tags=True)
    return time.process_time() - started

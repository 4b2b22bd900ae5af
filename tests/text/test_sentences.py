from __future__ import annotations

import time

import pytest

from gateway.text.languages import Language
from gateway.text.sentences import split_sentences

# What a reader would call sentences, one list item each.
SPLIT: list[list[str]] = [
    # titles and names
    ["Dr. Smith met Mrs. Jones and Prof. Li.", "They talked."],
    ["J. R. R. Tolkien wrote it.", "George W. Bush read it."],
    ["I mean John F. Kennedy Jr. of course.", "Sgt. Pepper too."],
    ["St. Louis is big.", "I live on Main St. by the river."],
    # Latin
    ["Use fruit, e.g. apples, i.e. red ones.", "Good."],
    ["Cf. Smith et al. on this.", "It is approx. five."],
    # abbreviations that may end a sentence
    ["The U.S. Army came.", "He left the U.S.", "The army stayed."],
    ["At 5 a.m. we left.", "At 6 p.m. Monday it was.", "It ended at 7 p.m.", "We slept."],
    ["Apples, pears, etc. are fruit.", "So are plums, etc.", "They are good."],
    ["Acme Inc. bought Foo Ltd. last year.", "It sold Bar Corp.", "This went well."],
    ["She has a Ph.D. in physics.", "Ph.D. students work."],
    ["Plan B.", "Then we go.", "It was I.", "He knew."],
    # numbers
    ["No. 5 is alive.", "No.", "He left.", "Did he?", "No. 7 won."],
    ["Pi is 3.14.", "See v2.0.1 or Fig. 3 on p. 12.", "It was 1999.", "Then it ended."],
    ["1. Open the lid.", "2. Close it."],
    ["He was born Jan. 5.", "In Feb. it snowed.", "It was Dec.", "The year ended."],
    ["He paid.", "$5 was enough.", "3 men came."],
    # ellipses and runs
    ["Wait... what?", "I thought...", "No.", "Hmm… maybe.", "Well…", "Yes."],
    ["Wait . . . there is more."],
    ["What?!", "No!!", "Really?!?", "Yes."],
    # quotes and brackets
    ['He said "Stop!" and left.', '"Go." she said.', "(It was late.)", "Then."],
    ["“Yes.”", "“No!”", "‘Maybe.’", "(So?)", "[Fine.]"],
    ["It is true.[1]", "So is this.[12]", "End."],
    ["**Bold.**", "Next one.", "_It._", "Then."],
    # names of things
    ["Visit example.com today.", "Open file.txt now.", "Or www.example.org/a.b?c.", "Fine."],
    # no capitals
    ["hello.", "how are you?", "i am fine."],
    # other scripts' stops
    ["你好。", "再见！"],
    ["No stop at all"],
]


@pytest.mark.parametrize("sentences", SPLIT, ids=lambda sentences: sentences[0][:30])
def test_split(sentences: list[str]) -> None:
    text = " ".join(sentences)

    assert [text[span.start : span.end] for span in split_sentences(text)] == sentences


SPLIT_IN: list[tuple[Language, list[str]]] = [
    (Language.ES, ["¿Vienes?", "¡Claro que sí!", "Vi al Sr. García en la Avda. Real.", "«Sí.»", "Él se fue."]),
    (Language.ES, ["Peras, etc. y ya.", "Son las 3.5.", "Fin…", "¿No?", "Luego… quizá."]),
    (Language.FR, ["M. Dupont et Mme. Martin sont là.", "« Oui ! »", "C'est fini.", "Voir p. 12."]),
    (Language.IT, ["Il Sig. Rossi e il Dott. Bianchi parlano.", "Che bello!", "Nel cap. 3 si legge."]),
    (Language.PT_BR, ["O Sr. Silva saiu.", "Você viu?", "Maçãs, etc. e tal.", "Fim."]),
    (Language.HI, ["यह पहला है।", "क्या यह दूसरा है?", "डॉ. शर्मा आए।", "अंत॥"]),
    (Language.JA, ["今日は。", "「はい。」と言った。", "「え？」", "「いいえ。」終わり！"]),
    (Language.ZH, ["你好！", "你去哪儿？", "我去北京。", "“好。”他说。", "（真的？）", "是的……没错。"]),
]


@pytest.mark.parametrize(("language", "sentences"), SPLIT_IN, ids=lambda value: str(value)[:30])
def test_split_in_other_languages(language: Language, sentences: list[str]) -> None:
    separator = "" if language in {Language.JA, Language.ZH} else " "
    text = separator.join(sentences)

    assert [text[span.start : span.end] for span in split_sentences(text, language)] == sentences


@pytest.mark.parametrize("stop", "。！？।؟")
def test_every_scripts_stop_ends_a_sentence_in_any_language(stop: str) -> None:
    for language in Language:
        assert len(list(split_sentences(f"甲乙{stop} 丙丁{stop}", language))) == 2


def test_paragraphs_end_sentences_and_lines_do_not() -> None:
    text = "  CHAPTER ONE\n \nIt was a\ndark night. Rain\r\nfell.\r\n\r\n\r\nThe end"
    spans = list(split_sentences(text))

    assert [text[span.start : span.end] for span in spans] == [
        "CHAPTER ONE",
        "It was a\ndark night.",
        "Rain\r\nfell.",
        "The end",
    ]
    assert [span.ends_paragraph for span in spans] == [True, False, True, False]


@pytest.mark.parametrize("text", ["", " ", "\n\n \n", "\u2029"])
def test_nothing_to_split(text: str) -> None:
    assert list(split_sentences(text)) == []


@pytest.mark.parametrize("unit", ["1", ".", " ", "a", "\n", "\n ", "?!", "\"'", "(", "[1]", "*", "…"])
def test_a_million_characters(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    started = time.perf_counter()
    spans = list(split_sentences(text))

    assert time.perf_counter() - started < 2
    assert len(spans) <= 1

from __future__ import annotations

import pytest

from gateway.text.errors import InvalidMarkup, TextRefused, UnspeakableCharacters
from gateway.text.languages import Language
from gateway.text.segments import Mark, Pause, Script, Speech
from tests.text.markup.markup import BASE, read, slices, speeches, written


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Hello.", ["Hello."]),
        ("", []),
        (" \n ", []),
        ("a &amp; b &lt;c&gt; &quot;d&quot; &apos;e&apos; &#233;&#xE9;", ["a & b <c> \"d\" 'e' éé"]),
        ("<![CDATA[1 < 2 & 3 &amp;]]>4<![CDATA[]]>", ["1 < 2 & 3 &amp;4"]),
        ("wo<!-- not this, & not <that> -->rd", ["word"]),
        ("one\r\ntwo", ["one\r\ntwo"]),
        # breaks
        ("a<break/>b", ["a", 0.5, "b"]),
        ('a<break time="1.5s"/>b<break time=" 250MS "/>c', ["a", 1.5, "b", 0.25, "c"]),
        ('<break strength="strong"/>a<break strength="x-strong"></break>', [1.0, "a", 1.5]),
        ('a<break strength="none"/>b<break strength="x-weak"/>c<break strength="weak"/>d', ["a b c", 0.25, "d"]),
        ('a<break time="2s" strength="weak"/>b', ["a", 2.0, "b"]),
        # brackets
        ("a[pause:1s]b [Kokoro](/kˈOkəɹO/)'s", ["a", 1.0, "b {Kokoro|kˈOkəɹO}'s"]),
        ("[pau&#115;e:1s]b [a&amp;b](/&#97;/)", [1.0, "b {a&b|a}"]),
        # paragraphs and sentences
        ("<p>One</p><p>Two</p>", ["One\n\nTwo\n\n"]),
        ("a<p><s>One</s> <s>Two</s></p>b", ["a\n\nOne\n\n \n\nTwo\n\nb"]),
        ("<p>a</p><break/><p>b</p>", ["a\n\n", 0.5, "b\n\n"]),
        # other words
        ('the <sub alias="World Wide Web Consortium">W3C</sub>.', ["the World Wide Web Consortium."]),
        ('5<sub alias="kilometres">km</sub>a<sub alias="&amp; [pause:1s]">x</sub>', ["5 kilometres a& [pause:1s]"]),
        ('<say-as interpret-as="characters"> A[B </say-as>', ["A [ B"]),
        ('<say-as interpret-as="date" format="dmy" detail="1">1.2.</say-as>', ["date 1.2. en-us dmy 1"]),
        ('<phoneme alphabet="ipa" ph="təˈmeɪtoʊ"> tomato </phoneme>es', ["{tomato|təmˈAtO}es"]),
        ('<phoneme ph="/gˈO/">go</phoneme>', ["{go|ɡˈO}"]),
        ("<w>one</w><token>two</token>three", ["one two three"]),
        ("a<desc>never heard [pause:1s]</desc>b", ["ab"]),
        ("a<mark name='x'/>b", ["ab"]),
        # emphasis
        ("<emphasis>not</emphasis> now", ["{not|1} now"]),
        (
            '<emphasis level="strong">"I did, you\'re 5 km off!"</emphasis>',
            ['"{I|2} {did|2}, {you\'re|2} 5 {km|2} {off|2}!"'],
        ),
        ('<emphasis level="reduced">a <emphasis level="none">b</emphasis> c</emphasis>', ["{a|-1} b {c|-1}"]),
        ("<emphasis>[x](/a/) y</emphasis>", ["{x|a} {y|1}"]),
        ("<emphasis>we 日本 café</emphasis>", ["{we|1} 日本 {café|1}"]),
        ('<lang xml:lang="ja"><emphasis>5 [日本](/a/)</emphasis></lang>', ["5 {日本|a}"]),
    ],
)
def test_content(content: str, expected: list[str | float]) -> None:
    assert written(read(f"<speak>{content}</speak>")) == expected


def test_what_holds_between_tags() -> None:
    source = (
        '<speak xml:lang="en-GB">a <voice name="Narrator">b <prosody rate="fast" volume="soft">c '
        '<prosody rate="80%" volume="50">d <voice name="ef_dora">e</voice></prosody></prosody>'
        '<lang xml:lang="fr-fr">f</lang></voice><p xml:lang="it">g</p>'
        '<voice name="ff_siwis" xml:lang="en-us">h</voice></speak>'
    )
    george, dora, siwis = ((("bm_george", 1.0),), (("ef_dora", 1.0),), (("ff_siwis", 1.0),))
    styles = [
        (speech.text.text.strip(), speech.style.voice, speech.style.language, speech.style.rate, speech.style.volume)
        for speech in speeches(read(source))
    ]

    assert styles == [
        ("a", BASE.voice, Language.EN_GB, 1.0, 1.0),
        ("b", george, Language.EN_GB, 0.8, 1.0),
        ("c", george, Language.EN_GB, 1.0, 0.5),
        ("d", george, Language.EN_GB, 0.8, 0.25),
        ("e", dora, Language.ES, 1.0, 0.25),
        ("f", george, Language.FR, 0.8, 1.0),
        ("g", BASE.voice, Language.IT, 1.0, 1.0),
        ("h", siwis, Language.EN_US, 1.0, 1.0),
    ]


@pytest.mark.parametrize(
    ("attribute", "rate", "volume"),
    [
        ("rate='x-slow'", 0.5, 1.0),
        ("rate='slow'", 0.75, 1.0),
        ("rate='medium' pitch='medium'", 1.0, 1.0),
        ("rate='default' range='default'", 1.0, 1.0),
        ("rate=' FAST '", 1.25, 1.0),
        ("rate='x-fast'", 1.5, 1.0),
        ("rate='1.2'", 1.2, 1.0),
        ("rate='80%'", 0.8, 1.0),
        ("rate='+20%'", 1.2, 1.0),
        ("rate='-30.5%'", 0.695, 1.0),
        ("volume='silent'", 1.0, 0.0),
        ("volume='x-soft'", 1.0, 0.25),
        ("volume='soft'", 1.0, 0.5),
        ("volume='medium'", 1.0, 1.0),
        ("volume='loud'", 1.0, 1.5),
        ("volume='x-loud'", 1.0, 2.0),
        ("volume='+6dB'", 1.0, 1.995),
        ("volume='-20dB'", 1.0, 0.1),
        ("volume='50'", 1.0, 0.5),
        ("volume='50%'", 1.0, 0.5),
        ("volume='+10'", 1.0, 1.1),
        ("volume='-10%'", 1.0, 0.9),
    ],
)
def test_prosody(attribute: str, rate: float, volume: float) -> None:
    [speech] = speeches(read(f"<speak><prosody {attribute}>x</prosody></speak>"))

    assert speech.style.rate == pytest.approx(rate)
    assert speech.style.volume == pytest.approx(volume, abs=0.001)


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en", Language.EN_US),
        ("en-US", Language.EN_US),
        ("en-GB", Language.EN_GB),
        ("EN_au", Language.EN_GB),
        ("es-MX", Language.ES),
        ("fr", Language.FR),
        ("hi-IN", Language.HI),
        ("it-IT", Language.IT),
        ("ja-JP", Language.JA),
        ("pt-PT", Language.PT_BR),
        ("zh-Hant-TW", Language.ZH),
    ],
)
def test_language_tags(tag: str, language: Language) -> None:
    [speech] = speeches(read(f"<speak><lang xml:lang='{tag}'>x</lang></speak>"))

    assert speech.style.language is language


@pytest.mark.parametrize(
    "prolog",
    [
        "",
        "\ufeff",
        " \n\t",
        '<?xml version="1.0"?>',
        "\n <?xml version='1.0' encoding='UTF-16' standalone='yes'?>\n<!-- a --> <!-- <b> -->\n",
    ],
)
def test_what_may_come_before(prolog: str) -> None:
    source = prolog + "<speak version='1.1' xmlns='http://www.w3.org/2001/10/synthesis'>Hé</speak> \n<!-- end -->"
    [speech] = speeches(read(source))

    assert slices(source, speech) == [("H", "H"), ("é", "é")]


@pytest.mark.parametrize(
    "text", ["<speaker>a</speaker>", "Say <speak>a</speak>", "<!-- a -->", "<?xml version='1.0'?>", "<SPEAK>"]
)
def test_anything_else_is_text(text: str) -> None:
    assert written(read(text)) == [text]


def test_every_character_knows_its_place() -> None:
    source = (
        "<speak>é&amp;<b/>".replace("<b/>", "")
        + "<![CDATA[<ü>]]>&#x1F600;\n<sub alias='you'>U</sub>😀 [x](/a/)</speak>"
    )
    [speech] = speeches(read(source))

    assert slices(source, speech) == [
        ("é", "é"),
        ("&", "&amp;"),
        *((char, char) for char in "<ü>"),
        ("😀", "&#x1F600;"),
        ("\n", "\n"),
        *((char, "U") for char in "you"),
        ("😀", "😀"),
        (" ", " "),
        ("\ufffc", "x"),
    ]


def test_places_in_a_document_longer_than_expats_buffer() -> None:
    source = "<speak>" + "é 😀 x\n" * 200_000 + "<mark name='here'/></speak>"

    assert read(source).marks == (Mark("here", source.index("<mark")),)


def test_marks_and_pauses_know_their_tags() -> None:
    source = "<speak>ä<mark name='one'/><break time='1s'/><mark name='two'/></speak>"
    script = read(source)

    assert script.segments[1] == Pause(1.0, source.index("<break"), source.index("<mark name='two'"))
    assert script.marks == (Mark("one", 8), Mark("two", source.index("<mark name='two'")))


def test_an_object_character_of_the_users_own_is_a_space() -> None:
    source = "<speak>a\ufffcb&#xFFFC;c<sub alias='x\ufffcy'>z</sub></speak>"

    assert written(read(source)) == ["a b c x y"]


def test_nothing_but_silence() -> None:
    assert read("<speak/>") == Script(())


def _within(content: str) -> str:
    return f"<speak>\n{content}</speak>"


_REFUSED = [
    # what the model cannot do
    (
        "<audio src='a.wav'/>",
        "<audio src='a.wav'/>",
        "this element is not supported; those that are: speak, p, s, break,",
    ),
    ("<lexicon uri='a'/>", "<lexicon uri='a'/>", "this element is not supported"),
    ("<amazon:effect>a</amazon:effect>", "<amazon:effect>", "this element is not supported"),
    (
        "<prosody pitch='high'>a</prosody>",
        "<prosody pitch='high'>",
        "the attribute 'pitch' is not supported: the model",
    ),
    ("<prosody range='low'>a</prosody>", "<prosody range='low'>", "the attribute 'range' is not supported"),
    ("<prosody contour='(0%,+20Hz)'>a</prosody>", "<prosody contour='(0%,+20Hz)'>", "the attribute 'contour' is not"),
    ("<prosody duration='1s'>a</prosody>", "<prosody duration='1s'>", "the attribute 'duration' is not supported"),
    ("<voice gender='male'>a</voice>", "<voice gender='male'>", "the attribute 'gender' is not supported"),
    (
        "<phoneme alphabet='x-sampa' ph='a'>a</phoneme>",
        "<phoneme alphabet='x-sampa' ph='a'>",
        "'x-sampa' is not supported",
    ),
    # values
    (
        "<break time='fast'/>",
        "<break time='fast'/>",
        "a time is written in seconds or milliseconds, as in 1.5s or 500ms",
    ),
    ("<break time='1'/>", "<break time='1'/>", "a time is written in seconds"),
    ("<break time='-1s'/>", "<break time='-1s'/>", "a time is written in seconds"),
    ("<break strength='huge'/>", "<break strength='huge'/>", "a strength is one of none, x-weak, weak, medium, strong"),
    ("<break time='61s'/>", "<break time='61s'/>", "a pause is at most 60 s long"),
    (
        "<prosody rate='quick'>a</prosody>",
        "<prosody rate='quick'>",
        "a rate is x-slow, slow, medium, fast, x-fast, a factor",
    ),
    ("<prosody rate='+0.5'>a</prosody>", "<prosody rate='+0.5'>", "a rate is x-slow"),
    ("<prosody rate='10'>a</prosody>", "<prosody rate='10'>", "this makes the rate 10; it must be between 0.25 and 4"),
    ("<prosody rate='-100%'>a</prosody>", "<prosody rate='-100%'>", "this makes the rate 0"),
    ("<prosody volume='noisy'>a</prosody>", "<prosody volume='noisy'>", "a volume is silent, x-soft"),
    ("<prosody volume='+99dB'>a</prosody>", "<prosody volume='+99dB'>", "it must be at most 10"),
    (
        "<emphasis level='huge'>a</emphasis>",
        "<emphasis level='huge'>",
        "a level is one of strong, moderate, none, reduced",
    ),
    (
        "<lang xml:lang='es'><emphasis>no</emphasis></lang>",
        "no",
        "'no': stress and number flags are for English, this is es",
    ),
    ("<voice name='nobody'>a</voice>", "<voice name='nobody'>", "Voice 'nobody' not found"),
    ("<voice>a</voice>", "<voice>", "the attribute 'name' is needed"),
    ("<lang xml:lang='tlh'>a</lang>", "<lang xml:lang='tlh'>", "Unknown language 'tlh'"),
    ("<lang>a</lang>", "<lang>", "the attribute 'xml:lang' is needed"),
    ("<mark/>", "<mark/>", "the attribute 'name' is needed"),
    ("<sub>a</sub>", "<sub>", "the attribute 'alias' is needed"),
    ("<sub alias='b'/>", "<sub alias='b'/>", "this element has no text to be said in another way"),
    ("<say-as interpret-as='date'> </say-as>", "<say-as interpret-as='date'>", "this element has no text"),
    ("<say-as>a</say-as>", "<say-as>", "the attribute 'interpret-as' is needed"),
    (
        "<say-as interpret-as='nonsense'>a</say-as>",
        "<say-as interpret-as='nonsense'>",
        "Unknown interpret-as 'nonsense', at",
    ),
    ("<phoneme ph='a€'>a</phoneme>", "<phoneme ph='a€'>", "'€' (U+20AC, EURO SIGN) is no phoneme that the model knows"),
    ("<phoneme ph='ˈ'>a</phoneme>", "<phoneme ph='ˈ'>", "there is no sound in these phonemes"),
    ("<phoneme>a</phoneme>", "<phoneme>", "the attribute 'ph' is needed"),
    # structure
    ("<speak>a</speak>", "<speak>", "this element cannot stand inside <speak>"),
    ("<sub alias='b'><break/></sub>", "<break/>", "this element cannot stand inside <sub>"),
    ("<desc><p>a</p></desc>", "<p>", "this element cannot stand inside <desc>"),
    ("<break>b</break>", "b", "<break> must be empty"),
    ("[voice:af_sky]", "[voice:af_sky]", "in SSML, voice and rate are changed by <voice> and <prosody>"),
    ("[pause:x]", "[pause:x]", "a pause is written in seconds"),
    ("[a](/a€/)", "€", "'€' (U+20AC, EURO SIGN) is no phoneme"),
]


@pytest.mark.parametrize(("content", "place", "message"), _REFUSED)
def test_refusals_name_the_place(content: str, place: str, message: str) -> None:
    source = _within(content)
    with pytest.raises(InvalidMarkup) as refused:
        read(source)

    error = refused.value
    assert message in error.message
    assert source[error.char_start : error.char_end] == place
    assert f"at character {error.char_start} (line 2, column {error.char_start - len('<speak>')})" in error.message
    assert error.param == "input"


@pytest.mark.parametrize(
    ("source", "place", "message"),
    [
        ("<speak>a", 8, "The SSML cannot be read: no element found"),
        ("<speak>a</p>", 10, "The SSML cannot be read: mismatched tag"),
        ("<speak>é & b</speak>", 10, 'not well-formed; "<" is written &lt; and "&" is &amp;'),
        ("<speak>é<1</speak>", 9, "not well-formed"),
        ("<speak>\x00</speak>", 7, "not well-formed"),
        ("<speak>é&nbsp;</speak>", 8, "only &amp;, &lt;, &gt;, &quot;, &apos; and numbers such as &#233; can be used"),
        ("<speak>&#0;</speak>", 7, "reference to invalid character number"),
        ("<speak>&#xD800;</speak>", 7, "reference to invalid character number"),
        ("<speak a='1' a='2'/>", 13, "duplicate attribute"),
        ("<speak>a</speak>b", 16, "junk after document element"),
        ("<speak>a<?php x?></speak>", 8, "'<?php': a processing instruction is not allowed"),
        ("<?xml-stylesheet href='a'?><speak>a</speak>", 0, "a processing instruction is not allowed"),
        ("<!DOCTYPE speak><speak>a</speak>", 0, "'<!DOCTYPE': a document type is not allowed"),
        ("<!-- a --><!DOCTYPE speak SYSTEM 'http://a/b.dtd'><speak/>", 10, "a document type is not allowed"),
        (
            "<?xml version='1.0'?>\n<!DOCTYPE a [<!ENTITY b 'c'>]><speak>&b;</speak>",
            22,
            "a document type is not allowed",
        ),
        ("<speak version='2' volume='1'/>", 0, "the attribute 'volume' is not supported"),
    ],
)
def test_documents_that_are_none(source: str, place: int, message: str) -> None:
    with pytest.raises(InvalidMarkup) as refused:
        read(source)

    assert message in refused.value.message
    assert refused.value.char_start == place


def test_entity_bomb() -> None:
    entities = "".join(f"<!ENTITY e{n + 1} '{f'&e{n};' * 10}'>" for n in range(9))
    with pytest.raises(InvalidMarkup, match="a document type is not allowed"):
        read(f"<!DOCTYPE speak [<!ENTITY e0 'ha'>{entities}]><speak>&e9;</speak>")


def test_nesting() -> None:
    deep = "<speak>" + "<prosody>" * 9 + "a" + "</prosody>" * 9 + "</speak>"

    assert written(read(deep)) == ["a"]
    with pytest.raises(InvalidMarkup, match="elements are nested more than 9 deep, at character 79"):
        read(deep, ssml_max_depth=9)


def test_lone_surrogates() -> None:
    with pytest.raises(UnspeakableCharacters) as refused:
        read("<speak>a\ud800</speak>")

    assert refused.value.char_start == 8


def test_pauses_of_tags_and_elements_count_together() -> None:
    content = "<break time='1s'/>[pause:1s]"

    assert len(read(_within(content), max_total_pause_s=2.0).segments) == 2
    with pytest.raises(TextRefused, match=r"longer than 1\.5 s"):
        read(_within(content), max_total_pause_s=1.5)


def test_an_unknown_voice_keeps_its_code() -> None:
    with pytest.raises(InvalidMarkup) as refused:
        read("<speak><voice name='nobody'>a</voice></speak>")

    assert refused.value.code == "voice_not_found"


def test_a_book_of_sentences_is_one_speech_with_its_places() -> None:
    text = "<speak>" + "<s>é1</s>" * 1_200 + "</speak>"
    (segment,) = read(text, ssml=True).segments

    assert isinstance(segment, Speech)
    assert segment.text.text == "é1\n\n" * 1_200
    places = [segment.text.starts[index] for index, char in enumerate(segment.text.text) if char == "é"]
    assert places == [index for index, char in enumerate(text) if char == "é"]

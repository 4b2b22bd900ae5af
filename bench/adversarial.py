"""What a million characters of one tangled kind cost before the G2P: markup, sections, lexicon, cleaning, normaliser.

    python -m bench.adversarial
    python -m bench.adversarial --languages en-us es --only "numbers" "amounts"
    python -m bench.adversarial --rules             the slowest rule of each kind instead, met by all of the text

Seconds of processor time on one core, the best of ``--rounds``, as a request is served: section by section. "rest"
is what comes after, sentences and lines, up to the G2P. Run it on a quiet machine: a busy neighbour on the other half
of a core makes everything up to twice as slow, which the first line tells: what a loop of fixed work takes.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from gateway.text.aligned import AlignedText
from gateway.text.cleaning import RULES, clean, on_one_line
from gateway.text.languages import BY_LETTER, Language
from gateway.text.markup import Lexicon, MarkupOptions, VoiceAlias, read_script
from gateway.text.normaliser import normalise, say_as
from gateway.text.normaliser.markdown import without_code
from gateway.text.normaliser.tables import rules_for
from gateway.text.normalization import NormalizationOptions
from gateway.text.scripts import refuse_unspeakable
from gateway.text.sections import cut_sections
from gateway.text.segments import Speech, Style
from gateway.text.sentences import split_sentences
from shared.voices import CATALOGUE, parse_mix

CHARACTERS = 1_000_000
_OPTIONS = NormalizationOptions(unit_normalization=True)

REPEATED = {
    "ones": "1 ", "ones, comma": "1,", "ones, stop": "1.", "ones, dash": "1-1-", "halves": "1/2 ", "amount": "$1.2M ",
    "date": "12/3/45 ", "long date": "May 1, 2020 ", "time": "10:30 ", "decade": "1990s ", "ordinal": "1st ",
    "unit": "5 km ", "letter and digit": "1a ", "telephone": "+1 555-555-5555 ", "sum": "x=1+", "power": "x^2 ",
    "vulgar fraction": "½ ", "e-mail": "a@b.c ", "URL": "http://x ", "host": "a.com ", "path": "/a/b ", "file": "x.py ",
    "handle": "@a ", "hashtag": "#a ", "stars": "**", "bold": "**a** ", "code": "`a` ", "list": "- a\n",
    "table": "|a|b\n", "heading": "# a\n", "parentheses": "((((", "brackets": "[[[[", "angles": "<<<<",
    "open link": "[a](", "quotes": "“”", "straight quotes": "\"'",
    "stops": "....", "commas": ",", "spaces": " ",
    "blank lines": "\n\n", "dashes": "--",
    "title": "Dr. ", "initials": "U.S. ", "number of": "No. 5 ", "numerals": "IVXLC ", "ruler": "Henry VIII ",
    "one letter": "a", "capitals": "A", "accents": "a\u0301", "marks": "\u0301", "emoji": "😀", "joiners": "\u200d",
    "family": "👨\u200d👩\u200d👧", "no-break spaces": "1\u00a0", "greek": "α ", "squares": "㎞", "circles": "① ",
    "arabic digits": "٣ ", "plain words": "The cat sat on the mat. ",
}  # fmt: skip

MARKUP = {
    "pronunciation": "[a](/b/)", "stress": "[a b c](+1)", "pause": "[pause:0.0001]", "voice": "[voice:fast]x[/voice]y",
    "rate": "[rate:1.1]x[rate:1]", "sentence": "<s>a</s>", "paragraph": "<p>é</p>", "empty": "<s/>",
    "break": "<break time='0s'/>", "emphasis": "<emphasis>a b</emphasis>", "prosody": "<prosody rate='1.1'>a</prosody>",
    "sub": "<sub alias='x'>y</sub>", "say-as": "<say-as interpret-as='cardinal'>1</say-as>", "entity": "&amp;",
    "mark": "<mark name='a'/>", "comment": "<!---->a", "cdata": "<![CDATA[&]]>",
}  # fmt: skip

ENTRIES = Lexicon({f"word{number}": "wˈɜɹd" for number in range(998)} | {"a " * 15 + "b": "a", "東" * 15 + "京": "a"})
LEXICON = {"entries": "word1 ", "nearly an entry": "a ", "nearly, no spaces": "東", "no entry": "The cat sat. "}

WORDS: Mapping[str, Callable[[random.Random], str]] = {
    "numbers of any length": lambda source: str(source.randrange(10 ** source.randint(1, 15))),
    "numbers of six digits": lambda source: str(source.randrange(10**5, 10**6)),
    "decimals": lambda source: f"{source.randrange(10**6) / 1000}",
    "amounts": lambda source: f"${source.randrange(10**6) / 100:.2f}",
    "dates": lambda source: f"{source.randint(1, 28)}/{source.randint(1, 12)}/{source.randint(1000, 2100)}",
    "times": lambda source: f"{source.randint(0, 23)}:{source.randint(0, 59):02}:{source.randint(0, 59):02}",
    "years": lambda source: str(source.randint(1100, 2099)),
    "measures": lambda source: f"{source.randrange(10**4)} {source.choice(['km', 'kg', 'GHz', 'mph', '°C', '%'])}",
    "codes": lambda source: f"{source.choice('ABCXYZ')}{source.randrange(10**4)}{source.choice('abc')}",
    "any signs": lambda source: "".join(source.choices("0123456789.,:/-' $%aIX+^=#@\n*_`|", k=60)),
}


MARKUP_OPTIONS = MarkupOptions(
    voice_of=lambda expression: parse_mix(expression, CATALOGUE),
    language_of=lambda voice: BY_LETTER[voice[0][0][0]],
    language_code=Language,
    say_as=say_as,
    allow_voice_tags=True,
    ssml=True,
    aliases={"fast": VoiceAlias("af_sky(2)+af_bella(1)", 2.0)},
    max_total_pause_s=CHARACTERS,
)


class Cost(NamedTuple):
    markup_s: float
    sections_s: float
    normaliser_s: float
    rest_s: float

    @property
    def before_g2p_s(self) -> float:
        return self.markup_s + self.sections_s + self.normaliser_s


def inputs(characters: int = CHARACTERS) -> dict[str, str]:
    """A text of each kind by its name; those of SSML are whole documents."""
    texts = {name: _repeated(unit, characters) for name, unit in REPEATED.items()}
    for name, unit in MARKUP.items():
        whole = unit * (characters // len(unit))
        texts[f"markup: {name}"] = whole if unit[0] == "[" else f"<speak>{whole}</speak>"
    texts |= {f"lexicon: {name}": _repeated(unit, characters) for name, unit in LEXICON.items()}
    source = random.Random(7)  # noqa: S311 - a text, not a secret
    return texts | {f"different {name}": written(write, source, characters) for name, write in WORDS.items()}


def _repeated(unit: str, characters: int) -> str:
    return (unit * (characters // len(unit) + 1))[:characters]


def written(write: Callable[[random.Random], str], source: random.Random, characters: int) -> str:
    """So many characters of words that ``write`` makes up."""
    words: list[str] = []
    length = 0
    while length < characters:
        words.append(write(source))
        length += len(words[-1]) + 1
    return " ".join(words)[:characters]


def cost(text: str, language: Language = Language.EN_US, *, lexicon: Lexicon | None = None) -> Cost:
    """Processor seconds of each step for all of ``text``."""
    clock = time.process_time
    begun = clock()
    script = read_script(text, Style((("af_heart", 1.0),), language), MARKUP_OPTIONS)
    speeches = [segment.text for segment in script.segments if isinstance(segment, Speech)]
    read = clock()
    for speech in speeches:
        refuse_unspeakable(speech.text, language)
    sections = [section.text for speech in speeches for section in cut_sections(without_code(speech), language)]
    cut = clock()
    entries = lexicon or Lexicon()
    told = [entries.apply(clean(section)) for section in sections]
    normal = [normalise(section, language, _OPTIONS) for section in told]
    normalised = clock()
    for each in normal:
        for span in split_sentences(each.text, language):
            on_one_line(each.slice(span.start, span.end))
    return Cost(read - begun, cut - read, normalised - cut, clock() - normalised)


def rule_costs(text: str, language: Language = Language.EN_US) -> dict[str, float]:
    """Processor seconds of each rule for all of ``text``, section by section, offsets included; by its name."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for section in cut_sections(AlignedText.of(text), language):
        told = section.text
        for rule in (*RULES, *rules_for(language, _OPTIONS)):
            begun = time.process_time()
            told = rule.apply(told)
            seconds[rule.name] += time.process_time() - begun
    return seconds


def fixed_work_s() -> float:
    """A loop that takes about a tenth of a second: more on a slower or busier machine."""
    started, total = time.process_time(), 0
    for number in range(2_000_000):
        total += number & 3
    return time.process_time() - started


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--languages", nargs="+", type=Language, default=[Language.EN_US])
    parser.add_argument("--only", nargs="+", default=[""], help="names of kinds, or parts of them")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--rules", action="store_true")
    options = parser.parse_args(arguments)
    for language in options.languages:
        print(f"\n{language.value}: fixed work {min(fixed_work_s() for _ in range(3)):.3f} s")
        texts = {name: text for name, text in inputs().items() if any(part in name for part in options.only)}
        if options.rules:
            print_slowest_rules(texts, language)
        else:
            print_costs(texts, language, options.rounds)


def print_costs(texts: Mapping[str, str], language: Language, rounds: int) -> None:
    print(f"{'kind':36} {'markup':>8} {'sections':>8} {'normalise':>9} {'together':>8} {'rest':>8}")
    for name, text in texts.items():
        lexicon = ENTRIES if name.startswith("lexicon") else None
        found = min((cost(text, language, lexicon=lexicon) for _ in range(rounds)), key=sum)
        markup_s, sections_s, normaliser_s, rest_s = found
        print(f"{name:36} {markup_s:8.2f} {sections_s:8.2f} {normaliser_s:9.2f}", end=" ")
        print(f"{found.before_g2p_s:8.2f} {rest_s:8.2f}", flush=True)


def print_slowest_rules(texts: Mapping[str, str], language: Language) -> None:
    for name, text in texts.items():
        rule, seconds = max(rule_costs(text, language).items(), key=lambda cost: cost[1], default=("none", 0.0))
        print(f"{name:36} {seconds:8.2f} {rule}", flush=True)


if __name__ == "__main__":
    main()

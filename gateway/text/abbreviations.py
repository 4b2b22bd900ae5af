"""Abbreviations that tell a full stop inside a sentence from one that ends it, by language."""

from __future__ import annotations

from typing import NamedTuple

from gateway.text.languages import Language
from gateway.text.phonemisers.function_words import FUNCTION_WORDS


class Abbreviations(NamedTuple):
    """Of one language, in lower case, without the stop at their end."""

    continues: frozenset[str]
    """A stop after one of these never ends a sentence."""
    continues_before_number: frozenset[str]
    """A stop after one of these does not end a sentence if a number follows: "No. 5", but "No. He left."."""
    may_end: frozenset[str]
    """A stop after one of these ends a sentence only before a word of ``begins``; so does one after initials."""
    begins: frozenset[str]
    """Words that, with a capital after a stop, begin a sentence rather than go on with a name."""


def _of(continues: str, before_number: str, may_end: str, begins: str) -> Abbreviations:
    return Abbreviations(*(frozenset(words.split()) for words in (continues, before_number, may_end, begins)))


_ENGLISH = _of(
    # before a name
    "dr mr mrs ms mx prof rev fr hon pres gov sen rep amb gen maj col lt cmdr capt sgt cpl pvt adm supt insp mme mlle "
    "messrs mt ft "
    # before an example, a comparison, an amount
    "e.g i.e eg ie cf viz vs v approx ca resp incl excl esp nr "
    # before a number or a letter, and no English words themselves
    "nos fig figs eq eqs vol vols pp ch chap tel ext",
    "no art sec p par pt bk mar",
    "etc al inc ltd co corp llc plc bros jr sr esq ph.d m.sc b.sc st ave blvd rd hwy apt dept est assn univ "
    "oz lb lbs hr hrs jan feb apr jun jul aug sept oct nov dec",
    "a an the this that these those i you he she it we they my your his her its our their there here "
    "and but or so yet if when while after before as because although though since until unless once "
    "in on at by for from with without of to what who why how where which whose then now today "
    "not no yes all some many most each every both one however also even just only perhaps maybe "
    "is are was were do does did have has had can could will would should may might must let please",
)


def _romance(language: Language, continues: str, before_number: str, may_end: str, begins: str) -> Abbreviations:
    return _of(continues, before_number, may_end, f"{begins} {' '.join(FUNCTION_WORDS[language])}")


ABBREVIATIONS: dict[Language, Abbreviations] = {
    Language.EN_US: _ENGLISH,
    Language.EN_GB: _ENGLISH,
    Language.ES: _romance(
        Language.ES,
        "sr sra srta sres dr dra dña prof profa av avda pág págs núm tel p.ej ej cap vol fig aprox vs st sto sta",
        "art n",
        "etc ud uds vd vds ee.uu a.c d.c a.m p.m cía s.a",
        "yo él ella ellos ellas eso esto ese este qué quién cómo dónde cuándo luego ahora hoy sí también ya "
        "todos hay es",
    ),
    Language.FR: _romance(
        Language.FR,
        "m mm mme mmes mlle dr pr me av bd tél env p.ex ex cf p pp vol fig chap st ste j.-c vs",
        "art n no",
        "etc",
        "je tu elle nous vous elles cela ça ceci qui quoi comment alors puis aujourd'hui oui non c'est il est",
    ),
    Language.IT: _romance(
        Language.IT,
        "sig sig.ra sig.na sigg dott dott.ssa dr prof prof.ssa ing avv arch on p.es es pag pagg tel cap vol fig "
        "ca s v.le",
        "art n nr",
        "ecc a.c d.c",
        "io tu lui lei noi voi loro questo questa quello quella chi cosa dove poi ora oggi sì no anche tutti è c'è ci",
    ),
    Language.PT_BR: _romance(
        Language.PT_BR,
        "sr sra srta dr dra prof profa av r pág págs núm tel p.ex ex cap vol fig aprox exmo vs sto sta",
        "art n",
        "etc a.c d.c cia ltda s.a",
        "eu ele ela eles elas nós você vocês isso isto esse este quem como onde agora hoje sim também já todos é há",
    ),
    Language.HI: _of("डॉ श्री प्रो पं सं रु कि.मी कि.ग्रा", "", "इ ई.पू", ""),
    Language.JA: _of("", "", "", ""),
    Language.ZH: _of("", "", "", ""),
}

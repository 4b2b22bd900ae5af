"""Words that lean on the next one, by language: nobody pauses after them, and some are a good place to pause before."""

from __future__ import annotations

from typing import NamedTuple

from gateway.text.languages import Language


class FunctionWord(NamedTuple):
    begins_phrase: bool
    """A conjunction, a preposition or a relative, rather than an article or a possessive."""


_BEGIN: dict[Language, str] = {
    Language.ES: "a ante aunque bajo como con contra cuando de desde donde durante e en entre hacia hasta mientras ni "
    "o para pero por porque pues que quien según si sin sino sobre tras u y",
    Language.FR: "à après aux avant avec car chez comme contre d'abord dans de depuis des donc dont du durant en "
    "entre et jusque lorsque mais ni où ou par parce pendant pour puisque quand que qui sans si sous sur vers",
    Language.IT: "a anche che come con contro da dal dalla dei del della delle di dopo durante e ed fra in ma mentre "
    "ne nei nel nella nelle o oppure per perché però quando se senza sopra sotto su sul sulla tra verso",
    Language.PT_BR: "a à ao aos às com como contra da das de desde do dos durante e em embora enquanto entre já mas "
    "na nas nem no nos onde ou para pela pelo pois por porque quando que se segundo sem sob sobre",
    Language.HI: "और या लेकिन मगर परंतु किंतु क्योंकि कि जब तब अगर यदि तो जो जिस ताकि जबकि इसलिए",
}
_LEAN: dict[Language, str] = {
    Language.ES: "al del el la las lo los me mi mis muy no nos nuestra nuestro se su sus te tu tus un una unas unos",
    Language.FR: "au ce ces cet cette il ils je la le les leur leurs ma mes mon ne notre on se ses son ta tes ton tu "
    "un une vos votre",
    Language.IT: "gli i il la le lo mi mia mio molto non si sua suo ti tua tuo un una uno",
    Language.PT_BR: "as lhe me meu minha muito não o os seu seus sua suas te um uma umas uns",
    Language.HI: "एक मेरा मेरी मेरे यह वह इस उस बहुत",
}

FUNCTION_WORDS: dict[Language, dict[str, FunctionWord]] = {
    language: {word: FunctionWord(begins_phrase=False) for word in _LEAN[language].split()}
    | {word: FunctionWord(begins_phrase=True) for word in _BEGIN[language].split()}
    for language in _BEGIN
}

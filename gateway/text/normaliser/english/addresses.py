"""What one types rather than says: web and e-mail addresses, paths, file names, handles and hashtags."""

from __future__ import annotations

import re

import regex

from gateway.text.normaliser.english.numbers import Numbers, digits, spelled
from gateway.text.normaliser.english.patterns import LETTER, any_of
from gateway.text.normalization import NormalizationOptions
from gateway.text.rules import DIGITS, LETTERS, Anchor, Rule, remembered

SIGN_NAMES = {
    ".": "dot", "/": "slash", "\\": "backslash", "-": "dash", "_": "underscore", ":": "colon", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "%": "percent", "+": "plus", "~": "tilde", "@": "at", "*": "star",
    "!": "exclamation mark", "$": "dollar sign", ";": "semicolon", ",": "comma", "|": "pipe",
}  # fmt: skip

_TOP_LEVEL = (
    "com org net edu gov mil int info biz io ai dev app co tv xyz online site tech store blog cloud news shop wiki "
    "uk ca au de fr es nl ch se dk fi pl pt br mx ar jp cn kr ru ua ie nz za eu gr tr il cz hu ro sg hk tw th vn ph gg "
    "ly fm im sh"
).split()

_WORDS_TOO = "me us it be at no in is to so my am id".split()
"""Top-level domains that are words as well: part of an address only with a path behind them."""

EXTENSIONS = (
    "txt md pdf doc docx xls xlsx ppt pptx csv tsv json xml yaml yml toml ini cfg conf log html htm css js ts jsx tsx "
    "py pyc ipynb rb rs go java kt cpp hpp cs swift php sh bash zsh bat ps1 sql db exe dll dmg iso apk deb rpm "
    "zip tar gz tgz bz2 xz rar 7z jpg jpeg png gif svg webp bmp ico tiff psd mp3 mp4 wav flac ogg opus aac m4a avi mkv "
    "mov webm srt vtt epub mobi tex bib onnx pt bin lock env"
).split()

_READ_EXTENSIONS = frozenset(
    "doc docs log conf java swift bash go exe zip tar gif lock env bin json yaml toml tiff".split()
)

_LABELS = r"(?:[\p{L}\p{N}][\p{L}\p{N}-]{0,62}+\.){1,6}"
_PATH = r"(?:[/?#](?:[^\s<>\"“”‘’`{}|\\^\[\]]{0,2000})(?<![.,;:!?)'*_]))?"
_TOKEN = regex.compile(r"[A-Za-z]+|\d+|[^\sA-Za-z\d]")
_CAMEL = regex.compile(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")
_VOWEL = regex.compile(r"[aeiouyAEIOUY]")


def address_rules(say: Numbers, options: NormalizationOptions) -> tuple[Rule, ...]:
    """E-mail before web addresses, whose hosts look like its ends; file names last."""
    rules: tuple[Rule, ...] = ()
    if options.email_normalization:
        rules += (_email(say),)
    if options.url_normalization:
        rules += _urls(say)
    return (*rules, *_files(say), *_tags(say))


def read_address(say: Numbers, text: str) -> str:
    """Each part of an address that is a word as that word, each sign by its name, the rest letter by letter."""
    return " ".join(_read(say, token) for token in _TOKEN.findall(text))


def _read(say: Numbers, part: str) -> str:
    if part in SIGN_NAMES:
        return SIGN_NAMES[part]
    if part.isdecimal():
        return say.cardinal(part) if len(part) <= 4 else digits(part)
    if part == "www":
        return "W.W.W"
    if len(part) == 1 or (len(part) <= 3 and not _VOWEL.search(part)):
        return spelled(part) or part  # what is no letter, such as ½, is for later rules
    return part


_E_MAIL_ADDRESS = regex.compile(
    r"(?<![\p{L}\p{N}._%+@-])(?:mailto:)?(?P<address>[\p{L}\p{N}_%+][\p{L}\p{N}._%+-]{0,63}+"
    r"@(?:[\p{L}\p{N}][\p{L}\p{N}-]{0,62}+\.){1,8}\p{L}{2,24}+)(?![\p{L}\p{N}@])"
)


_E_MAIL_ADDRESS_HINT = regex.compile(r"@[\p{L}\p{N}][\p{L}\p{N}.-]*\.\p{L}{2}")


def _email(say: Numbers) -> Rule:
    read = remembered(lambda match: read_address(say, match["address"]))
    return Rule("e-mail address", _E_MAIL_ADDRESS, read, frozenset("@"), frozenset("."), hint=_E_MAIL_ADDRESS_HINT)


_WEB_ADDRESS_WITH_SCHEME = regex.compile(
    r"(?<![\p{L}\p{N}])(?:(?P<scheme>https?|ftp|sftp|ssh|git|file|wss?)://)"
    r"(?P<rest>[^\s<>\"“”‘’`{}|\\^\[\]]{1,2000}(?<![.,;:!?)'*_]))"
)
_WEB_ADDRESS = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}.@/_-])(?P<rest>(?:www\.{_LABELS}\p{{L}}{{2,24}}+|{_LABELS}(?:{any_of(_TOP_LEVEL)}"
    rf"|(?:{any_of(_WORDS_TOO)})(?=/)))(?![\p{{L}}\p{{N}}_@-]|\.[\p{{L}}\p{{N}}])(?::\d{{2,5}})?{_PATH})"
)
_WEB_ADDRESS_HINT = re.compile(rf"\.(?:(?<=www.)|(?:{any_of(_TOP_LEVEL)})(?![A-Za-z0-9_@-])|(?:{any_of(_WORDS_TOO)})/)")
_ADDRESS_OF_A_MACHINE = regex.compile(
    r"(?<![\p{L}\p{N}.])(?:localhost|(?:\d{1,3}\.){3}\d{1,3}):\d{2,5}(?:/[\w/.-]{0,200}+(?<![.-]))?(?![\p{L}\p{N}])"
)
_ADDRESS_OF_A_MACHINE_HINT = re.compile(r":(?=\d)(?:(?<=localhost.)|(?<=\.\d.)|(?<=\.\d\d.)|(?<=\.\d{3}.))")


def _urls(say: Numbers) -> tuple[Rule, ...]:
    def url(match: regex.Match[str]) -> str:
        if not any(map(str.isalnum, match["rest"])):  # signs alone are no address
            return match.group()
        scheme = "" if match["scheme"] in {"http", "https"} else f"{_read(say, match['scheme'])} "
        return scheme + read_address(say, match["rest"].rstrip("/") or "/")

    return (
        Rule("web address with scheme", _WEB_ADDRESS_WITH_SCHEME, remembered(url), frozenset(":")),
        Rule(
            "web address",
            _WEB_ADDRESS,
            remembered(lambda match: read_address(say, match["rest"].rstrip("/"))),
            frozenset("."),
            hint=_WEB_ADDRESS_HINT,
        ),
        Rule(
            "address of a machine",
            _ADDRESS_OF_A_MACHINE,
            remembered(lambda match: read_address(say, match.group())),
            frozenset(":"),
            DIGITS,
            hint=_ADDRESS_OF_A_MACHINE_HINT,
        ),
    )


_PATH_OF_WINDOWS = regex.compile(r"(?<![\p{L}\p{N}])[A-Za-z]:\\(?:[^\s\\/:*?\"<>|]{1,200}+\\?){0,30}+(?<![.,;!?)'])")
_PATH_RULE = regex.compile(
    r"(?<![\p{L}\p{N}_./:~-])(?:~|\.\.?)?(?:/[\p{L}\p{N}_.+@-]{1,200}+){1,30}+"
    r"(?<=/[^/\s]{1,200}/[^\s]{1,6000}|[~.]/[^\s]{1,6000}|/(?:usr|etc|var|tmp|home|opt|bin|dev|lib|proc|root|mnt|srv|api|v\d))"
    r"(?<![.,])/?(?![\p{L}\p{N}])"
)
_PATH_ANCHOR = Anchor(re.compile(rf"/(?=[0-9_.+@-]|{LETTER})(?<![0-9A-Za-z_/:-].)"), run="~.")
_FILE_NAME = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}./\\_-])[\p{{L}}\p{{N}}_-]{{0,100}}+(?:\.[\p{{L}}\p{{N}}_-]{{1,100}}+){{0,4}}?\.(?:(?i:{any_of(EXTENSIONS)})|(?<=\w\w\.)[chr])"
    rf"(?![\p{{L}}\p{{N}}_/-]|\.[\p{{L}}\p{{N}}])"
)
_FILE_NAME_HINT = re.compile(rf"\.(?:(?i:{any_of(EXTENSIONS)})|[chr])(?![A-Za-z0-9_/-])")


def _files(say: Numbers) -> tuple[Rule, ...]:
    path = remembered(lambda match: read_address(say, match.group()))

    def file_name(match: regex.Match[str]) -> str:
        *parts, extension = match.group().split(".")
        names = " dot ".join(read_words(say, part) for part in parts if part)
        ending = extension if extension.lower() in _READ_EXTENSIONS else spelled(extension)
        return f"{'dot ' if not parts[0] else ''}{names} dot {ending}"

    return (
        Rule("path of Windows", _PATH_OF_WINDOWS, path, frozenset("\\")),
        Rule("path", _PATH_RULE, path, frozenset("/"), anchor=_PATH_ANCHOR),
        Rule("file name", _FILE_NAME, remembered(file_name), frozenset("."), LETTERS, hint=_FILE_NAME_HINT),
    )


_COLOUR = regex.compile(r"(?<![\p{L}\p{N}&#])#(?=[0-9A-Fa-f]{0,5}\d)[0-9A-Fa-f]{6}(?![\p{L}\p{N}_])")
_HASHTAG = regex.compile(r"(?<![\p{L}\p{N}_&/#])#(?P<name>(?=[\p{L}\p{N}_]{0,138}\p{L})[\p{L}\p{N}_]{1,139}+)")
_HANDLE = regex.compile(
    r"(?<![\p{L}\p{N}_.@])@(?P<name>[\p{L}_][\p{L}\p{N}_]{0,60}+(?:[.-][\p{L}\p{N}_]{1,60}+){0,3}+)"
)
_IDENTIFIER = regex.compile(
    r"(?<![\p{L}\p{N}_])_{0,2}\p{L}[\p{L}\p{N}]{0,60}+(?:_{1,2}[\p{L}\p{N}]{1,60}+){1,20}+_{0,2}(?![\p{L}\p{N}_])"
)


def _tags(say: Numbers) -> tuple[Rule, ...]:
    def named(match: regex.Match[str]) -> str:
        return read_words(say, match["name"])

    return (
        Rule("colour", _COLOUR, lambda match: f"hash {spelled(match.group())}", frozenset("#")),
        Rule("hashtag", _HASHTAG, remembered(lambda match: f"hashtag {named(match)}"), frozenset("#")),
        Rule("handle", _HANDLE, remembered(lambda match: f"at {named(match)}"), frozenset("@")),
        Rule("identifier", _IDENTIFIER, remembered(lambda match: read_words(say, match.group())), frozenset("_")),
    )


def read_words(say: Numbers, name: str) -> str:
    """ "BlackLivesMatter2020" is Black Lives Matter twenty twenty; "some_user" is some user."""
    words = _CAMEL.sub(" ", name.replace("_", " ").replace("-", " ").replace(".", " dot ")).split()
    return " ".join(_word(say, word) for word in words)


def _word(say: Numbers, word: str) -> str:
    if word.isdecimal():
        is_year = len(word) == 4 and word[:2] in {"19", "20"}
        return say.year(word) if is_year else say.cardinal(word)
    return spelled(word) if len(word) == 1 and word not in {"I", "a"} else word

"""Markdown without its signs, in any language.

Marks are taken away where they stand, without looking for their partners, so that an unclosed one costs nothing.
"""

from __future__ import annotations

import re

import regex

from gateway.text.aligned import AlignedText
from gateway.text.normalization import NormalizationOptions
from gateway.text.rules import Anchor, AnyRule, Rule, Unwrap

RULED_LINES = Rule("ruled lines", regex.compile(r"([=_*~#+|^])\1{2,}+"), lambda _: " ", needs=frozenset("=_*~#+|^"))

_FENCE = r"^[ \t]{0,8}(?:[-*+>][ \t]{1,3})?(?:`{3,}+|~{3,}+)"
_LIST = r"[ \t]{0,40}+(?:[-*+•‣◦][ \t]|\d{1,4}+[.)][ \t])"
_BLOCK = rf"(?:{_LIST}|[ \t]{{0,3}}\#{{1,6}}[ \t]|[ \t]{{0,3}}>|[ \t]{{0,3}}\|)"
_HEADING = r"^[ \t]{0,3}\#{1,6}[ \t]"
_MARKS = "*_~`"
_WORD = r"\p{L}\p{N}"

_FENCE_HINT = re.compile(r"[`~](?:(?<=`)``|(?<=~)~~)")
_AT_BEGIN = r"(?:(?<=\n.)|(?<=\A.)|(?<=[ \t].))"
_HEADING_HINT = re.compile(rf"#{_AT_BEGIN}(?=#{{0,5}}[ \t])")
_RULE_ANCHOR = Anchor(re.compile(rf"([-*_=]){_AT_BEGIN}(?=[ \t]?\1[ \t]?\1)"), run=" \t")
_LIST_ANCHOR = Anchor(re.compile(rf"[-*+•‣◦](?=[ \t]){_AT_BEGIN}"), run=" \t")
_CELL_ANCHOR = Anchor(re.compile(r"\|(?<=[ \t].)"), run=" \t")

_CODE_BLOCK = Rule(
    "code block",
    regex.compile(rf"(?m){_FENCE}[^\n]*+\n(?s:.*?)(?:{_FENCE}[ \t]*+$|\Z)"),
    lambda _: "\n",
    needs=frozenset("`~"),
)


def without_code(text: AlignedText) -> AlignedText:
    """``text`` without its fenced code blocks, of which an unclosed one reaches to the end.

    For a whole text, before it is cut into sections: a section does not know in which block it begins. Linear.
    """
    return _CODE_BLOCK.apply(text) if "```" in text.text or "~~~" in text.text else text


def rules(options: NormalizationOptions) -> tuple[AnyRule, ...]:
    """Blocks first, then what is inside a line."""
    return (*(() if options.read_code else (_CODE_BLOCK,)), *_BLOCKS, *_INLINE)


_BLOCKS: tuple[AnyRule, ...] = (
    Rule(
        "code fence",
        regex.compile(rf"(?m){_FENCE}[ \t]*+[\w+#.-]{{0,40}}[^\n`]{{0,200}}$"),
        lambda _: "\n",
        frozenset("`~"),
        hint=_FENCE_HINT,
    ),
    Rule("comment", regex.compile(r"<!--(?s:.{0,2000}?)-->"), lambda _: " ", frozenset("<")),
    Rule(
        "rule",
        regex.compile(r"(?m)^[ \t]{0,3}(?:(?:\*[ \t]?){3,}|(?:-[ \t]?){3,}|(?:_[ \t]?){3,}|={3,})$"),
        lambda _: "\n",
        frozenset("*-_="),
        anchor=_RULE_ANCHOR,
    ),
    Rule(
        "table ruler",
        regex.compile(
            r"(?m)^[ \t]{0,8}\|?(?:[ \t]{0,8}:?-{1,80}+:?[ \t]{0,80}+\|)++(?:[ \t]{0,8}:?-{1,80}+:?[ \t]{0,80})?+$\n?"
        ),
        lambda _: "\n",
        frozenset("|"),
    ),
    Rule(
        "link definition",
        regex.compile(r"(?m)^[ \t]{0,3}\[[^\[\]\n]{1,100}+\]:[ \t]+\S{1,2000}+(?:[ \t]+[\"'(][^\n]{0,300}+)?$"),
        lambda _: " ",
        frozenset("["),
    ),
    Rule(
        "closing of a heading",
        regex.compile(rf"(?m)(?<![ \t])[ \t]++\#{{1,6}}[ \t]*+$(?<={_HEADING}[^\n]{{1,300}})"),
        lambda _: "",
        frozenset("#"),
        hint=_HEADING_HINT,
    ),
    Rule(
        "end of a heading",
        regex.compile(rf"(?m)\n(?!\n)(?<={_HEADING}[^\n]{{0,300}}\n)"),
        lambda _: "\n\n",
        frozenset("#"),
        hint=_HEADING_HINT,
    ),
    Rule(
        "line before a block",
        regex.compile(rf"\n(?<=[{_WORD})\]\"'”’*_`|][ \t]{{0,2}}\n)(?={_BLOCK})(?!\n)"),
        lambda _: ".\n",
        frozenset("\n"),
    ),
    Rule("heading", regex.compile(r"(?m)^[ \t]{0,3}\#{1,6}[ \t]+"), lambda _: "", frozenset("#"), hint=_HEADING_HINT),
    Rule("quotation", regex.compile(r"(?m)^[ \t]{0,3}(?:>[ \t]?){1,8}+"), lambda _: "", frozenset(">")),
    Rule("task", regex.compile(rf"(?m)^{_LIST}\[[ xX]\][ \t]"), lambda _: "", frozenset("[")),
    Rule(
        "list item",
        regex.compile(r"(?m)^[ \t]{0,40}+[-*+•‣◦][ \t]+(?=\S)"),
        lambda _: "",
        frozenset("-*+•‣◦"),
        anchor=_LIST_ANCHOR,
    ),
    Rule(
        "edge of a table row",
        regex.compile(r"(?m)^[ \t]{0,8}\|[ \t]*+|[ \t]*+\|[ \t]*+$"),
        lambda _: "",
        frozenset("|"),
    ),
    Rule(
        "cell of a table",
        regex.compile(r"(?<=[^|\s])[ \t]{1,40}\|(?:[ \t]{1,40}+\|)*+(?=[ \t])"),
        lambda _: ",",
        frozenset("|"),
        anchor=_CELL_ANCHOR,
    ),
)

_LINK = (
    r"!?\[(?P<kept>[^\[\]\n]{1,500}+)\]"
    r"(?:\((?:[^()\n]|\([^()\n]{0,200}+\)){0,1000}+\)|\[[^\[\]\n]{0,100}+\])"
)
_ADDRESS = r"<(?P<kept>(?:https?://|mailto:)?[^<>\s@/]{1,200}[@/][^<>\s]{1,2000}+)>"
_LINE_BREAK = r"<(?:br|hr|/(?:p|div|li|tr|h[1-6]))[ \t]{0,2}/?>"
_TAG = (
    r"</?(?:a|abbr|b|blockquote|code|del|details|div|em|font|h[1-6]|i|img|ins|kbd|li|mark|ol|p|pre|q|s|small|span"
    r"|strong|sub|summary|sup|table|tbody|td|th|thead|tr|u|ul)(?:\s[^<>]{0,500}+)?/?>"
)
_MARK = r"(?:[*_]{1,3}|~~|`{1,2})"
_OPENING = rf"(?<![{_WORD}_*~`\\/.@]){_MARK}(?=[\"'“‘(\[*_~`]{{0,4}}[{_WORD}$£€<#@&/.+\\-])(?!_[{_WORD}_]{{1,40}}__?\()"
_CLOSING = rf"(?<=[{_WORD}.,;:!?)\]\"'”’%…*_~`>/]){_MARK}(?![{_WORD}_*~`/@])"
_ESCAPE = r"(?<!\\)\\(?P<kept>[*`#\[\]{}()~>|!+.-]|_(?!\w))"

_INLINE: tuple[AnyRule, ...] = (
    Unwrap("link or image", regex.compile(_LINK), frozenset("[")),
    Rule("footnote", regex.compile(r"\[\^[^\[\]\s]{1,40}+\]:?"), lambda _: "", frozenset("[")),
    Unwrap("address in angle brackets", regex.compile(_ADDRESS), frozenset("<")),
    Rule("line break", regex.compile(_LINE_BREAK), lambda _: "\n", frozenset("<")),
    Rule("tag", regex.compile(_TAG), lambda _: "", frozenset("<")),
    Unwrap("escape", regex.compile(_ESCAPE), frozenset("\\")),
    Rule("opening mark", regex.compile(_OPENING), lambda _: "", frozenset(_MARKS)),
    Rule("closing mark", regex.compile(_CLOSING), lambda _: "", frozenset(_MARKS)),
)

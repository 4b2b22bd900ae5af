"""Numbers in words, put together of groups of digits.

The libraries take 20 to 300 µs for a number, and a text may hold nothing but different ones. Of groups there are few:
each is asked for once. How two of them are joined is each language's to say; tests hold it against the library.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

_MAX_GROUPS = 20_000


def by_groups(
    say: Callable[[int], str],
    join: Callable[[str, str, int], str],
    *,
    limit: int,
    group: int = 1000,
) -> Callable[[int], str]:
    """``say``, but that it is asked only for numbers below ``group`` and for those times a power of it.

    ``join`` puts a group (times its power), in words, before all that is lower, in words and as a number. Numbers from
    ``limit`` on are left to ``say``.
    """
    known = functools.lru_cache(maxsize=_MAX_GROUPS)(say)

    def said(number: int) -> str:
        if number < group or number >= limit:
            return known(number)
        upper, lower = divmod(number, group)
        if upper < group:  # as most are
            return join(known(upper * group), known(lower), lower) if lower else known(number)
        words, lower, power = "", 0, 1
        while number:
            number, digits = divmod(number, group)
            if digits:
                part = known(digits * power)
                words = join(part, words, lower) if lower else part
                lower += digits * power
            power *= group
        return words

    return said

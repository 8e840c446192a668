"""Numbers become text here, and nowhere else."""


def tokens(count: int | None) -> str:
    """A token count for people: 950, 12.3k, 4.56M. Unknown is a question mark."""
    if count is None:
        return "?"
    for limit, divisor, suffix in ((10_000, 1, ""), (1_000_000, 1_000, "k"), (10**9, 10**6, "M")):
        if abs(count) < limit:
            return f"{count:,}" if divisor == 1 else three_digits(count / divisor) + suffix
    return three_digits(count / 10**9) + "G"


def three_digits(value: float) -> str:
    """Three significant digits, without an exponent: 1.23, 12.3, 123, 1,234."""
    size = abs(value)
    return f"{value:,.2f}" if size < 9.995 else f"{value:,.1f}" if size < 99.95 else f"{value:,.0f}"


def percent(part: float, whole: float) -> str:
    """A share of a whole; never 0 % or 100 % unless that is exactly so."""
    if whole == 0:
        return "–"
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "<0.1%"
    if 99.9 < share < 100:
        return ">99.9%"
    return f"{share:.1f}%" if part not in (0, whole) else f"{share:.0f}%"


def plural(count: int, noun: str) -> str:
    """`1 request`, `2 requests`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def middle(text: str, width: int) -> str:
    """Shorten a long name in its middle, so that both ends stay readable."""
    if len(text) <= width:
        return text
    if width < 5:
        return text[:width]
    head = (width - 1) // 2
    return text[:head] + "…" + text[len(text) - (width - 1 - head) :]

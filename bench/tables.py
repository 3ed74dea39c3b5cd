"""Tables of figures for a terminal."""


def number(value):
    """A figure in as many digits as matter; a text as it is."""
    if not isinstance(value, (int, float)):
        return str(value)[:9]
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def ratio(value, base, more_is_better):
    """How many times better `base` is than the value, "11 x"; nothing where that is no question."""
    if more_is_better is None or not value or not base:
        return ""
    times = base / value if more_is_better else value / base
    return f"({times:.2f} x)" if times < 10 else f"({times:.0f} x)"


def print_columns(results):
    """A column for each program; behind a figure, how many times better the first program's is.

    results: {program: [(what, unit, figure, more is better), ...]}, the same rows for each.
    """
    names = list(results)
    print(f"{'':36}{names[0]:>15}" + "".join(f"{n:>25}" for n in names[1:]))
    for row in zip(*results.values()):
        what, unit, base, better = row[0]
        print(f"{what + (', ' + unit if unit else ''):36}{number(base):>15}"
              + "".join(f"{number(r[2]):>14} {ratio(r[2], base, better):>10}" for r in row[1:]),
              flush=True)


def print_rows(heads, rows):
    """rows: [(label, [figure, ...]), ...]"""
    print(f"{'':16}" + "".join(f"{h:>16}" for h in heads))
    for label, figures in rows:
        print(f"{label:16}" + "".join(f"{number(f):>16}" for f in figures), flush=True)

"""Tables of figures for a terminal."""


def number(value):
    """A figure in as many digits as matter; a text as it is."""
    if not isinstance(value, (int, float)):
        return str(value)[:14]
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def ratio(value, base, more_is_better):
    """How much better ferula (`base`) is than a peer; below 1: worse. Empty where that is no question."""
    if more_is_better is None or not value or not base:
        return ""
    times = base / value if more_is_better else value / base
    return f"{times:.2f} x" if times < 10 else f"{times:.0f} x"


def print_columns(results):
    """A column for each program, and how much better the first one is than each of the others.

    results: {program: [(what, unit, figure, more is better), ...]}, the same rows for each.
    """
    names = list(results)
    print(f"{'':40}" + "".join(f"{n:>22}" for n in names)
          + "".join(f"{names[0] + ' / ' + n.split()[0]:>28}" for n in names[1:]))
    for row in zip(*results.values()):
        what, unit, base, better = row[0]
        print(f"{what + (', ' + unit if unit else ''):40}"
              + "".join(f"{number(r[2]):>22}" for r in row)
              + "".join(f"{ratio(r[2], base, better):>28}" for r in row[1:]), flush=True)


def print_rows(heads, rows):
    """rows: [(label, [figure, ...]), ...]"""
    print(f"{'':16}" + "".join(f"{h:>16}" for h in heads))
    for label, figures in rows:
        print(f"{label:16}" + "".join(f"{number(f):>16}" for f in figures), flush=True)

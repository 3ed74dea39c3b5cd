"""Random native histograms: ferula's arithmetic against Prometheus' own, bit for bit.

Any NaN equals any NaN, but a stale marker only another. HISTOGRAM_DIFF_SEED and
HISTOGRAM_DIFF_CASES choose another run.
"""
import math
import os
import random
import struct
import subprocess

import gopeer

SEED = int(os.environ.get("HISTOGRAM_DIFF_SEED", "1"))
CASES = int(os.environ.get("HISTOGRAM_DIFF_CASES", "20000"))
BUILD = os.environ.get("FERULA_BUILD") or os.path.join(gopeer.TOP, "build/release")

CUSTOM = -53
SCHEMAS = range(-4, 9)
UNKNOWN, RESET, NOT_RESET, GAUGE = range(4)
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
BOUNDS = [-math.inf, -5.0, -1.0, -0.5, 0.0, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 100.0, 1e10]
COUNTS = ["whole"] * 5 + ["fraction", "fraction", "mixed", "huge", "odd"]


def bits(v):
    if v != v and v is STALE:  # a trip through a register may make it quiet
        return "7ff0000000000002"
    return "%016x" % struct.unpack("<Q", struct.pack("<d", v))


class Histogram:
    def __init__(self):
        self.schema, self.hint, self.integer = 0, UNKNOWN, 0
        self.threshold, self.zero, self.count, self.sum = 0.0, 0.0, 0.0, 0.0
        self.pos, self.neg, self.bounds = {}, {}, []

    def copy(self):
        h = Histogram()
        h.__dict__.update(self.__dict__)
        h.pos, h.neg, h.bounds = dict(self.pos), dict(self.neg), list(self.bounds)
        return h

    def __str__(self):
        words = [str(self.schema), str(self.hint), str(self.integer)]
        words += [bits(v) for v in (self.threshold, self.zero, self.count, self.sum)]
        for side in (self.pos, self.neg):
            words.append(str(len(side)))
            for index in sorted(side):
                words += [str(index), bits(side[index])]
        words.append(str(len(self.bounds)))
        return " ".join(words + [bits(v) for v in self.bounds])


class Generator:
    def __init__(self, seed):
        self.rnd = random.Random(seed)

    def count(self, kind):
        rnd = self.rnd
        if rnd.random() < 0.15:
            return 0.0
        if kind == "whole":
            return float(rnd.randint(1, rnd.choice([3, 100, 10 ** 6])))
        if kind == "fraction":
            return rnd.choice([rnd.random(), rnd.uniform(0, 1000), 0.1, 0.2, 0.3])
        if kind == "mixed":  # rounding loses the small ones
            return rnd.choice([1e16, 1.0, 1e-16, 3e15, 0.1, -1e16, 7.0])
        if kind == "huge":
            return rnd.choice([1.7e308, 1e308, -1.7e308, 1e-310, 5e-324])
        return rnd.choice([math.nan, math.inf, -math.inf, -0.0, -1.0, 2.0, 0.5])

    def index(self, schema, near):
        """A bucket; mostly in a small range, so that histograms meet, sometimes where doubles end."""
        scale = 2.0 ** schema
        if self.rnd.random() < 0.004:
            power = self.rnd.choice([-1075, -1074, -1023, 1023, 1024, 1025, 1030, 5000, -5000])
            return int(power * scale) + self.rnd.randint(-1, 1)
        power = near + self.rnd.uniform(-2, 2)
        return math.ceil(power * scale) if self.rnd.random() < 0.5 else \
            math.ceil(near * scale) + self.rnd.randint(-6, 6)

    def side(self, h, kind):
        if self.rnd.random() < 0.25:
            return {}
        near = self.rnd.choice([0, 0, 0, -3, 5])
        return {self.index(h.schema, near): self.count(kind)
                for _ in range(self.rnd.choice([1, 3, 8, 8, 20]))}

    def threshold(self):
        rnd = self.rnd
        return rnd.choice([0.0, 0.0, 2.938735877055719e-39, 2.0 ** rnd.randint(-4, 4),
                           2.0 ** (rnd.randint(-40, 40) / 8), rnd.uniform(0, 4), rnd.uniform(0, 0.3),
                           0.001])

    def totals(self, h, kind):
        rnd = self.rnd
        counts = list(h.pos.values()) + list(h.neg.values()) + [h.zero]
        h.count = sum(counts)
        h.sum = rnd.choice([rnd.uniform(-100, 100), 0.0, 3.0, float(rnd.randint(-5, 500)),
                            1e16 if kind == "mixed" else 2.5])
        if kind == "odd" or rnd.random() < 0.03:
            h.sum = rnd.choice([math.nan, math.inf, -math.inf, -0.0])
            h.count = rnd.choice([h.count, math.nan, math.inf, -1.0])
        if rnd.random() < 0.05:
            h.count += rnd.choice([1, -1, 0.5])
        if rnd.random() < 0.04:
            h.sum = STALE
        h.integer = int(kind == "whole" and rnd.random() < 0.7 and h.count >= 0
                        and h.count.is_integer())

    def hint(self, h):
        h.hint = self.rnd.choice([UNKNOWN, UNKNOWN, UNKNOWN, RESET, NOT_RESET, NOT_RESET, GAUGE])

    def exponential(self):
        h, kind = Histogram(), self.rnd.choice(COUNTS)
        h.schema = self.rnd.choice(SCHEMAS)
        h.pos = self.side(h, kind)
        h.neg = self.side(h, kind) if self.rnd.random() < 0.6 else {}
        h.threshold = self.threshold()
        h.zero = self.count(kind) if self.rnd.random() < 0.7 else 0.0
        self.totals(h, kind)
        self.hint(h)
        return h

    def custom(self):
        h, kind = Histogram(), self.rnd.choice(COUNTS)
        h.schema = CUSTOM
        h.bounds = [b for b in BOUNDS[self.rnd.random() < 0.9:] if self.rnd.random() < 0.5]
        h.pos = {i: self.count(kind) for i in range(len(h.bounds) + 1) if self.rnd.random() < 0.7}
        self.totals(h, kind)
        self.hint(h)
        return h

    def any(self):
        return self.custom() if self.rnd.random() < 0.25 else self.exponential()

    def coarser(self, h):
        """The same counts one schema down."""
        for name in ("pos", "neg"):
            merged = {}
            for index, count in sorted(getattr(h, name).items()):
                target = ((index - 1) >> 1) + 1
                merged[target] = merged.get(target, 0.0) + count
            setattr(h, name, merged)
        h.schema -= 1

    def after(self, h):
        """What a scraper may see after `h`: mostly more counts, sometimes fewer or other buckets."""
        rnd, h = self.rnd, h.copy()
        for side in (h.pos, h.neg):
            for index in list(side):
                roll = rnd.random()
                if roll < 0.5:
                    side[index] += float(rnd.randint(0, 5))
                elif roll < 0.53:
                    side[index] = max(0.0, side[index] - 1)
                elif roll < 0.55 or (roll < 0.75 and side[index] == 0):
                    del side[index]
            if rnd.random() < 0.3 and h.schema != CUSTOM and side:
                side[rnd.choice(list(side)) + rnd.randint(-3, 3)] = 100.0
        roll = rnd.random()
        if roll < 0.1 and h.schema > -4:
            self.coarser(h)
        elif roll < 0.2 and h.schema != CUSTOM:
            h.threshold = rnd.choice([self.threshold(), h.threshold * 2])
        elif roll < 0.3 and h.bounds:
            del h.bounds[rnd.randrange(len(h.bounds))]
            h.pos = {i: c for i, c in h.pos.items() if i <= len(h.bounds)}
        h.zero += float(rnd.randint(0, 2)) if h.schema != CUSTOM else 0
        h.count += 30 if rnd.random() < 0.9 else -1
        h.integer = int(h.integer and rnd.random() < 0.95 and h.count >= 0)
        if rnd.random() < 0.2:
            self.hint(h)
        if rnd.random() < 0.04:
            h.sum = STALE
        elif math.isnan(h.sum):
            h.sum = 1.0
        return h

    def unsound(self):
        """A histogram of which something is wrong, mostly."""
        rnd, h = self.rnd, self.any()
        h.integer = int(h.integer and rnd.random() < 0.7)
        for _ in range(rnd.choice([0, 1, 1, 2])):
            what = rnd.randrange(8)
            if what == 0:
                h.schema = rnd.choice([-10, -9, -5, 9, 52, 53, CUSTOM, 0])
            elif what == 1:
                h.bounds.insert(0, rnd.choice(BOUNDS + [math.nan, math.inf]))
            elif what == 2:
                h.bounds.append(rnd.choice(BOUNDS + [math.nan, math.inf, 12345.678]))
            elif what == 3:
                h.zero, h.threshold = rnd.choice([(0.0, 0.1), (2.0, 0.0), (2.0, 1.0)])
            elif what == 4:
                h.zero = h.zero if h.integer else -1.5
            elif what == 5:
                h.pos[rnd.choice([-2, len(h.bounds), len(h.bounds) + 1, 20])] = 1.0
            elif what == 6:
                h.neg[rnd.randint(-3, 3)] = rnd.choice([-1.0, 1.0, -3e15])
            else:
                h.count = -h.count if not h.integer else h.count + 7
        return h

    def case(self):
        rnd = self.rnd
        if rnd.random() < 0.1:
            return " ".join([bits(0.0), "1", str(self.unsound())])
        hs = [self.any()]
        follow = rnd.random() < 0.6
        for _ in range(rnd.choice([1, 1, 2, 4])):
            if follow:
                hs.append(self.after(hs[-1]))
            else:
                hs.append(self.custom() if (hs[0].schema == CUSTOM) != (rnd.random() < 0.02)
                          else self.exponential())
        arg = rnd.choice([0.0, 1.0, -1.0, 0.5, 3.0, rnd.uniform(-4, 4), rnd.uniform(0, 2),
                          2.0 ** (rnd.randint(-60, 60) / 16), -(2.0 ** rnd.randint(-5, 5)), 1e10,
                          math.inf, -math.inf, math.nan, 0.1, -0.3])
        return " ".join([bits(arg), str(len(hs))] + [str(h) for h in hs])


def run(command, text):
    done = subprocess.run(command, input=text, text=True, stdout=subprocess.PIPE, timeout=900)
    assert done.returncode == 0, command
    return done.stdout.splitlines()


def difference(mine, theirs):
    """The first operation that gives something else, and what."""
    for ours, wanted in zip(mine.split(" | "), theirs.split(" | ")):
        if ours != wanted:
            return f"ferula     {ours}\n    Prometheus {wanted}"
    return "another number of operations"


def test_random_histograms():
    binary = os.path.join(BUILD, "promqltest")
    subprocess.run(["make", "--no-print-directory", "VARIANT=" + os.path.basename(BUILD),
                    os.path.relpath(binary, gopeer.TOP)], cwd=gopeer.TOP, check=True, timeout=1800)
    peer = gopeer.build("promeval", "histogram")
    generator = Generator(SEED)
    cases = [generator.case() for _ in range(CASES)]
    text = "\n".join(cases) + "\n"
    mine, theirs = run([binary, "--histogram"], text), run([peer], text)
    assert len(mine) == len(theirs) == CASES
    found = [f"#{i} {case}\n    {difference(a, b)}"
             for i, (case, a, b) in enumerate(zip(cases, mine, theirs)) if a != b]
    assert not found, f"seed {SEED}: {len(found)} of {CASES} differ\n" + "\n".join(found[:10])

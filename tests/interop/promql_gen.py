"""PromQL queries from a seed: well formed ones, broken ones, and soups of tokens."""
import random

NAMES = ("up foo bar a http_requests_total sum by offset start step and fill rec:rule on bool Inf nan "
         "e x1 rate max_of").split()
NUMBERS = ("0 1 2.5 .5 5. 1e3 1e-7 0x1F 010 1_000 Inf NaN 5m 1h30m 90s 1d2h 250ms 1e400 08 5m5m "
           "99y").split()
SPANS = "5m 1h 30s 1 0.5 0 90 1d 2w step() range()".split()
TOKENS = ("up foo rec:rule sum avg topk count_values quantile limitk by without on ignoring group_left "
          "group_right bool offset @ start end step range max_of min_of anchored smoothed fill "
          "fill_left fill_right and or unless atan2 rate abs info time label_replace nosuch 1 5m 0 .5 "
          "1e3 0x1f 5m30s \"x\" 'y' `z` inf NaN ( ) ( ) { } [ ] , : = == != =~ !~ < <= > >= </ >/ + - "
          "* / % ^ $ ! . \"open é").split() + ["#c\n", "\n"]
AGGREGATORS = ("sum avg count min max group stddev topk bottomk count_values quantile limitk "
               "limit_ratio SUM").split()
FUNCTIONS = ("rate increase abs time round label_replace label_join histogram_quantile info clamp "
             "vector scalar absent sort_by_label hour predict_linear start step max_of "
             "histogram_quantiles nosuch").split()
OPERATORS = "+ - * / % ^ == != < <= > >= and or unless atan2 </ >/ AND".split()


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, *choices):
        return self.random.choice(choices)

    def chance(self, p):
        return self.random.random() < p

    def some(self, make, least, most, between=", "):
        return between.join(make() for _ in range(self.random.randint(least, most)))

    def labels(self):
        label = lambda: self.one("job", "a", "le", "b", "sum", '"q.r"', "offset")
        return "(" + self.some(label, 0, 3) + self.one("", "", "", ",") + ")"

    def matcher(self):
        if self.chance(1 / 3):
            return '"quoted"'
        return (self.one("a", "job", '"x y"', "__name__") + self.one("=", "!=", "=~", "!~")
                + self.one('"v"', '""', "'.*'", '"a|b"', "`x.+`", '"("', '"\\x41"'))

    def selector(self):
        name = self.one(self.one(*NAMES), self.one(*NAMES), "")
        if name and self.chance(0.5):
            return name
        return (name + "{" + self.some(self.matcher, 0, 3, self.one(",", ", "))
                + self.one("", "", "", ",") + "}")

    def duration(self, depth=0):
        kind = self.random.random()
        if depth > 3 or kind < 0.45:
            return self.one(*SPANS)
        if kind < 0.6:
            return self.one("+", "-", "- ") + self.duration(depth + 1)
        if kind < 0.85:
            return (self.duration(depth + 1) + self.one("+", "-", "*", "/", "%", "^", " + ")
                    + self.duration(depth + 1))
        if kind < 0.93:
            return "(" + self.duration(depth + 1) + "+step())"
        return (self.one("max_of", "min_of") + "(" + self.duration(depth + 1) + ","
                + self.duration(depth + 1) + ")")

    def modified(self, text):
        """What may follow an operand, most often nothing."""
        for _ in range(self.one(0, 0, 0, 1, 2)):
            text += self.one(
                " offset " + self.one("5m", "-5m", "+1h", "1", "step()", "-range()", self.duration()),
                " @ " + self.one("1", "-1.5", "start()", "end()", "5m", "1e20", "NaN", "start"),
                " anchored", " smoothed", "[" + self.duration() + "]", "[5m]", "[5m:1m]",
                "[" + self.duration() + ":" + self.one("", self.duration()) + "]")
        return text

    def matching(self):
        text = self.one("", "", "", " bool")
        if self.chance(0.3):
            text += (self.one(" on", " ignoring") + self.labels()
                     + self.one("", "", " group_left", " group_right" + self.labels()))
        if self.chance(0.1):
            text += self.one(" fill(0)", " fill_left(-1)", " fill_right(5m) fill_left(NaN)",
                             " fill_left(1) fill_right(2)")
        return text

    def aggregation(self, depth):
        arguments = "(" + ", ".join(self.expression(depth + 1)
                                    for _ in range(self.one(1, 1, 2, 2, 3, 0))) + ")"
        grouping = self.one("by", "without", "BY") + " " + self.labels()
        return self.modified(self.one(*AGGREGATORS)
                             + self.one(arguments, f" {grouping} {arguments}", f"{arguments} {grouping}"))

    def expression(self, depth=0):
        kind = self.random.random()
        deeper = lambda: self.expression(depth + 1)
        if depth > 3 or kind < 0.3:
            return self.modified(self.selector())
        if kind < 0.4:
            return self.one(*NUMBERS)
        if kind < 0.45:
            return self.one('"str"', "'s\\n'", "`raw`", '"\\u00e9"')
        if kind < 0.52:
            return self.one("-", "+", "- ") + deeper()
        if kind < 0.6:
            return self.modified("(" + deeper() + ")")
        if kind < 0.74:
            return f"{deeper()} {self.one(*OPERATORS)}{self.matching()} {deeper()}"
        if kind < 0.87:
            return self.aggregation(depth)
        return self.modified(self.one(*FUNCTIONS) + "(" + self.some(deeper, 0, 3)
                             + self.one("", "", "", "", "", ",") + ")")

    def mutated(self, text):
        chars = list(text)
        for _ in range(self.random.randint(1, 3)):
            at, kind = self.random.randint(0, len(chars)), self.random.random()
            if kind < 0.35:
                del chars[at:at + self.random.randint(1, 3)]
            elif kind < 0.8:
                chars[at:at] = list(self.one("", " ") + self.one(*TOKENS) + self.one("", " "))
            elif len(chars) > 1:
                other = self.random.randrange(len(chars))
                at = min(at, len(chars) - 1)
                chars[at], chars[other] = chars[other], chars[at]
        return "".join(chars)

    def query(self):
        kind = self.random.random()
        if kind < 0.5:
            return self.expression()
        if kind < 0.85:
            return self.mutated(self.expression())
        return self.some(lambda: self.one(*TOKENS), 1, 9, self.one(" ", ""))

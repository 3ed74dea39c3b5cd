"""Random formulas of scalingModifiers: mostly of fitting types, now and then not.

Left out: findLast() and findLastIndex(), which leave a value behind in expr-lang 1.17.8; what its
optimizer makes of constants next to nil (`x and false`) and of filter()[0]; nil of findIndex() where it wants an int.
"""

NAMES = ["a", "b", "c"]
WHOLE = ["0", "1", "2", "3", "5", "7", "10", "100", "1_000", "0x1F", "0b101", "0o17"]
FLOATS = ["0.5", "1.5", "2.25", "1e3", "1e-3", ".75", "10.0", "3.0", "0.1"]


class Formulas:
    def __init__(self, rnd):
        self.rnd = rnd
        self.locals = []  # (name, type)
        self.inside = []  # what the element is, of each predicate around
        self.accumulates = []
        self.next_local = 0

    def formula(self):
        self.locals, self.inside, self.accumulates, self.next_local = [], [], [], 0
        kind = self.rnd.choice(["float", "float", "int", "number", "number", "bool", "array"]
                               if self.rnd.random() < 0.15 else ["float", "number", "int"])
        text = self.sequence(kind, self.rnd.randint(1, 4))
        if self.rnd.random() < 0.04:
            at = self.rnd.randrange(len(text))
            text = text[:at] + self.rnd.choice(["", "(", ")", "]", ",", "?", ":", " ", "#", ";", ".", "x", "1",
                                                "-", "|", "=="]) + text[at + self.rnd.randint(0, 1):]
        return text

    def sequence(self, kind, depth):
        roll = self.rnd.random()
        if roll < 0.12 and depth > 0:
            name, of = f"v{self.next_local}", self.rnd.choice(["float", "int", "bool", "array", "nil?"])
            self.next_local += 1
            value = self.of(of, depth - 1)
            self.locals.append((name, of))
            rest = self.sequence(kind, depth - 1)
            self.locals.pop()
            return f"let {name} = {value}; {rest}"
        if roll < 0.14 and depth > 0:
            return f"{self.of('float', depth - 1)}; {self.of(kind, depth - 1)}"
        return self.of(kind, depth)

    def of(self, kind, depth):
        if self.rnd.random() < 0.02:
            kind = self.rnd.choice(["float", "int", "bool", "array", "nil?", "number"])
        names = [n for n, k in self.locals if k == kind]
        if names and self.rnd.random() < 0.3:
            return self.rnd.choice(names)
        if kind == "number":
            kind = self.rnd.choice(["int", "float"])
        text = getattr(self, {"float": "float_", "int": "int_", "bool": "bool_", "array": "array",
                              "nil?": "maybe"}[kind])(depth)
        roll = self.rnd.random()
        if roll < 0.06:
            return f"({text})"
        if roll < 0.10 and depth > 0:
            return f"({self.of('bool', depth - 1)} ? {text} : {self.of(kind, depth - 1)})"
        if roll < 0.11 and depth > 0:
            return f"(if {self.of('bool', depth - 1)} {{ {text} }} else {{ {self.of(kind, depth - 1)} }})"
        if roll < 0.12 and depth > 0:
            return f"{self.of('bool', depth - 1)} ? {text} : {self.of(kind, depth - 1)}"
        return text

    def maybe(self, depth):
        return self.rnd.choice(["nil", "a", "b ?? nil", "first([])", "find([1], # > 5)", "[1, nil][1]"])

    def float_(self, depth):
        rnd = self.rnd
        if self.inside and self.inside[-1] == "float" and rnd.random() < 0.4:
            return "#"
        if depth <= 0 or rnd.random() < 0.15:
            return rnd.choice(NAMES + NAMES + FLOATS)
        d = depth - 1
        roll = rnd.randrange(17)
        if roll < 5:
            return f"{self.of('number', d)} {rnd.choice('+-*/')} {self.of('float', d)}"
        if roll == 5:
            return f"{self.of('number', d)} / {self.of('number', d)}"
        if roll == 6:
            return f"{self.of('number', d)} {rnd.choice(['**', '^'])} {rnd.choice(['2', '0.5', '-1', '3', 'a'])}"
        if roll == 7:
            return f"{rnd.choice('-+')}{self.of('float', d)}"
        if roll == 8:
            return f"{rnd.choice(['abs', 'ceil', 'floor', 'round', 'float'])}({self.of('float', d)})"
        if roll == 9:
            args = ", ".join(self.of("float", d) for _ in range(rnd.randint(1, 3)))
            return f"{rnd.choice(['max', 'min', 'mean', 'median'])}({args})"
        if roll == 10:
            if rnd.random() < 0.3:
                return f"{rnd.choice(['first', 'last'])}({self.array(0)})"
            return f"{rnd.choice(['max', 'min', 'mean', 'median', 'sum'])}({self.array(d)})"
        if roll == 11:
            return f"{self.array(d)} | {rnd.choice(['max', 'min', 'mean', 'median', 'sum'])}()"
        if roll == 12:
            return f"({self.of('nil?', d)} ?? {self.of('float', d)})"
        if roll == 13:
            return f"{self.of('float', d)} ?? {self.of('float', d)}"
        if roll == 14:
            return f"{rnd.choice(['sum', 'sum', 'find'])}({self.array_and(d, rnd.choice(['float', 'bool']))})"
        if roll == 15:
            self.accumulates.append("float")
            body = f"{self.array(d)}, #acc {rnd.choice('+*-')} #"
            self.accumulates.pop()
            return f"reduce({body}{rnd.choice([', 0', ', 1.5', ''])})"
        return f"{self.array(0)}[{rnd.choice(['0', '1', '-1', '2'])}]"

    def int_(self, depth):
        rnd = self.rnd
        if self.inside and rnd.random() < 0.3:
            return "#index" if rnd.random() < 0.3 else "#" if self.inside[-1] == "int" else "1"
        if depth <= 0 or rnd.random() < 0.2:
            return rnd.choice(WHOLE)
        d = depth - 1
        roll = rnd.randrange(9)
        if roll < 3:
            op = rnd.choice("+-*%")
            return f"{self.of('int', d)} {op} {rnd.choice('12357') if op == '%' else self.of('int', d)}"
        if roll == 3:
            return f"int({self.of('number', d)})"
        if roll == 4:
            return f"len({self.array(d)})"
        if roll == 5:
            return f"count({self.array_and(d, 'bool')})"
        if roll == 6:
            return f"(findIndex({self.array_and(d, 'bool')}) ?? 0)"
        if roll == 7:
            return f"sum({rnd.randint(-2, 2)}..{rnd.randint(0, 6)})"
        return f"-{self.of('int', d)}"

    def bool_(self, depth):
        rnd = self.rnd
        if depth <= 0 or rnd.random() < 0.1:
            return rnd.choice(["1 < 2", "2 < 1", "a > 1", "b < 2", "a >= b", "c == 4", "c != nil"])
        d = depth - 1
        roll = rnd.randrange(10)
        if roll < 3:
            op = rnd.choice(["<", ">", "<=", ">=", "==", "!="])
            return f"{self.of('number', d)} {op} {self.of('number', d)}"
        if roll == 3:
            op = rnd.choice(["<", ">", "<=", ">="])
            return f"{self.of('number', d)} {op} {self.of('number', d)} {op} {self.of('number', d)}"
        if roll == 4:
            return f"{self.of('bool', d)} {rnd.choice(['and', 'or', '&&', '||'])} {self.of('bool', d)}"
        if roll == 5:
            return f"{rnd.choice(['not ', '!'])}{self.of('bool', d)}"
        if roll == 6:
            return f"{self.of('number', d)} {rnd.choice(['in', 'not in'])} {self.array(d)}"
        if roll == 7:
            return f"{rnd.choice(['all', 'any', 'one', 'none'])}({self.array_and(d, 'bool')})"
        if roll == 8:
            return f"{self.of('nil?', d)} {rnd.choice(['==', '!='])} nil"
        return f"{self.array(d)} {rnd.choice(['==', '!='])} {self.array(d)}"

    def array_and(self, depth, kind):
        """An array and a predicate on its elements."""
        rnd = self.rnd
        array = self.array(depth)
        whole = ".." in array and "," not in array
        self.inside.append("int" if whole else "float")
        body = self.of(kind, min(depth, 2))
        if rnd.random() < 0.5:
            body = rnd.choice(["#", "# * 2", "# + 1"] if kind == "float" else
                              ["# > 1", "# == 2", "# >= a", "# in [1, 2, 3]", "# != nil"])
        self.inside.pop()
        return f"{array}, {{{body}}}" if rnd.random() < 0.4 else f"{array}, {body}"

    def array(self, depth):
        rnd = self.rnd
        if depth <= 0 or rnd.random() < 0.45:
            kind = rnd.choice(["float", "float", "int", "number", "nil?"] if rnd.random() < 0.2 else
                              ["float", "number"])
            return "[" + ", ".join(self.of(kind, depth - 1) for _ in range(rnd.choice([0, 1, 2, 2, 3, 3, 4]))) + "]"
        d = depth - 1
        roll = rnd.randrange(10)
        if roll == 0:
            return f"({rnd.randint(-2, 3)}..{rnd.randint(0, 6)})"
        if roll == 1:
            return f"{rnd.choice(['map', 'sortBy'])}({self.array_and(d, 'float')})"
        if roll == 2:
            return f"filter({self.array_and(d, 'bool')})"
        if roll == 3:
            return f"{rnd.choice(['sort', 'reverse', 'uniq', 'flatten'])}({self.array(d)})"
        if roll == 4:
            return f"take({self.array(d)}, {rnd.randint(0, 3)})"
        if roll == 5:
            low, high = rnd.choice(["", "0", "1", "-2"]), rnd.choice(["", "1", "2", "-1", "9"])
            return f"{self.array(d)}[{low}:{high}]"
        if roll == 6:
            return f"concat({self.array(d)}, {self.array(d)})"
        if roll == 7:
            return f"({self.array(d)} | {rnd.choice(['map(# + 1)', 'filter(# > 1)', 'sort()', 'reverse()'])})"
        if roll == 8:
            return f"[{self.array(d)}, {self.array(d)}]"
        return f"[{self.of('float', d)}, {self.of('float', d)}]"

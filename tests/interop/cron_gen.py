"""Random cron triggers: schedules in zones whose clocks change, and times around those changes."""
import calendar
import datetime
import zoneinfo

# Not Pacific/Apia: on the day that it had not, 2011-12-30, the loop of robfig/cron does not end.
ZONES = ["", "UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe",
         "Asia/Kolkata", "Asia/Kathmandu", "Africa/Casablanca", "America/St_Johns",
         "Asia/Tehran", "Asia/Beirut", "America/Havana", "Pacific/Chatham", "Europe/London",
         "Asia/Gaza", "America/Asuncion", "Africa/Cairo", "America/Nuuk", "Asia/Tokyo", "Etc/GMT+5",
         "EST5EDT", "Europe/Dublin", "America/Santiago", "Antarctica/Troll"]
FIELDS = [(0, 59, []), (0, 23, []), (1, 31, []),
          (1, 12, ["jan", "FEB", "Mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
          (0, 6, ["sun", "Mon", "TUE", "wed", "thu", "fri", "sat"])]
SECONDS_2000 = calendar.timegm((2000, 1, 2, 0, 0, 0))
SECONDS_2042 = calendar.timegm((2042, 1, 1, 0, 0, 0))


class Crons:
    def __init__(self, rnd):
        self.rnd = rnd
        self.changes = {name: clock_changes(name) for name in ZONES}

    def value(self, field):
        low, high, words = field
        n = self.rnd.randint(low, high)
        return self.rnd.choice([words[n - low], str(n)]) if words else str(n)

    def part(self, field):
        rnd = self.rnd
        low, high, _ = field
        roll = rnd.random()
        if roll < 0.5:
            return self.value(field)
        if roll < 0.7:
            a, b = sorted(rnd.sample(range(low, high + 1), 2))
            return f"{a}-{b}" + rnd.choice(["", "", "/2", "/5"])
        if roll < 0.9:
            return f"*/{rnd.choice([1, 2, 3, 5, 7, 10, 15, 40])}"
        return f"{rnd.randint(low, high)}/{rnd.choice([1, 2, 3, 10])}"

    def field(self, field, often_star):
        rnd = self.rnd
        if rnd.random() < often_star:
            return rnd.choice(["*", "*", "*", "?"])
        return ",".join(self.part(field) for _ in range(rnd.choice([1, 1, 1, 2, 3])))

    def schedule(self):
        rnd = self.rnd
        stars = rnd.choice([[0.1, 0.2, 0.9, 0.9, 0.9], [0.1, 0.3, 0.9, 0.95, 0.4], [0.2, 0.3, 0.4, 0.5, 0.5]])
        words = [self.field(f, s) for f, s in zip(FIELDS, stars)]
        if rnd.random() < 0.04:
            words[rnd.randrange(5)] = rnd.choice(["60", "-1", "1-2-3", "1/2/3", "a", "5-1", "*/0", "L", "1,", ",",
                                                  "*-5", "1-", "/5", "+5", "*,5", "01", "1/-1", "x/2", "0x1",
                                                  "jan-mar", "mon-fri/2", "*/", "99999999999999999999", "?/2"])
        if rnd.random() < 0.02:
            words = rnd.choice([words[:4], words + ["*"], ["@daily"], ["@every", "1h"], [], words[1:],
                                ["TZ=Europe/Paris"] + words, ["CRON_TZ=Asia/Tokyo"] + words,
                                ["TZ=Nowhere/Land"] + words, ["TZ="] + words])
        return rnd.choice([" ", " ", " ", " ", "  ", "\t"]).join(words)

    def times(self, zone):
        rnd = self.rnd
        out = set()
        for _ in range(8):
            if self.changes[zone] and rnd.random() < 0.7:
                at = rnd.choice(self.changes[zone]) + rnd.randint(-200000, 100000)
            else:
                at = rnd.randint(SECONDS_2000, SECONDS_2042)
            out.add(at // 60 * 60 if rnd.random() < 0.3 else at)
        return sorted(t for t in out if t >= SECONDS_2000)

    def case(self):
        rnd = self.rnd
        zone = rnd.choice(ZONES)
        metadata = {"timezone": zone, "start": self.schedule(), "end": self.schedule(),
                    "desiredReplicas": rnd.choice(["5", "1", "10", "100"])}
        if rnd.random() < 0.05:
            metadata[rnd.choice(list(metadata))] = rnd.choice(
                ["", "0", "-3", "x", "1.5", "Nowhere/City", "Local", "5 5 5 5 5", "1e2", " 7 ", "europe/berlin"])
        if rnd.random() < 0.02:
            del metadata[rnd.choice(list(metadata))]
        if rnd.random() < 0.01:
            metadata["end"] = metadata.get("start", "")
        return {"metadata": metadata, "times": self.times(zone)}


def clock_changes(name):
    """Unix seconds at which a zone's offset changes."""
    if name in ("", "UTC"):
        return []
    zone = zoneinfo.ZoneInfo(name)

    def offset(t):
        return datetime.datetime.fromtimestamp(t, zone).utcoffset()

    out = []
    for day in range(SECONDS_2000, SECONDS_2042, 86400):
        low, high = day, day + 86400
        if offset(low) == offset(high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
        out.append(high)
    return out

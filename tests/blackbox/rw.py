"""Remote write bodies in plain Python: good ones, and the bad ones that no library would make.

Protobuf is packed by hand and snappy blocks hold literals only (which any decoder accepts).
"""
import struct

STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def tag(number, wire):
    return varint(number << 3 | wire)


def field(number, data):
    """A length-delimited field."""
    return tag(number, 2) + varint(len(data)) + data


def label(name, value):
    raw = [v.encode() if isinstance(v, str) else v for v in (name, value)]
    return field(1, raw[0]) + field(2, raw[1])


def f64(value):
    """The bits of a float; an int is taken as the bits themselves (NaN payloads)."""
    return struct.pack("<Q", value) if isinstance(value, int) else struct.pack("<d", value)


def sample(value, t_ms):
    return tag(1, 1) + f64(value) + tag(2, 0) + varint(t_ms)


def labels_of(spec):
    """A dict, or a list of pairs when order or repetition matters."""
    return list(spec.items()) if isinstance(spec, dict) else spec


def series(labels, samples, extra=b""):
    """One TimeSeries; samples are (t_ms, value)."""
    body = b"".join(field(1, label(n, v)) for n, v in labels_of(labels))
    body += b"".join(field(2, sample(v, t)) for t, v in samples)
    return body + extra


def exemplar(labels, value, t_ms):
    return (b"".join(field(1, label(n, v)) for n, v in labels_of(labels))
            + tag(2, 1) + f64(value) + tag(3, 0) + varint(t_ms))


def zigzag(n):
    return varint(n << 1 ^ n >> 63)


def span(offset, length):
    return tag(1, 0) + zigzag(offset) + tag(2, 0) + varint(length)


def histogram(count, total, t_ms, schema=0, buckets=(), start=0, custom=()):
    """A native histogram with whole counts; buckets follow each other from index 0 on."""
    deltas = [n - m for n, m in zip(buckets, [0, *buckets])]
    return (tag(1, 0) + varint(count) + tag(3, 1) + f64(total) + tag(4, 0) + zigzag(schema)
            + (field(11, span(0, len(buckets))) if buckets else b"")
            + field(12, b"".join(zigzag(d) for d in deltas)) + tag(15, 0) + varint(t_ms)
            + (field(16, b"".join(f64(v) for v in custom)) if custom else b"")
            + (tag(17, 0) + varint(start) if start else b""))


def float_histogram(count, total, t_ms, schema=0, buckets=()):
    """The same with counts that are floats."""
    return (tag(2, 1) + f64(count) + tag(3, 1) + f64(total) + tag(4, 0) + zigzag(schema)
            + (field(11, span(0, len(buckets))) if buckets else b"")
            + field(13, b"".join(f64(b) for b in buckets)) + tag(15, 0) + varint(t_ms))


def metadata(kind, family, help_text="", unit=""):
    """kind: 1 counter, 2 gauge, 3 histogram, ..."""
    return (tag(1, 0) + varint(kind) + field(2, family.encode()) + field(4, help_text.encode())
            + field(5, unit.encode()))


def message(*all_series, meta=()):
    """A WriteRequest; each series is (labels, samples) or bytes that series() made."""
    out = b""
    for one in all_series:
        out += field(1, one if isinstance(one, bytes) else series(*one))
    return out + b"".join(field(3, m) for m in meta)


def snappy(data, claimed=None):
    """A snappy block of literals; `claimed` is the length that the head lies about."""
    out = bytearray(varint(len(data) if claimed is None else claimed))
    for at in range(0, len(data), 60000):
        piece = data[at:at + 60000]
        if len(piece) <= 60:
            out.append(len(piece) - 1 << 2)
        else:
            out.append(61 << 2)
            out += struct.pack("<H", len(piece) - 1)
        out += piece
    return bytes(out)


def body(*all_series, meta=()):
    """A whole request body."""
    return snappy(message(*all_series, meta=meta))


# ---- remote write 2.0 ---------------------------------------------------------------------------

V2 = {"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
      "X-Prometheus-Remote-Write-Version": "2.0.0"}


class Symbols:
    """The strings of a request, each once."""

    def __init__(self):
        self.texts = {"": 0}

    def ref(self, text):
        return self.texts.setdefault(text, len(self.texts))

    def refs(self, labels):
        numbers = [self.ref(text) for pair in labels_of(labels) for text in pair]
        return field(1, b"".join(varint(n) for n in numbers))

    def fields(self):
        return b"".join(field(4, t if isinstance(t, bytes) else t.encode()) for t in self.texts)


def series2(symbols, labels, samples=(), histograms=(), exemplars=(), meta=None, extra=b""):
    """One TimeSeries of 2.0. Samples are (t_ms, value) or (t_ms, value, start_ms), histograms are
    bytes that histogram() made, exemplars (labels, value, t_ms), meta (kind, help, unit)."""
    out = labels if isinstance(labels, bytes) else symbols.refs(labels)
    for t_ms, value, *start in samples:
        one = sample(value, t_ms) + (tag(3, 0) + varint(start[0]) if start else b"")
        out += field(2, one)
    out += b"".join(field(3, h) for h in histograms)
    for names, value, t_ms in exemplars:
        out += field(4, symbols.refs(names) + tag(2, 1) + f64(value) + tag(3, 0) + varint(t_ms))
    if meta:
        out += field(5, tag(1, 0) + varint(meta[0]) + tag(3, 0) + varint(symbols.ref(meta[1]))
                     + tag(4, 0) + varint(symbols.ref(meta[2])))
    return out + extra


def body2(*all_series):
    """A whole request body of 2.0; each series is a dict of what series2() takes, or
    (labels, samples)."""
    symbols = Symbols()
    out = b""
    for one in all_series:
        args = one if isinstance(one, dict) else {"labels": one[0], "samples": one[1]}
        out += field(5, series2(symbols, **args))
    return snappy(symbols.fields() + out)

"""Remote write 1.0 bodies in plain Python: good ones, and the bad ones that no library would make.

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


def histogram(count, total, t_ms, schema=0):
    return (tag(1, 0) + varint(count) + tag(3, 1) + f64(total)
            + tag(4, 0) + varint((schema << 1) ^ (schema >> 31)) + tag(15, 0) + varint(t_ms))


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

"""Decodes remote-write 1.0 bodies (snappy block, protobuf) independently of ferula's own decoder."""
import struct


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def unsnappy(data):
    size, at = varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        kind = tag & 3
        if kind == 0:
            n = tag >> 2
            if n >= 60:
                width = n - 59
                n = int.from_bytes(data[at:at + width], "little")
                at += width
            out += data[at:at + n + 1]
            at += n + 1
            continue
        if kind == 1:
            n, offset = 4 + ((tag >> 2) & 7), ((tag >> 5) << 8) | data[at]
            at += 1
        else:
            width = 2 if kind == 2 else 4
            n, offset = 1 + (tag >> 2), int.from_bytes(data[at:at + width], "little")
            at += width
        for _ in range(n):
            out.append(out[-offset])
    assert len(out) == size
    return bytes(out)


def fields(data):
    """(field number, value) of a message: int for varints, bytes for the rest."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 1:
            value, at = data[at:at + 8], at + 8
        elif wire == 2:
            n, at = varint(data, at)
            value, at = data[at:at + n], at + n
        else:
            value, at = data[at:at + 4], at + 4
        yield key >> 3, value


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def write_request(body):
    """({labels as a sorted tuple: {timestamp: value bits}}, {family: (type, help, unit)})."""
    series, metadata = {}, {}
    for number, message in fields(unsnappy(body)):
        if number == 1:
            labels, samples = [], {}
            for inner, value in fields(message):
                if inner == 1:
                    pair = dict(fields(value))
                    labels.append((pair.get(1, b"").decode(), pair.get(2, b"").decode()))
                elif inner == 2:
                    sample = dict(fields(value))
                    bits = struct.unpack("<Q", sample.get(1, bytes(8)))[0]
                    samples[signed(sample.get(2, 0))] = bits
            series.setdefault(tuple(sorted(labels)), {}).update(samples)
        elif number == 3:
            meta = dict(fields(message))
            metadata[meta.get(2, b"").decode()] = (meta.get(1, 0), meta.get(4, b"").decode(),
                                                   meta.get(5, b"").decode())
    return series, metadata

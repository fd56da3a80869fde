import struct
import zlib

from localmesh.apiserver.wire.spdy import DICTIONARY, Data, Ping, Reset, Session, SynStream


class Client:
    """The other side, as kubectl writes it."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def open(self, stream: int, **headers: str) -> bytes:
        texts = [text.encode() for pair in headers.items() for text in pair]
        block = struct.pack(">I", len(headers)) + b"".join(struct.pack(">I", len(text)) + text for text in texts)
        payload = struct.pack(">IIH", stream, 0, 0) + self._deflate.compress(block)
        payload += self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return struct.pack(">HHI", 0x8003, 1, len(payload)) + payload


def test_the_dictionary_is_that_of_the_protocol() -> None:
    assert (len(DICTIONARY), zlib.adler32(DICTIONARY)) == (1423, 0xE3C6A7C2)


def test_frames_are_read_whatever_pieces_they_come_in() -> None:
    client = Client()
    sent = client.open(1, streamtype="error", port="80") + client.open(3, streamtype="data", port="80")
    sent += Session.data(3, b"hello") + Session.data(3, b"", fin=True) + Session.ping(7)
    sent += struct.pack(">HHIII", 0x8003, 3, 8, 3, 5)  # RST_STREAM
    sent += struct.pack(">HHII", 0x8003, 9, 4, 0)  # WINDOW_UPDATE, which is not read
    expected = [
        SynStream(1, {"streamtype": "error", "port": "80"}, fin=False),
        SynStream(3, {"streamtype": "data", "port": "80"}, fin=False),
        Data(3, b"hello", fin=False),
        Data(3, b"", fin=True),
        Ping(7),
        Reset(3),
    ]
    for size in (1, 7, len(sent)):
        session = Session()
        pieces = [sent[start : start + size] for start in range(0, len(sent), size)]
        assert [frame for piece in pieces for frame in session.feed(piece)] == expected


def test_replies_share_one_compression() -> None:
    session, inflate = Session(), zlib.decompressobj(zdict=DICTIONARY)
    for stream in (1, 3):
        frame = session.reply(stream)
        assert struct.unpack_from(">HHII", frame) == (0x8003, 2, len(frame) - 8, stream)
        assert inflate.decompress(frame[12:]) == struct.pack(">I", 0)

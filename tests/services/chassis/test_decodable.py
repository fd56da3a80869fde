import pytest

from services.chassis.decodable import decodable


@pytest.mark.parametrize("value", [b"", b"J\xfcrgen", "Jürgen".encode(), rb"C:\temp", "é\\".encode()])
def test_a_header_that_can_be_decoded_stays(value: bytes) -> None:
    headers = [(b"x-name", value)]
    assert decodable({"path": "/", "headers": headers}) == {"path": "/", "headers": headers}


@pytest.mark.parametrize("value", [b"\xff\\", b"\xff\\x", b"\xff\\ud800", b"\\N{nothing}\xff"])
def test_a_header_in_which_a_decoder_would_see_broken_escape_sequences_is_left_out(value: bytes) -> None:
    assert decodable({"headers": [(b"x-name", value), (b"b3", b"0")]})["headers"] == [(b"b3", b"0")]

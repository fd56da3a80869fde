from xml.etree import ElementTree as ET

import httpx
import pytest

from services.catalog.models import Item
from services.catalog.pictures import MEDIA_TYPE, draw


@pytest.mark.parametrize("item_id", [1, 2, 3, 4])
async def test_every_item_has_a_picture_that_is_whole_xml(catalog: httpx.AsyncClient, item_id: int) -> None:
    answer = await catalog.get(f"/items/{item_id}/picture")
    assert answer.headers["content-type"].startswith(MEDIA_TYPE)
    assert ET.fromstring(answer.text).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - our own drawing


async def test_each_of_the_four_is_drawn_in_its_own_shape_and_colour(catalog: httpx.AsyncClient) -> None:
    drawn = [ET.fromstring((await catalog.get(f"/items/{n}/picture")).text) for n in range(1, 5)]  # noqa: S314
    groups = [picture.find("{http://www.w3.org/2000/svg}g") for picture in drawn]
    assert [group.get("fill") for group in groups] == ["#e0a11b", "#22b8cf", "#12888a", "#d1343b"]
    assert len({tuple(sorted(str(part.attrib) for part in group)) for group in groups}) == 4


@pytest.mark.parametrize(
    ("name", "shown"),
    [("bell \x07", "bell \ufffd"), ("\x00", "\ufffd"), ("\ufffe", "\ufffd"), ("tab\there", "tab here")],
)
def test_what_xml_has_no_place_for_makes_no_broken_picture(name: str, shown: str) -> None:
    picture = draw(Item(id=9, color="red", department="d", name=name, price="1"))
    assert ET.fromstring(picture).get("aria-label") == shown  # noqa: S314 - our own drawing


async def test_an_unknown_item_has_no_picture(catalog: httpx.AsyncClient) -> None:
    assert (await catalog.get("/items/99/picture")).status_code == 404


@pytest.mark.parametrize("hostile", ["</title><script>alert(1)</script>", '"/><script>', "$label", "red;}", "&amp;"])
def test_what_an_item_says_stays_text(hostile: str) -> None:
    picture = draw(Item(id=9, color=hostile, department="d", name=hostile, price="1"))
    tree = ET.fromstring(picture)  # noqa: S314 - our own drawing
    assert tree.get("aria-label") == hostile
    assert "script" not in {element.tag.rpartition("}")[2] for element in tree.iter()}

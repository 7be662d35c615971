"""Which images of an article a shop shows, and in which order."""

import pytest

from integration.channel_view import ChannelView
from integration.documents import Image, ImagesDocument, WithdrawalDocument
from integration.errors import Invalid, Throttled
from integration.topics.media import images_document

CHANNEL = ChannelView(id=1, tenant_id=1, tenant="acme", erp_id="42", platform="memory")


def image(key, **changes):
    return {
        "id": key,
        "favourite": False,
        "sort": 1,
        "state": "FILE_ATTACHED",
        "deletion_state": "NOT_YET",
        "content_type": "image/png",
        "name": f"bild-{key}",
        "extension": "png",
        "size": 80,
        "revision": "1",
        "texts": [],
        **changes,
    }


def shown(*images, **row):
    document = images_document({"id": "1", "listed": True, "images": list(images), **row}, CHANNEL)
    assert isinstance(document, ImagesDocument)
    return [one.ref for one in document.images]


def test_an_image_is_its_file_with_its_texts():
    texts = [["DE", " Ein Hammer "], ["en", ""]]
    row = {"id": "1", "listed": True, "images": [image("7", revision="3", texts=texts)]}

    assert images_document(row, CHANNEL) == ImagesDocument(
        "1",
        (Image("7", "3", "bild-7", "png", "image/png", 80, (("de", "Ein Hammer"),)),),
    )


def test_the_favourite_goes_first_then_the_place_then_the_id():
    found = shown(
        image("30", sort=2),
        image("9", sort=None),
        image("100", sort=1),
        image("20", sort=1),
        image("40", sort=5, favourite=True),
    )

    assert found == ["40", "20", "100", "30", "9"]


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "DRAFT"},
        {"state": "MISSING"},
        {"state": None},
        {"deletion_state": "DELETED"},
        {"content_type": "application/pdf"},
        {"content_type": None},
    ],
)
def test_what_is_no_image_for_a_shop_is_left_out(changes):
    assert shown(image("7", **changes), image("8")) == ["8"]


@pytest.mark.parametrize(
    ("content_type", "extension", "expected"),
    [
        ("image/jpeg", "JPEG", "jpg"),
        ("image/png; charset=binary", ".PNG", "png"),
        ("image/svg+xml", None, "svg"),
        ("image/x-photoshop", "PSD", "psd"),
        ("image/x-unknown", None, ""),
    ],
)
def test_the_extension_follows_the_content(content_type, extension, expected):
    row = {
        "id": "1",
        "images": [image("7", content_type=content_type, extension=extension)],
    }

    assert images_document(row, CHANNEL).images[0].extension == expected


def test_a_file_without_a_name_is_named_by_its_document():
    row = {"id": "1", "images": [image("7", name=" ")]}

    assert images_document(row, CHANNEL).images[0].file_name == "image-7"


def test_what_is_not_offered_is_withdrawn():
    assert images_document({"id": "1", "listed": False}, CHANNEL) == WithdrawalDocument("1")


def test_a_malformed_list_is_the_articles_own_fault():
    with pytest.raises(Invalid, match="the ERP's images are malformed"):
        images_document({"id": "1", "images": [{"id": "7", "state": ["x"]}]}, CHANNEL)


def test_what_was_not_read_yet_comes_later():
    with pytest.raises(Throttled):
        images_document({"id": "1", "postponed": {"message": "m", "retry_after_s": 3}}, CHANNEL)

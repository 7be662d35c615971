"""The media shelf: images of articles, their files, shares, and the events of a change."""

import hashlib
import zlib

import pytest
import requests

SHELF = "article(sales-channel-id={})-shelf.update"
ARTICLE = 1003  # has three images


def images(erp, article=ARTICLE):
    return erp.get(f"/dms/attributions?refType=ARTICLE&refId={article}")


def changed(erp, **body):
    answer = erp.admin("POST", "media", {"article": ARTICLE, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def first(erp):
    return int(images(erp)[0]["shelfResourceId"])


def public(erp, share, prefix=""):
    return requests.get(erp.url + prefix + share["publicUrlPath"], timeout=5)


def test_added_images_may_be_large_and_are_another_for_each_document(erp):
    added = changed(erp, add=2, bytes=100_000)["images"][-2:]

    files = [erp.call("GET", f"/dms/resources/{one['id']}/file").content for one in added]
    told = [erp.get(f"/dms/resources/{one['id']}")["file"]["fileSize"] for one in added]

    assert [len(one) for one in files] == told == [100_000] * 2
    assert [hashlib.sha256(one).hexdigest() for one in files] == [one["sha256"] for one in added]
    assert files[0] != files[1]


def test_attributions_lead_to_documents_and_these_to_files(erp):
    found = images(erp)

    documents = [erp.get(f"/dms/resources/{one['shelfResourceId']}") for one in found]
    files = [erp.call("GET", f"/dms/resources/{one['id']}/file") for one in documents]

    assert [one["uiSort"] for one in found] == [1, 2, 3]
    assert [one["uiFavorite"] for one in found] == [True, False, False]
    assert {(one["state"], one["deletionState"]) for one in documents} == {
        ("FILE_ATTACHED", "NOT_YET")}
    assert documents == erp.get(f"/dms/resources/byRef?refType=ARTICLE&refId={ARTICLE}")
    for document, file in zip(documents, files, strict=True):
        assert file.headers["Content-Type"] == document["file"]["contentType"] == "image/png"
        assert len(file.content) == document["file"]["fileSize"]
    assert len({file.content for file in files}) == 3
    by_uuid = erp.get(f"/dms/resources/{documents[0]['externalId']}/fileUUID")
    assert by_uuid == documents[0]


def test_a_file_is_a_picture_and_is_not_sent_twice(erp):
    path = f"/dms/resources/{first(erp)}/file"
    answer = erp.call("GET", path)

    again = erp.call("GET", path, headers={"If-None-Match": answer.headers["ETag"]})

    assert answer.content.startswith(b"\x89PNG\r\n\x1a\n")
    start = answer.content.index(b"IDAT") + 4
    length = int.from_bytes(answer.content[start - 8:start - 4], "big")
    assert len(zlib.decompress(answer.content[start:start + length])) == 8 * (1 + 8 * 3)
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(("choice", "status"), [("url", 201), ("redirect", 303)])
def test_a_file_can_lie_elsewhere(erp, choice, status):
    path = f"/dms/resources/{first(erp)}/file"
    content = erp.call("GET", path).content
    erp.set(file_answer=choice)

    answer = erp.call("GET", path, allow_redirects=False)

    assert answer.status_code == status
    url = answer.json()["url"] if choice == "url" else answer.headers["Location"]
    assert requests.get(url, timeout=5).content == content


def test_images_are_found_under_one_name_of_their_kind_only(erp):
    erp.set(dms_ref_type="EavArticle")

    assert images(erp) == []
    assert len(erp.get(f"/dms/attributions?refType=EavArticle&refId={ARTICLE}")) == 3
    assert erp.call("GET", "/dms/attributions?refType=ARTICLE").status_code == 422


def test_a_share_is_read_by_anyone_until_it_is_taken_back(erp):
    path = f"/dms/resources/{first(erp)}/shares"
    body = {"availability": "UNLIMITED", "sharedByExternalRef": "ours"}

    share = erp.call("POST", path, body).json()

    assert (share["appId"], share["sharedByExternalRef"]) == (
        erp.credentials["appIdentifier"], "ours")
    assert erp.get(path) == [share] == [erp.get(f"{path}/{share['id']}")]
    assert [public(erp, share).status_code for _ in range(2)] == [200, 200]
    assert erp.call("DELETE", f"{path}/{share['id']}").status_code == 200
    assert public(erp, share).status_code == 404
    assert erp.call("POST", path, {"availability": "x"}).status_code == 422


def test_a_share_for_one_use_is_gone_after_it(erp):
    path = f"/dms/resources/{first(erp)}/shares"

    share = erp.call("POST", path, {"availability": "ONE_TIME_USE"}).json()

    assert [public(erp, share).status_code for _ in range(2)] == [200, 404]


@pytest.mark.parametrize(("prefix", "statuses"), [("", [200, 404]), ("/api/vario", [404, 200])])
def test_shares_lie_below_one_of_two_prefixes(erp, prefix, statuses):
    erp.set(share_prefix=prefix)

    share = erp.call("POST", f"/dms/resources/{first(erp)}/shares", {}).json()

    assert [public(erp, share, at).status_code for at in ("", "/api/vario")] == statuses


def test_a_new_image_comes_last_and_moves_revision_and_channels(erp):
    column = "SELECT media.revision FROM article.query"
    query = column.replace("article.query", "article.shopListing") + (
        f" WHERE id = {ARTICLE} AND listings.salesChannel.id = '42'")
    [before] = erp.rows(query)

    sent = erp.edit(ARTICLE, set={"media": True})["events"]

    assert [one["queue"] for one in sent] == [SHELF.format(42), SHELF.format(43)]
    assert erp.rows(query)[0]["media.revision"] == before["media.revision"] + 1
    assert [one["uiSort"] for one in images(erp)] == [1, 2, 3, 4]


def test_images_are_replaced_ordered_hidden_and_removed(erp):
    one, two, three = [int(each["shelfResourceId"]) for each in images(erp)]
    before = changed(erp, add=1)["images"]

    after = changed(erp, replace=[two], remove=[one], order=[three, two], hide=[three],
                    favourite=two)["images"]

    added = before[-1]
    assert [(each["id"], each["revision"]) for each in after] == [
        (str(two), 2), (added["id"], 1)]
    old = {each["id"]: each["sha256"] for each in before}
    assert after[0]["sha256"] != old[str(two)]
    assert after[1]["sha256"] == old[added["id"]]
    assert [each["publish"] for each in images(erp)] == [False, True, True]
    assert erp.call("GET", f"/dms/resources/{one}").status_code == 404


def test_an_image_gets_another_text(erp):
    document = f"/dms/resources/{first(erp)}"

    shown = changed(erp, alt={str(first(erp)): "Von vorn"})["images"]

    assert shown[0]["alt"] == "Von vorn"
    assert shown[1]["alt"] != "Von vorn"
    texts = erp.get(document)["translatableTexts"]
    assert [one["alternativeText"] for one in texts] == ["Von vorn"]


def test_a_changed_document_says_so_with_the_reference_of_its_share(erp):
    one, two, _three = [int(each["shelfResourceId"]) for each in images(erp)]
    erp.call("POST", f"/dms/resources/{one}/shares", {"sharedByExternalRef": "mine"})

    sent = changed(erp, replace=[one], remove=[two])["events"]

    assert [(each["queue"], each["payload"]) for each in sent[2:]] == [
        ("shelf-document.update", {"shelfDocumentId": one, "externalRef": "mine"}),
        ("shelf-document.delete", {"shelfDocumentId": two})]
    assert changed(erp, add=1, silent=True)["events"] == []


@pytest.mark.parametrize("body", [
    {}, {"add": 101}, {"remove": [1]}, {"order": "x"}, {"article": "none", "add": 1}, {"typo": 1}])
def test_what_makes_no_sense_is_400_and_changes_nothing(erp, body):
    before = images(erp)

    assert erp.admin("POST", "media", {"article": ARTICLE, **body}).status_code == 400
    assert images(erp) == before

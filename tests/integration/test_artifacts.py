"""Artifacts over HTTP: what people and services do with them."""

import io
import json
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.api.artifacts import ArtifactDiff
from tests.server import Server, serving

WHERE = "/api/v1/artifacts"
TIDES = "# The tides\n\nThe moon pulls the sea.\n\nThe sun helps a little.\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    script = Path(__file__).parent.parent / "canvas.json"
    settings = {
        "AGENKIT_SCRIPTED_MODEL_FILE": str(script),
        "AGENKIT_CANVAS_MODELS": "scripted:writer",
        "AGENKIT_ARTIFACT_MAX_BYTES": "4096",
    }
    with serving(tmp_path_factory.mktemp("data"), **settings) as running:
        yield running


@pytest.fixture
async def client(server: Server, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client(user=f"acme/{request.node.name[:60]}") as opened:
        yield opened


async def _made(client: httpx.AsyncClient, text: str = TIDES, **more: Any) -> tuple[dict[str, Any], str]:
    answer = await client.post(WHERE, json={"name": "The tides", "kind": "markdown", "text": text, **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"{WHERE}/{made['artifactId']}"
    return made, answer.headers["ETag"]


async def _put(client: httpx.AsyncClient, artifact: str, text: str, seen: str, **query: str) -> httpx.Response:
    return await client.put(f"{WHERE}/{artifact}", json={"text": text}, headers={"If-Match": seen}, params=query)


async def test_what_is_written_is_a_version_and_can_be_read_again(client: httpx.AsyncClient) -> None:
    made, seen = await _made(client)
    written = await _put(client, made["artifactId"], TIDES + "More.\n", seen)
    told = written.json()
    assert (told["version"], told["versions"], told["author"], told["text"]) == (2, 2, "person", TIDES + "More.\n")
    again = await client.get(f"{WHERE}/{made['artifactId']}")
    assert again.json() == told
    assert again.headers["ETag"] == written.headers["ETag"] != seen
    old = (await client.get(f"{WHERE}/{made['artifactId']}/versions/1")).json()
    assert (old["text"], old["digest"], "parent" in old) == (TIDES, made["digest"], False)


async def test_a_stale_write_is_told_what_counts_now_or_is_merged(client: httpx.AsyncClient) -> None:
    made, seen = await _made(client)
    where = made["artifactId"]
    theirs = await _put(client, where, TIDES.replace("pulls", "draws"), seen)
    mine = TIDES.replace("a little", "much")
    refused = await _put(client, where, mine, seen)
    assert (refused.status_code, refused.json()["code"]) == (412, "stale_version")
    assert refused.headers["ETag"] == theirs.headers["ETag"]
    assert refused.json()["current"]["text"] == theirs.json()["text"]
    merged = await _put(client, where, mine, seen, merge="true")
    assert (merged.status_code, merged.json()["conflicts"]) == (200, 0)
    assert merged.json()["text"] == TIDES.replace("pulls", "draws").replace("a little", "much")
    contradicts = await _put(client, where, TIDES.replace("a little", "not"), seen, merge="true")
    assert contradicts.json()["conflicts"] == 1
    assert "helps not." in contradicts.json()["text"]
    assert "helps much." in contradicts.json()["text"]
    versions = (await client.get(f"{WHERE}/{where}/versions")).json()["items"]
    assert [(each["version"], each["parent"]) for each in versions[:-1]] == [(6, 4), (5, 1), (4, 2), (3, 1), (2, 1)]


@pytest.mark.parametrize(
    ("seen", "status", "code"),
    [
        (None, 428, "precondition_required"),
        ("W/anything", 422, "invalid_input"),
        ('"1-0123456789ab"', 412, "stale_version"),
        ('"9-0123456789ab"', 412, "stale_version"),
    ],
)
async def test_who_does_not_say_what_was_seen_writes_nothing(
    client: httpx.AsyncClient, seen: str | None, status: int, code: str
) -> None:
    made, _ = await _made(client)
    headers = {} if seen is None else {"If-Match": seen}
    answer = await client.put(f"{WHERE}/{made['artifactId']}", json={"text": "Mine"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await client.get(f"{WHERE}/{made['artifactId']}")).json()["text"] == TIDES


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"text": "a\x01b"}, 422, "text"),
        ({"text": "a\x00b"}, 422, "body"),
        ({"text": "\ud800"}, 422, ""),
        ({"kind": "novel"}, 422, "kind"),
        ({"name": " "}, 422, "name"),
        ({"name": "a\nb"}, 422, "name"),
        ({"language": "python"}, 422, "language"),
        ({"threadId": "nobody's"}, 404, ""),
        ({"text": "x" * 5000}, 413, ""),
        ({"colour": "green"}, 422, "colour"),
    ],
)
async def test_what_is_no_artifact_is_refused(
    client: httpx.AsyncClient, body: dict[str, Any], status: int, field: str
) -> None:
    asked = {"name": "The tides", "kind": "markdown", "text": TIDES, **body}
    content = json.dumps(asked)
    answer = await client.post(WHERE, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    if field:
        assert answer.json()["errors"][0]["field"] == field
    assert (await client.get(WHERE)).json()["items"] == []


async def test_versions_are_listed_in_parts_and_an_old_one_comes_back_as_a_new_one(client: httpx.AsyncClient) -> None:
    made, seen = await _made(client)
    where = f"{WHERE}/{made['artifactId']}"
    for at in range(4):
        seen = (await _put(client, made["artifactId"], f"{at}\n", seen)).headers["ETag"]
    first = (await client.get(f"{where}/versions?limit=3")).json()
    rest = (await client.get(f"{where}/versions?limit=3&cursor={first['nextCursor']}")).json()
    assert [each["version"] for each in (*first["items"], *rest["items"])] == [5, 4, 3, 2, 1]
    assert "nextCursor" not in rest
    back = await client.post(f"{where}/restore", json={"version": 1}, headers={"If-Match": seen})
    assert (back.json()["version"], back.json()["text"]) == (6, TIDES)
    newest = (await client.get(f"{where}/versions?limit=1")).json()["items"][0]
    assert (newest["parent"], newest["note"]) == (1, "version 1 restored")
    unknown = await client.post(f"{where}/restore", json={"version": 99}, headers={"If-Match": "*"})
    late = await client.post(f"{where}/restore", json={"version": 2}, headers={"If-Match": seen})
    assert (unknown.status_code, late.status_code) == (404, 412)


async def test_what_is_not_there_or_too_much_has_a_code_of_its_own(tmp_path: Path) -> None:
    large = "".join(f"{at}\n" for at in range(50_000))
    with serving(tmp_path) as server:
        async with server.client() as client:
            made, _ = await _made(client, large)
            where = f"{WHERE}/{made['artifactId']}"
            shared = [await client.post(f"{where}/shares", json={}) for _ in range(101)]
            for blob in (tmp_path / "blobs").glob("*/*/*"):
                blob.unlink()
    with serving(tmp_path) as server:
        async with server.client() as client:
            answers = [
                await client.get(f"{where}/versions/7"),
                await client.get("/api/v1/shared/made-up"),
                await client.delete(f"{where}/shares/{'0' * 32}"),
                await client.patch(where, json={"name": "a\nb"}),
                await client.get(where),
                shared[-1],
            ]
    assert {answer.status_code for answer in shared[:-1]} == {201}
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (404, "version_not_found"),
        (404, "share_not_found"),
        (404, "share_not_found"),
        (422, "invalid_name"),
        (500, "content_lost"),
        (409, "too_many_shares"),
    ]


async def test_a_difference_of_large_texts_is_made_in_another_process(tmp_path: Path) -> None:
    old, new = ("".join(f"{at}\n{sign}\n" for at in range(190_000)) for sign in "{}")
    with serving(tmp_path) as server:
        async with server.client() as client:
            made, seen = await _made(client, old)
            await _put(client, made["artifactId"], new, seen)
            before = time.process_time()
            where, asked = f"{WHERE}/{made['artifactId']}/diff", {"from": 1, "to": 2}
            answer = await client.get(where, params=asked, headers={"Accept": "text/x-diff"})
            cost = time.process_time() - before
    assert len(answer.text) > len(old)
    # In this process the same takes several seconds.
    assert cost < 1


async def test_a_difference_is_told_for_programs_and_for_patch(client: httpx.AsyncClient) -> None:
    made, seen = await _made(client)
    await _put(client, made["artifactId"], TIDES.replace("a little", "much"), seen)
    where = f"{WHERE}/{made['artifactId']}/diff"
    told = (await client.get(where, params={"from": 1})).json()
    assert (told["before"], told["after"], told["added"], told["removed"]) == (1, 2, 1, 1)
    assert told["changes"][-1] == {
        "op": "replace",
        "before": [4, 5],
        "after": [4, 5],
        "removed": ["The sun helps a little.\n"],
        "added": ["The sun helps much.\n"],
    }
    plain = await client.get(where, params={"from": 1, "to": 2}, headers={"Accept": "text/x-diff"})
    assert plain.headers["Content-Type"].startswith("text/x-diff")
    assert plain.text == told["unified"]
    assert plain.text.startswith("--- a/The tides.md\t\n+++ b/The tides.md\t\n@@ -2,4 +2,4 @@\n")
    data, _ = await _made(client, "{}", kind="json", name="Data")
    # Rendered elsewhere and not by the model, it is what the model says.
    assert ArtifactDiff.model_validate(told).model_dump(mode="json") == told
    two_kinds = await client.get(where, params={"from": 1, "against": data["artifactId"]})
    nowhere = await client.get(where, params={"from": 1, "to": 7})
    assert (two_kinds.status_code, two_kinds.json()["errors"][0]["field"]) == (422, "against")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "version_not_found")


async def test_lists_are_filtered_and_come_in_parts(client: httpx.AsyncClient, server: Server) -> None:
    user = client.headers["X-Test-User"]
    await server.run("canvas", user=user, text="Write about the tides", thread="t")
    for at in range(3):
        await _made(client, f"{at}", name=f"Note {at} on ÄPFEL")
    await _made(client, "{}", kind="json", name="Data")
    everything = (await client.get(WHERE)).json()["items"]
    assert [each["name"] for each in everything] == ["Data", *(f"Note {at} on ÄPFEL" for at in (2, 1, 0)), "The tides"]
    first = (await client.get(f"{WHERE}?limit=2")).json()
    second = (await client.get(f"{WHERE}?limit=2&cursor={first['nextCursor']}")).json()
    assert [*first["items"], *second["items"]] == everything[:4]
    assert [each["name"] for each in (await client.get(f"{WHERE}?kind=json")).json()["items"]] == ["Data"]
    of_thread = (await client.get(f"{WHERE}?threadId=t")).json()["items"]
    assert [(each["name"], each["threadId"]) for each in of_thread] == [("The tides", "t")]
    found = (await client.get(f"{WHERE}?q=äpfel 1")).json()["items"]
    assert [each["name"] for each in found] == ["Note 1 on ÄPFEL"]
    for wrong in ("cursor=nonsense", "limit=0", "kind=novel", "what=ever"):
        assert (await client.get(f"{WHERE}?{wrong}")).status_code == 422
    assert (await client.get(f"{WHERE}?threadId=unknown")).status_code == 404


async def test_hostile_html_is_served_in_a_sandbox_and_nowhere_else(client: httpx.AsyncClient) -> None:
    hostile = "<script>parent.document.cookie</script>"
    made, _ = await _made(client, hostile, kind="html", name='../../"x')
    where = f"{WHERE}/{made['artifactId']}"
    page = await client.get(f"{where}/preview")
    assert page.text == hostile
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    file = await client.get(f"{where}/download")
    assert file.headers["Content-Disposition"].startswith('attachment; filename="')
    assert "/" not in file.headers["Content-Disposition"].partition("filename=")[2].partition(";")[0]
    assert file.headers["Content-Security-Policy"] == policy
    plain, _ = await _made(client)
    assert (await client.get(f"{WHERE}/{plain['artifactId']}/preview")).status_code == 422


async def test_a_link_lets_anybody_read_until_it_is_revoked(client: httpx.AsyncClient, server: Server) -> None:
    made, seen = await _made(client)
    where = f"{WHERE}/{made['artifactId']}"
    pinned = (await client.post(f"{where}/shares", json={"version": 1})).json()
    current = (await client.post(f"{where}/shares", json={})).json()
    await _put(client, made["artifactId"], "Anew\n", seen)
    async with server.client(user="acme/stranger") as stranger:
        texts = [(await stranger.get(each["path"])).json()["text"] for each in (pinned, current)]
        assert texts == [TIDES, "Anew\n"]
        assert (await stranger.get(f"{current['path']}/download")).text == "Anew\n"
        assert (await stranger.get(where)).status_code == 404
        listed = (await client.get(f"{where}/shares")).json()["items"]
        assert {each["shareId"] for each in listed} == {pinned["shareId"], current["shareId"]}
        assert all("token" not in each for each in listed)
        assert (await stranger.delete(f"{where}/shares/{pinned['shareId']}")).status_code == 404
        assert (await client.delete(f"{where}/shares/{pinned['shareId']}")).status_code == 204
        assert (await stranger.get(pinned["path"])).status_code == 404
        assert (await stranger.get("/api/v1/shared/made-up")).status_code == 404
        await client.delete(where)
        assert (await stranger.get(current["path"])).status_code == 404


async def test_an_artifact_is_renamed_and_deleted_by_its_owner_only(client: httpx.AsyncClient, server: Server) -> None:
    made, seen = await _made(client)
    where = f"{WHERE}/{made['artifactId']}"
    async with server.client(user="acme/stranger") as stranger:
        theirs = [
            await stranger.get(where),
            await stranger.put(where, json={"text": "Theirs"}, headers={"If-Match": seen}),
            await stranger.patch(where, json={"name": "Theirs"}),
            await stranger.delete(where),
            await stranger.get(f"{where}/versions"),
            await stranger.get(f"{where}/versions/1"),
            await stranger.get(f"{where}/diff?from=1"),
            await stranger.post(f"{where}/restore", json={"version": 1}, headers={"If-Match": "*"}),
            await stranger.get(f"{where}/download"),
            await stranger.get(f"{where}/preview"),
            await stranger.post(f"{where}/shares", json={}),
            await stranger.get(f"{where}/shares"),
        ]
    assert {(answer.status_code, answer.json()["code"]) for answer in theirs} == {(404, "artifact_not_found")}
    assert (await client.patch(where, json={"name": "Ebb"})).json()["name"] == "Ebb"
    assert (await client.delete(where)).status_code == 204
    assert (await client.get(where)).status_code == 404


async def test_a_thread_is_packed_with_all_it_made(client: httpx.AsyncClient, server: Server) -> None:
    user = client.headers["X-Test-User"]
    for text in ("Write about the tides", "Write a function that adds"):
        await server.run("canvas", user=user, text=text, thread="t/1")
    await _made(client, "Mine\n", threadId="t/1", name="the TIDES")
    packed = await client.get("/api/v1/threads/t/1/artifacts.zip")
    archive = zipfile.ZipFile(io.BytesIO(packed.content))
    assert {name: archive.read(name).decode() for name in archive.namelist()} == {
        "the TIDES.md": "Mine\n",
        "add.py": "def add(one, other):\n    return one - other\n",
        "The tides (2).md": TIDES,
    }
    assert (await client.get("/api/v1/threads/nobody/artifacts.zip")).status_code == 404


async def test_what_is_remembered_can_be_seen_changed_and_forgotten(client: httpx.AsyncClient, server: Server) -> None:
    where = "/api/v1/memories"
    made = (await client.post(where, json={"kind": "style", "text": "Likes short sentences."})).json()
    changed = await client.put(f"{where}/{made['memoryId']}", json={"kind": "fact", "text": "Lives at the sea."})
    assert (await client.get(where)).json()["items"] == [changed.json()]
    assert changed.json()["text"] == "Lives at the sea."
    async with server.client(user="acme/stranger") as stranger:
        assert (await stranger.get(where)).json()["items"] == []
        assert (await stranger.delete(f"{where}/{made['memoryId']}")).status_code == 404
    assert (await client.post(where, json={"kind": "dream", "text": "x"})).status_code == 422
    assert (await client.post(where, json={"kind": "fact", "text": " "})).status_code == 422
    assert (await client.delete(f"{where}/{made['memoryId']}")).status_code == 204
    assert (await client.get(where)).json()["items"] == []

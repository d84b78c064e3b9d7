import errno
import hashlib
import io
import os
import time
import urllib.error

import pytest

from convviz import ConvvizError, downloads

URL = "https://example.org/models/weights.h5"
BODY = bytes(range(256)) * 3000


class Answer(io.BytesIO):
    def __init__(self, body, length):
        super().__init__(body)
        self.headers = {"Content-Length": str(length)}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(downloads.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    return tmp_path / "keras"


def serve(monkeypatch, body=BODY, length: int | None = None):
    monkeypatch.setattr(downloads.urllib.request, "urlopen", lambda url, timeout: Answer(body, length or len(body)))


def test_a_file_comes_whole_and_tells_how_far_it_is(home, monkeypatch):
    serve(monkeypatch)
    steps = list(downloads.fetch(URL, "models", "weights.h5", digest=hashlib.sha256(BODY).hexdigest()))
    assert [step.received for step in steps] == sorted(step.received for step in steps)
    assert steps[-1] == downloads.Fetched(len(BODY), len(BODY))
    assert downloads.find("models", "weights.h5").read_bytes() == BODY
    assert [path.name for path in (home / "models").iterdir()] == ["weights.h5"]


@pytest.mark.parametrize(
    ("body", "length", "digest"),
    [(BODY, len(BODY), "0" * 32), (BODY, len(BODY), "0" * 64), (BODY[:-1], len(BODY), None)],
    ids=["wrong MD5", "wrong SHA-256", "cut off"],
)
def test_a_file_that_came_wrong_leaves_nothing(home, monkeypatch, body, length, digest):
    serve(monkeypatch, body, length)
    with pytest.raises(ConvvizError, match=r"example\.org came incomplete or changed; try again"):
        list(downloads.fetch(URL, "models", "weights.h5", digest=digest))
    assert list((home / "models").iterdir()) == []


def test_a_download_that_is_given_up_leaves_nothing(home, monkeypatch):
    serve(monkeypatch)
    going = downloads.fetch(URL, "models", "weights.h5")
    next(going)
    going.close()
    assert list((home / "models").iterdir()) == []


def test_without_a_network_one_sentence_says_so(home, monkeypatch):
    def refuse(url, timeout):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(downloads.urllib.request, "urlopen", refuse)
    with pytest.raises(ConvvizError, match=r"^the server example\.org cannot be reached .*internet.*$"):
        list(downloads.fetch(URL, "models", "weights.h5"))


def test_a_silent_server_is_given_up(home, monkeypatch):
    monkeypatch.setattr(downloads, "PATIENCE", 0.05)
    monkeypatch.setattr(downloads.urllib.request, "urlopen", lambda url, timeout: time.sleep(5))
    began = time.monotonic()
    with pytest.raises(ConvvizError, match="cannot be reached"):
        list(downloads.fetch(URL, "models", "weights.h5"))
    assert time.monotonic() - began < 4


def test_what_is_here_is_not_fetched_again(home, monkeypatch):
    (home / "models").mkdir(parents=True)
    (home / "models" / "weights.h5").write_bytes(b"here")
    monkeypatch.setattr(downloads.urllib.request, "urlopen", None)
    assert downloads.need(URL, "models", "weights.h5").read_bytes() == b"here"


def test_a_home_that_cannot_be_written_is_replaced_as_keras_replaces_it(home, monkeypatch, tmp_path):
    (tmp_path / "keras").write_text("a file stands where the folder should be")
    serve(monkeypatch)
    list(downloads.fetch(URL, "models", "weights.h5"))
    assert downloads.find("models", "weights.h5") == tmp_path / "temporary" / ".keras" / "models" / "weights.h5"


def test_a_disk_that_is_full_keeps_no_part_of_a_download(home, monkeypatch):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    serve(monkeypatch)
    monkeypatch.setattr(downloads.os, "fdopen", lambda handle, mode: (os.close(handle), Full())[1])
    with pytest.raises(OSError, match="No space"):  # a worker makes a sentence of it
        list(downloads.fetch(URL, "models", "weights.h5"))
    assert not [path for path in home.rglob("*") if path.is_file()]

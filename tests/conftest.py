"""What all tests share: where the real data lies, if it is here, and small networks that are quick to build."""

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("CONVVIZ_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))

if DATA.is_dir():  # before anything reads it
    os.environ["CONVVIZ_DATA"] = str(DATA)
    os.environ.setdefault("KERAS_HOME", str(DATA / "keras"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as in the workers; without it some CPUs cannot go channels first


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data."""
    if not DATA.is_dir():
        pytest.skip(f"no real data at {DATA}; set CONVVIZ_DATA to the folder that holds mnist.npz and cats_and_dogs")
    return DATA


LAST = ("test_jobs.py", "pages", "browser")  # these start workers, the whole app, a browser
LONGEST = (  # of the files in a browser: begun first, so that at the end both workers have something to do
    *("test_pages.py", "test_runs.py", "test_pictures.py", "test_run_faults.py", "test_foot.py", "test_frame.py"),
    *("test_two_visitors.py", "test_hostile_names.py"),
)
PAGES = ("test_pages", "test_foot", "test_convolution_page")  # names of files that open pages begin so


def pytest_collection_modifyitems(items):
    """The fast tests first: what is wrong there is wrong everywhere."""

    def place(item):
        parts = item.path.parts
        if "browser" in parts:
            name = item.path.name
            return len(LAST), LONGEST.index(name) if name in LONGEST else len(LONGEST)
        parts = [*parts, "pages"] if item.path.name.startswith(PAGES) else parts
        return max((number for number, name in enumerate(LAST, 1) if name in parts), default=0), 0

    items.sort(key=place)

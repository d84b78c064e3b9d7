"""Visitors' models as networks: corrections that travel in a reference, and names of classes."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from convviz import ConvvizError, images, uploads, zoo
from convviz.jobs import worker
from convviz.jobs.belongings import Belongings
from convviz.zoo import finding

CAT = images.sample("cat")


def small(side=16, classes=3):
    keras.utils.set_random_seed(1)
    parts = [layers.Conv2D(4, 3, name="c"), layers.GlobalAveragePooling2D(), layers.Dense(classes, "softmax")]
    return keras.Sequential([keras.Input((side, side, 3)), *parts])


def file_of(model, tmp_path, ending="keras"):
    path = tmp_path / f"model.{ending}"
    model.save(path)
    return path.read_bytes()


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch):
    monkeypatch.setattr(finding, "_kept", type(finding._kept)())


@pytest.mark.parametrize(
    "ending", ["keras", pytest.param("h5", marks=pytest.mark.filterwarnings("ignore::UserWarning"))]
)
def test_an_upload_answers_as_the_model_that_was_saved(tmp_path, ending):
    model = small()
    network = zoo.resolve(zoo.Reference("upload", "a1"), file_of(model, tmp_path, ending))
    np.testing.assert_allclose(network.predict(CAT), model.predict_on_batch(network.prepare(CAT))[0], atol=1e-6)


def test_a_worker_opens_uploads_through_the_door_and_nothing_else():
    assert finding.OPENERS["upload"] is uploads.open_network
    assert worker.zoo.OPENERS is finding.OPENERS


def test_a_corrected_version_shares_the_model_and_needs_no_bytes(tmp_path):
    plain = zoo.Reference("upload", "a1")
    first = zoo.resolve(plain, file_of(small(), tmp_path))
    told = {"class_names": ("a", "b", "c"), "input_range": (0, 255), "colours": "bgr", "title": "Mine"}
    second = zoo.resolve(zoo.Reference("upload", "a1", zoo.corrections(**told)))
    assert second.model is first.model
    assert second.lock is first.lock
    assert (second.card.class_names, second.card.value_range) == (("a", "b", "c"), (0, 255))
    assert (second.card.colours, second.card.title) == ("bgr", "Mine")
    assert second.card.guessed == ()
    np.testing.assert_allclose(second.prepare(CAT), first.prepare(CAT)[..., ::-1] * 255, rtol=1e-5)


def test_corrections_come_back_as_they_went_and_nothing_else_can_be_corrected():
    told = {"input_shape": (32, 32, 3), "output": "age", "picture_input": 1, "ending": "sigmoid"}
    assert zoo.corrected(zoo.corrections(**told)) == told
    assert zoo.corrected("") == {}
    with pytest.raises(TypeError):
        zoo.corrections(prepare=print)


def test_a_worker_keeps_few_uploads_but_all_versions_of_them(tmp_path):
    data = file_of(small(), tmp_path)
    for name in ("a", "b", "c"):
        zoo.resolve(zoo.Reference("upload", name), data)
        zoo.resolve(zoo.Reference("upload", name, zoo.corrections(colours="bgr")), data)
    assert [one.name for one in finding._kept] == ["b", "b", "c", "c"]


def test_belongings_know_every_version_by_its_file():
    belongings = Belongings(lambda owner: None)
    plain, version = zoo.Reference("upload", "a"), zoo.Reference("upload", "a", "{}")
    belongings.keep(plain, b"bytes", "me")
    assert belongings.data(version, "me") == b"bytes"
    assert belongings.among((version, 3), "me") == {version: b"bytes"}
    with pytest.raises(ConvvizError, match="not here any more"):
        belongings.data(version, "you")
    belongings.drop(version, "me")
    with pytest.raises(ConvvizError, match="not here any more"):
        belongings.data(plain, "me")


def test_a_size_that_works_is_found_where_the_model_takes_any_but_works_with_few():
    reshape = layers.Reshape((62 * 62 * 2,))
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(2, 3), reshape, layers.Dense(2)])
    network = zoo.wrap(model)
    assert network.card.input_shape == (64, 64, 3)
    assert network.card.about["Size"] == "any; pictures are brought to 64 x 64"


@pytest.mark.parametrize(
    "text",
    [
        "cat\nwolf dog\n",
        "cat, wolf dog",
        b"\xef\xbb\xbfcat\r\nwolf dog\r\n\r\n",
        b"\xff\xfec\0a\0t\0\r\0\n\0w\0o\0l\0f\0 \0d\0o\0g\0",
        b"\xfe\xff\0c\0a\0t\0,\0w\0o\0l\0f\0 \0d\0o\0g",
        json.dumps(["cat", "wolf dog"]),
        json.dumps({"0": "cat", "1": "wolf dog"}),
        json.dumps({"1": ["n2", "wolf dog"], "0": ["n1", "cat"]}),
        json.dumps({"wolf dog": 1, "cat": 0}),
        "0,cat\n1,wolf dog\n",
        "1;wolf dog\r\n0;cat\r\n",
        "0\tcat\n1\twolf dog",
        "cat,0\nwolf dog,1",
        "class,name\n0,cat\n1,wolf dog",
        '"name";"number"\n"wolf dog";"1"\n"cat";"0"',
        ",name\n0,cat\n1,wolf dog",  # as pandas writes an index
        "\tname\n0\tcat\n1\twolf dog",
        "1,cat\n2,wolf dog",
        "number,name,\n0,cat,\n1,wolf dog,",
        "cat;wolf dog",
        "cat\twolf dog",
    ],
)
def test_class_names_are_read_from_the_usual_forms(text):
    assert uploads.open_names(text) == ("cat", "wolf dog")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('0,"tench, Tinca tinca"\n1,goldfish', ("tench, Tinca tinca", "goldfish")),
        ("0,tench, Tinca tinca\n1,goldfish", ("tench, Tinca tinca", "goldfish")),
        ("0;tench, Tinca tinca\n1;goldfish, Carassius auratus", ("tench, Tinca tinca", "goldfish, Carassius auratus")),
        ('"say ""hi""",1\ntench,0', ("tench", 'say "hi"')),
        ("0,0\n1,1\n2,2", ("0", "1", "2")),
        ("0,crane\n1,cat\n2,crane", ("crane", "cat", "crane")),
        ("\n".join(f"{number},name {number}" for number in reversed(range(12))), tuple(f"name {n}" for n in range(12))),
    ],
)
def test_class_names_are_read_by_number_from_the_rows_of_a_spreadsheet(text, names):
    assert uploads.open_names(text) == names


@pytest.mark.parametrize(
    "names",
    [
        ("tench, Tinca tinca", "goldfish, Carassius auratus", "cock"),
        ("tench, Tinca tinca", "goldfish, Carassius auratus"),
        ("red; scarlet", "blue; navy"),
        ("1,2-dichloroethane", "1,3-butadiene", "1,4-dioxane"),
        ("Boeing, 747", "Airbus, 380"),
        ("Apollo, 1", "Gemini, 2"),
        ("level, 0", "level, 1", "level, 2"),
        ("0,5", "1,0", "1,5", "2,0"),
        ("0,5", "1,5", "2,5"),
        ("0", "1", "2"),
        ("number, name", "0, nought"),
        ("kind,many", "cat,120", "dog,98"),
        ("cat",),
        ("cat", "0,a", "1,b"),
        ('"', ',"', '0,"'),
    ],
)
def test_a_plain_list_of_class_names_stays_as_it_is_where_there_are_commas_and_numbers_in_it(names):
    assert uploads.open_names("\n".join(names)) == names
    assert uploads.open_names("\t" + "\t\r\n\n".join(names) + "\t") == names


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_class_names_are_read_as_a_windows_editor_saves_them(code):
    text = "Käfer\r\n猫\r\nŁoś\r\n"
    data = b"\xfe\xff" * (code == "utf-16-be") + text.encode(code)
    assert uploads.open_names(data) == ("Käfer", "猫", "Łoś")


def test_signs_that_cannot_be_seen_are_left_out_of_class_names():
    assert uploads.open_names("\u200b cat\u202e\n" + "\u200b" * 300 + "wolf\u200b dog") == ("cat", "wolf dog")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("  \n ", "no class names"),
        (b"\xff\xfe\x00", "not a text file in UTF-8.*; save it as UTF-8"),
        (b"K\xe4fer\nB\xe4r", "not a text file in UTF-8.*; save it as UTF-8"),
        (b"c\0a\0t\0\n\0d\0o\0g\0", "not a text file in UTF-8.*; save it as UTF-8"),
        (b"\xff\xfe\0\0c\0\0\0a\0\0\0", "not a text file in UTF-8.*; save it as UTF-8"),
        ("[" * 50_000, "no JSON list"),
        ('{"0": "a", "2": "b"}', "without a gap"),
        ("0,cat\n2,dog", "without a gap"),
        ("class;name\n0;cat\n1;dog\n1;wolf", "without a gap"),
        ("0,cat\n1,\n2,dog", "1 to 200 letters"),
        ('{"0": 1.5}', "not all texts"),
        ('[["a"], {}]', "not all texts"),
        ("a\n" + "b" * 300, "1 to 200 letters"),
        ("a\n\u200b\nb", "1 to 200 letters"),
        ("a, \u202e", "1 to 200 letters"),
        ('["a", " \u200b\u202e "]', "1 to 200 letters"),
        ("a" * 1_000_001, "too much for class names"),
    ],
)
def test_what_is_no_class_names_is_refused_in_one_sentence(text, sentence):
    with pytest.raises(ConvvizError, match=sentence):
        uploads.open_names(text)

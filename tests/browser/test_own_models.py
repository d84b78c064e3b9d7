"""A visitor's own Keras model in a real browser: brought, described, corrected, looked into, and refused."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_pages import heading, no_complaint, settled

expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    """Small models as files: transfer learning by two nested parts, numbers for classes, and one with a Lambda."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(5)
    base = keras.Sequential(
        [keras.Input((32, 32, 3)), layers.Conv2D(6, 3, activation="relu", name="conv1"), layers.MaxPooling2D(2)],
        name="base",
    )
    pictures = keras.Input((32, 32, 3), name="photo")
    features = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, name="top_conv")(base(pictures)))
    nested = keras.Model(pictures, layers.Dense(3, activation="softmax", name="classes")(features))
    lambda_ = keras.Sequential([keras.Input((8, 8, 3)), layers.Lambda(lambda x: x * 2, name="mine"), layers.Flatten()])
    folder = tmp_path_factory.mktemp("models")
    for name, model in (("nested.keras", nested), ("lambda.keras", lambda_)):
        model.save(folder / name)
    flat = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2, activation="softmax")])
    flat.save(folder / "flat.keras")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def bring(page: Page, name: str, data: bytes) -> None:
    page.get_by_role("button", name="Your own model").click()
    field = page.get_by_test_id("stPopoverBody").locator("input[type=file]")
    field.set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": data})


def test_an_own_model_is_described_corrected_and_looked_into_on_every_page(server, page, files):
    page.goto(f"{server.address}/feature_maps")
    expect(heading(page, "Feature maps")).to_be_visible()
    bring(page, "pets [x](y) <b>.keras", files["nested.keras"])
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("a functional Keras model of 5 layers, 1 model inside it (base)")).to_be_visible()
    expect(dialog.get_by_text("pets [x](y) <b>")).to_be_visible()
    expect(dialog.get_by_text("0 to 1, guessed")).to_be_visible()
    dialog.get_by_label("Names of the 3 classes, one a line").fill("cat\ndog")
    dialog.get_by_role("button", name="Apply").click()
    expect(dialog.get_by_text("2 class names were given for 3 probabilities; give 3.")).to_be_visible()
    expect(dialog.get_by_label("Names of the 3 classes, one a line")).to_have_value("cat\ndog")
    dialog.get_by_label("Names of the 3 classes, one a line").fill("cat\ndog\nhorse *h*")
    dialog.get_by_role("button", name="Apply").click()
    expect(dialog.get_by_text("numbered 0 to 2")).to_have_count(0)
    settled(page)
    dialog.press("Escape")  # with the focus in the dialog, which loses it for a moment when the form is drawn anew
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("base/conv1").first).to_be_visible()
    expect(page).to_have_url(re.compile("network=model_"))
    settled(page)
    no_complaint(page)
    page.get_by_role("link", name="Grad-CAM").click()
    expect(page.get_by_text(re.compile("Explained: (cat|dog|horse)"))).to_be_visible()
    expect(page.get_by_text("top_conv").first).to_be_visible()
    no_complaint(page)
    page.get_by_role("link", name="Filter patterns").click()
    expect(page.get_by_text("The lecture's: 40 equal steps").first).to_be_visible()
    no_complaint(page)
    page.get_by_role("button", name="Diagnosis and corrections").click()
    expect(page.get_by_role("dialog").get_by_text("a functional Keras model")).to_be_visible()


def test_a_refused_model_is_refused_in_one_sentence_with_the_way_out_and_the_page_stays(server, page, files):
    page.goto(f"{server.address}/feature_maps")
    expect(heading(page, "Feature maps")).to_be_visible()
    bring(page, "mine.keras", files["lambda.keras"])
    complaint = page.get_by_test_id("stAlertContentError")
    expect(complaint).to_have_count(1)
    expect(complaint).to_contain_text("Lambda")
    expect(complaint).to_contain_text("replace it by Rescaling")
    expect(page.get_by_text("What to notice")).to_be_visible()


def test_a_network_without_feature_maps_is_said_so(server, page, files):
    page.goto(f"{server.address}/feature_maps")
    expect(heading(page, "Feature maps")).to_be_visible()
    bring(page, "flat.keras", files["flat.keras"])
    expect(page.get_by_role("dialog").get_by_role("button", name="Apply")).to_be_visible()
    settled(page)
    page.get_by_role("dialog").press("Escape")
    expect(page.get_by_test_id("stAlertContentError")).to_contain_text("has no layer with feature maps")


def test_a_link_to_an_own_model_opens_a_sample_and_says_so(server, page):
    page.goto(f"{server.address}/feature_maps?network=model_12345678")
    expect(
        page.get_by_text("The network of this link belongs to another visit; Cats and dogs is shown.")
    ).to_be_visible()
    no_complaint(page)

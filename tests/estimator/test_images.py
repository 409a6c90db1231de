"""Images through a real cluster: frames of pixels, files, arrays, and what is shown of them."""

import h2o
import matplotlib
import numpy as np
import pytest
from h2o.exceptions import H2OTypeError, H2OValueError
from PIL import Image
from sklearn.datasets import load_digits

import h2o_gan
from h2o_gan import H2OGANEstimator

matplotlib.use("agg")
pytestmark = pytest.mark.usefixtures("cluster")


@pytest.fixture(scope="module")
def digits():
    return load_digits()


@pytest.fixture(scope="module")
def frame(cluster, digits):
    """600 digits as a frame of 64 pixels and an enum that says which."""
    names = [f"p{place}" for place in range(64)]
    data = np.column_stack([digits.data[:600].astype(int), digits.target[:600]])
    frame = h2o.H2OFrame(data.tolist(), column_names=[*names, "digit"])
    frame["digit"] = frame["digit"].asfactor()
    frame = h2o.assign(frame, "digits")
    yield frame
    h2o.remove("digits")


@pytest.fixture(scope="module")
def gan(frame):
    return H2OGANEstimator(seed=1, epochs=4, device="cpu").train(y="digit", training_frame=frame)


def images_of(figure):
    return [image for axis in figure.axes for image in axis.get_images()]


def test_pixel_frames_are_trained_on_and_come_back(gan, frame, capsys):
    assert gan.engine_model.architecture == "convolutional"
    fake = gan.generate(50, seed=1)
    assert fake.names == frame.names and fake.types["digit"] == "enum"
    assert fake["digit"].levels() == frame["digit"].levels()
    assert frame.rbind(fake).nrow == 650
    summary = gan.summary()
    assert "8 x 8 grey images of 10 classes in 'digit'" in summary.cell_values[0]
    sevens = gan.generate(20, seed=1, conditions={"digit": "7"})
    assert sevens["digit"].as_data_frame(use_pandas=False, header=False) == [["7"]] * 20
    even = gan.generate(20, seed=1, balance="digit")
    assert set(even["digit"].table().as_data_frame()["Count"]) == {2}
    for made in (fake, sevens, even):
        h2o.remove(made)


def test_what_was_assumed_is_printed(frame, capsys):
    H2OGANEstimator(seed=1, epochs=1, device="cpu").train(y="digit", training_frame=frame)
    assert "The rows are treated as 8 x 8 grey images of 10 classes in 'digit'." in (
        capsys.readouterr().out
    )


def test_a_label_that_is_not_y_is_named(frame):
    gan = H2OGANEstimator(seed=1, epochs=1, image_shape=(8, 8))
    with pytest.raises((H2OValueError, ValueError), match="'digit'.*as y"):
        gan.train(training_frame=frame)


def test_images_come_as_an_array(gan):
    images = gan.generate_images(10, seed=1)
    assert images.shape == (10, 8, 8) and images.dtype == np.uint8
    latents = np.random.default_rng(0).standard_normal((4, gan.engine_model.latent_size))
    some = gan.generate_images(latents=latents, conditions={"digit": "3"})
    assert some.shape == (4, 8, 8)
    each = gan.generate_images(latents=latents, conditions={"digit": ["3", "3", "3", "5"]})
    assert np.array_equal(some[:3], each[:3]) and not np.array_equal(some[3], each[3])
    with pytest.raises(H2OValueError, match="latents need labels too"):
        gan.generate_images(latents=latents)
    with pytest.raises(H2OValueError, match="n is missing"):
        gan.generate_images()
    with pytest.raises(H2OValueError, match=r"generate_images\(latents"):
        gan.predict(latents)


def test_a_grid_of_samples_names_its_rows(gan, tmp_path):
    figure = gan.plot_samples(seed=1, server=True, save_plot_path=str(tmp_path / "s.png")).figure()
    assert len(images_of(figure)) == 80
    assert [axis.get_ylabel() for axis in figure.axes if axis.get_ylabel()] == list("0123456789")
    assert Image.open(tmp_path / "s.png").size[0] > 300
    some = gan.plot_samples(9, seed=1, conditions={"digit": "7"}, server=True).figure()
    assert len(images_of(some)) == 9


def test_an_interpolation_begins_and_ends_at_its_vectors(gan):
    figure = gan.plot_interpolation(labels=["3", "8"], steps=6, seed=1, server=True).figure()
    shown = [np.asarray(image.get_array()) for image in images_of(figure)]
    assert len(shown) == 12
    ends = np.random.default_rng(1).standard_normal((2, 2, gan.engine_model.latent_size))
    first = gan.generate_images(latents=ends[0], conditions={"digit": "3"})
    assert np.array_equal(shown[0], first[0]) and np.array_equal(shown[5], first[1])
    with pytest.raises(H2OValueError, match="steps must be"):
        gan.plot_interpolation(steps=1)


def test_training_is_shown_as_a_picture_and_a_film(gan, tmp_path):
    epochs = list(gan.engine_model.training_previews)
    figure = gan.plot_progress(server=True, save_plot_path=str(tmp_path / "p.png")).figure()
    assert len(images_of(figure)) == 60 and (tmp_path / "p.png").stat().st_size > 1000
    gan.plot_progress(server=True, save_plot_path=str(tmp_path / "p.gif"))
    with Image.open(tmp_path / "p.gif") as film:
        assert film.n_frames == len(epochs) == 4
    with pytest.raises(H2OValueError, match="epoch=77 has no images"):
        gan.plot_progress(epoch=77)


def test_copies_are_found_and_shown(gan, frame, tmp_path):
    fake = gan.generate(30, seed=1)
    both = h2o.assign(frame[5:8, :].rbind(fake), "suspects")
    found = gan.copies(both)
    assert found.names == ["nearest_row", "distance", "real_distance", "real_nearer"]
    table = found.as_data_frame()
    assert table["nearest_row"][:3].tolist() == [5, 6, 7] and table["distance"][:3].max() == 0
    assert table["distance"][3:].min() > 0
    figure = gan.plot_copies(both, n=5, server=True, save_plot_path=str(tmp_path / "c.png"))
    shown = [np.asarray(image.get_array()) for image in images_of(figure.figure())]
    assert len(shown) == 10 and np.array_equal(shown[0], shown[5])
    for made in (fake, both, found):
        h2o.remove(made)


def test_a_report_judges_images_by_their_page(gan, frame, no_leaks):
    report = gan.report()
    assert [section.name for section in report.document.sections] == ["images", "privacy"]
    figures = report.figures
    assert figures["images.accuracy"].value > 0.5
    assert figures["images.frechet"].value < figures["images.frechet"].independent
    assert figures["images.membership_auc"].value is not None  # by the held-out rows
    assert report.json["identity"]["Images"]["unseen images"].startswith("60 ")
    assert "data:image/png;base64," in report.html
    with pytest.raises(H2OValueError, match="groups: images are shown by their labels"):
        gan.report(groups="digit")


def test_a_table_is_searched_for_copies_too(cluster, tmp_path):
    rng = np.random.default_rng(0)
    data = h2o.H2OFrame({"a": rng.normal(size=300).tolist(), "b": rng.normal(size=300).tolist()})
    gan = H2OGANEstimator(seed=1, epochs=2, discriminator_epochs=1, device="cpu")
    gan.train(training_frame=data)
    found = gan.copies(data[10:20, :]).as_data_frame()
    assert found["nearest_row"].tolist() == list(range(10, 20))
    gan.plot_copies(data[10:20, :], server=True, save_plot_path=str(tmp_path / "c.png"))
    with pytest.raises(H2OValueError, match="trained on a table"):
        gan.generate_images(3)
    path = gan.save(tmp_path / "gan.zip")
    with pytest.raises(H2OValueError, match="training_frame is missing"):
        h2o_gan.load_model(path).copies(data)
    assert h2o_gan.load_model(path).copies(data[:5, :], data).nrow == 5
    h2o.remove(data)


def test_files_are_read_below_their_root(cluster, digits, tmp_path):
    for place in range(120):
        Image.fromarray((digits.images[place] * 15.9).astype(np.uint8)).save(
            tmp_path / f"{place}.png"
        )
    paths = [f"{place}.png" for place in range(120)]
    frame = h2o.H2OFrame(
        {"filepath": paths, "digit": digits.target[:120].tolist(), "note": list(range(120))},
        column_types={"filepath": "string"},
    )
    gan = H2OGANEstimator(image_column="filepath", image_root=tmp_path, image_shape=(16, 16),
                          epochs=1, seed=1, device="cpu")  # fmt: skip
    gan.train(y="digit", training_frame=frame)
    fake = gan.generate(5, seed=1)
    assert fake.shape == (5, 257) and fake.names[-1] == "digit"
    assert gan.predict(frame).nrow == 120
    assert gan.copies(frame[3:5, :]).as_data_frame()["nearest_row"].tolist() == [3, 4]
    (tmp_path / "7.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"1 of 120 images can't be read: 7.png"):
        gan.train(y="digit", training_frame=frame)
    gan.image_errors = "skip"
    with pytest.warns(RuntimeWarning, match="are left out"):
        gan.train(y="digit", training_frame=frame)
    assert gan.engine_model.rows == 119
    with pytest.raises(H2OValueError, match="image_root is missing"):
        H2OGANEstimator(image_column="filepath", image_shape=(16, 16)).train(training_frame=frame)
    with pytest.raises(H2OValueError, match="has no column 'path'"):
        H2OGANEstimator(
            image_column="path", image_root=tmp_path, image_shape=(16, 16)
        ).train(training_frame=frame)  # fmt: skip
    for made in (fake, frame):
        h2o.remove(made)


@pytest.mark.parametrize("labels", ["numbers", "words", None])
def test_arrays_are_put_into_the_cluster(digits, labels):
    images = digits.images[:100].astype(np.uint8)
    y = {"numbers": digits.target[:100], "words": [f"d{d}" for d in digits.target[:100]]}
    gan = H2OGANEstimator(epochs=1, seed=1, device="cpu")
    gan.train(x=images, y=y.get(labels))
    key = gan.parms["training_frame"]["input_value"]
    frame = h2o.get_frame(key)
    assert frame.shape == (100, 64 if labels is None else 65)
    fake = gan.generate(5)
    assert fake.names == frame.names and fake.types == frame.types
    first = [float(v) for v in frame[0, :64].as_data_frame(use_pandas=False, header=False)[0]]
    assert np.array_equal(np.reshape(first, (8, 8)), images[0])
    for made in (fake, frame):
        h2o.remove(made)


@pytest.mark.parametrize(
    ("images", "y", "error", "message"),
    [
        (np.zeros((5, 8)), None, H2OValueError, "is not an array of images"),
        (np.zeros((5, 8, 8, 2)), None, H2OValueError, "is not an array of images"),
        (np.zeros((5, 8, 8)), [1, 2], H2OValueError, "does not label 5 images"),
        (np.zeros((5, 8, 8)), [0.5] * 5, H2OTypeError, "labels must be whole numbers or text"),
        (np.zeros((5, 8, 8), complex), None, H2OTypeError, "images must be numbers"),
        (np.zeros((0, 8, 8)), None, H2OValueError, "has no images"),
        (np.zeros((5, 4, 4)), None, ValueError, "sides from 8 to 128"),
    ],
)
def test_unfit_arrays_are_named_and_leave_no_frame(no_leaks, images, y, error, message):
    with pytest.raises(error, match=message):
        H2OGANEstimator(epochs=1).train(x=images, y=y)


def test_the_articles_mlp_gives_images_too(frame):
    pixels = frame[:, :64]
    gan = H2OGANEstimator(generator_architecture={"hidden_dim": 16}, epochs=1, seed=1, device="cpu")
    gan.train(training_frame=pixels)
    assert gan.engine_model.architecture == "mlp"
    assert gan.generate_images(7, seed=1).shape == (7, 8, 8)
    assert len(images_of(gan.plot_samples(9, seed=1, server=True).figure())) == 9
    assert gan.plot_interpolation(rows=2, steps=3, server=True) is not None
    with pytest.raises(H2OValueError, match="has no images of its training"):
        gan.plot_progress()
    with pytest.raises(H2OValueError, match="conditions"):
        gan.generate(3, conditions={"digit": "1"})

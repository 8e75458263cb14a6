"""`utsushi detect`: scores, flags, a picture, and its refusals."""

import numpy as np
import pytest
from PIL import Image
from pyarrow import csv, parquet
from sklearn.frozen import FrozenEstimator

from utsushi import AnomalyDetector, datasets, load
from utsushi.runs import open_run

DIGITS = datasets.load_digits8x8()


def detector_of(run, **settings):
    model = FrozenEstimator(load(run / "model.safetensors"))
    return AnomalyDetector(model, **settings).fit(DIGITS.X_train)


@pytest.mark.parametrize("kind", ["csv", "parquet", "npz"])
def test_every_row_is_written_with_its_label_score_and_flag(utsushi, vae_run, tmp_path, kind):
    out = tmp_path / f"scores.{kind}"
    call = utsushi("detect", vae_run, "--out", out, "--worst", 0)
    assert (call.status, call.out) == (0, "")
    read = {
        "csv": lambda: csv.read_csv(out).to_pydict(),
        "parquet": lambda: parquet.read_table(out).to_pydict(),
        "npz": lambda: dict(np.load(out)),
    }
    columns = read[kind]()
    assert list(columns) == ["row", "y", "score", "outlier"]
    detector = detector_of(vae_run)
    np.testing.assert_array_equal(columns["row"], np.arange(len(DIGITS.X)))
    np.testing.assert_array_equal(columns["y"], DIGITS.y)
    np.testing.assert_allclose(columns["score"], detector.score_samples(DIGITS.X))
    np.testing.assert_array_equal(columns["outlier"], detector.predict(DIGITS.X) == -1)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        (["--contamination", 0.3], {"contamination": 0.3}),
        (["--scoring", "combined"], {"scoring": "combined"}),
        (
            ["--scoring", "relative-error,mahalanobis", "--max-false-positive-rate", 0.1],
            {"scoring": ("relative-error", "mahalanobis"), "max_false_positive_rate": 0.1},
        ),
    ],
)
def test_an_option_reaches_the_detector(utsushi, vae_run, tmp_path, words, settings):
    out = tmp_path / "scores.npz"
    assert utsushi("detect", vae_run, "--out", out, "--worst", 0, *words).status == 0
    detector = detector_of(vae_run, **settings)
    np.testing.assert_array_equal(np.load(out)["score"], detector.score_samples(DIGITS.X))
    flags = detector.predict(DIGITS.X) == -1
    np.testing.assert_array_equal(np.load(out)["outlier"], flags)


def test_a_rate_on_rows_that_the_model_has_seen_is_warned_of(utsushi, ae_run, tmp_path):
    words = ["detect", ae_run, "--out", tmp_path / "s.csv", "--max-false-positive-rate", 0.1]
    assert "--normal" in utsushi(*words).err
    np.save(tmp_path / "normal.npy", DIGITS.X_test)
    assert "--normal" not in utsushi(*words, "--normal", tmp_path / "normal.npy").err


def test_the_picture_stands_beside_the_scores(utsushi, ae_run, tmp_path):
    call = utsushi("detect", ae_run, "--out", tmp_path / "scores.csv")
    with Image.open(tmp_path / "scores.png") as picture:
        assert picture.size[0] > 500
    assert "10 lowest scores" in call.err


def test_the_picture_goes_where_it_was_asked_for(utsushi, ae_run, tmp_path):
    words = ["--picture", tmp_path / "worst.png", "--worst", 3]
    assert "3 lowest" in utsushi("detect", ae_run, "--out", tmp_path / "s.csv", *words).err
    assert {path.name for path in tmp_path.iterdir()} == {"s.csv", "worst.png"}


def test_a_table_keeps_the_name_of_its_labels_and_has_a_picture(utsushi, table_run, tmp_path):
    assert utsushi("detect", table_run, "--out", tmp_path / "s.csv").status == 0
    assert csv.read_csv(tmp_path / "s.csv").column_names == ["row", "kind", "score", "outlier"]
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")


def test_images_of_two_channels_get_bars(utsushi, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((20, 2, 4, 4)))
    words = ["--data", tmp_path / "x.npy", "--hidden", 4, "--max-epochs", 1, "--verbose", 0]
    utsushi("train", "ae", "--out", tmp_path / "r", *words)
    assert utsushi("detect", tmp_path / "r", "--out", tmp_path / "s.csv").status == 0


def test_a_saved_detector_keeps_its_own_threshold(utsushi, ae_run, tmp_path):
    detector = detector_of(ae_run, contamination=0.4, scoring="mahalanobis")
    detector.save(tmp_path / "detector.safetensors")
    np.save(tmp_path / "rows.npy", DIGITS.X_test)
    words = ["--data", tmp_path / "rows.npy", "--out", tmp_path / "s.npz", "--worst", 0]
    assert utsushi("detect", tmp_path / "detector.safetensors", *words).status == 0
    flags = detector.predict(DIGITS.X_test) == -1
    np.testing.assert_array_equal(np.load(tmp_path / "s.npz")["outlier"], flags)
    # Another way to set it takes the place of its own.
    words += ["--normal", tmp_path / "rows.npy", "--max-false-positive-rate", 0.1]
    assert utsushi("detect", tmp_path / "detector.safetensors", *words).status == 0
    assert np.load(tmp_path / "s.npz")["outlier"].mean() <= 0.1


def test_a_detector_without_an_autoencoder_scores_and_draws(utsushi, tmp_path):
    detector = AnomalyDetector().fit(DIGITS.X_train)
    detector.save(tmp_path / "detector.safetensors")
    words = [tmp_path / "detector.safetensors", "--data", "digits8x8"]
    call = utsushi("detect", *words, "--out", tmp_path / "s.npz")
    assert call.status == 0
    assert "scored by neighbors" in call.err
    scores = np.load(tmp_path / "s.npz")["score"]
    np.testing.assert_array_equal(scores, detector.score_samples(DIGITS.X))
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
    assert (
        "must have an autoencoder"
        in utsushi("encode", *words, "--out", tmp_path / "codes.npz").error
    )
    # Another way to set the threshold learns from other rows.
    np.save(tmp_path / "rows.npy", DIGITS.X_test)
    words += ["--normal", tmp_path / "rows.npy", "--max-false-positive-rate", 0.2]
    assert utsushi("detect", *words, "--out", tmp_path / "t.npz", "--worst", 0).status == 0


def test_outliers_are_explained(utsushi, table_run, tmp_path):
    words = ["detect", table_run, "--out", tmp_path / "s.csv", "--explain"]
    call = utsushi(*words, "--scoring", "neighbors", "--worst", 3)
    columns = csv.read_csv(tmp_path / "s.csv").to_pydict()
    for is_outlier, sentence in zip(columns["outlier"], columns["explanation"], strict=True):
        assert ("expected" in sentence) == is_outlier
    lowest = np.argsort(columns["score"], kind="stable")[:3]
    for row in lowest:
        assert f"row {row}: {columns['explanation'][row]}" in call.err
    call = utsushi(*words)
    assert call.status == 0
    assert "expected" in call.err
    assert "±" not in call.err


def test_the_report_of_a_table_shows_values_and_what_was_expected(utsushi, table_run, tmp_path):
    words = ["detect", table_run, "--out", tmp_path / "s.csv", "--scoring", "neighbors"]
    call = utsushi(*words, "--worst", 3, "--report", tmp_path / "why.html")
    assert f"the report: {tmp_path / 'why.html'}" in call.err
    page = (tmp_path / "why.html").read_text()
    run = open_run(table_run)
    data = datasets.open(run.config.data, label="kind")
    detector = AnomalyDetector(FrozenEstimator(run.model), scoring="neighbors")
    detector.fit(data.X_train, columns=run.model.columns_)
    lowest = detector.score_samples(data.X).argsort(kind="stable")[:3]
    explanation = detector.explain(data.X[lowest])
    assert page.count("<table>") == 3
    for place, row in enumerate(lowest):
        assert f"Row {row}: label {data.y[row]}, score " in page
        assert f"行 {row}：ラベル {data.y[row]}，スコア " in page
        for name, *cells in explanation.table(place):
            line = "".join(f"<td>{cell}</td>" for cell in cells)
            assert f'<tr><th scope="row">{name}</th>{line}</tr>' in page


def test_the_report_of_images_shows_where_they_are_abnormal(utsushi, ae_run, tmp_path):
    words = ["detect", ae_run, "--out", tmp_path / "s.npz", "--lang", "ja"]
    assert utsushi(*words, "--report", tmp_path / "why.html").status == 0
    page = (tmp_path / "why.html").read_text()
    assert page.count("<img ") == page.count("<table>") == 1
    assert '<html lang="ja">' in page
    scores = np.load(tmp_path / "s.npz")["score"]
    detector = detector_of(ae_run)
    for row in scores.argsort(kind="stable")[:10]:
        p_value = detector.p_values(DIGITS.X[[row]])[0]
        assert f"<td>{DIGITS.y[row]}</td><td>{scores[row]:.4g}</td>" in page
        assert f"<td>{p_value:.2g}</td>" in page
        (sentence,) = detector.explain_text(DIGITS.X[[row]], language="ja")
        assert sentence in page
    assert page.count('<span lang="en">outlier</span>') == 10


def test_drift_from_earlier_rows_is_printed(utsushi, ae_run, tmp_path):
    np.save(tmp_path / "earlier.npy", DIGITS.X_test)
    words = ["detect", ae_run, "--worst", 0, "--reference", tmp_path / "earlier.npy"]
    call = utsushi(*words, "--out", tmp_path / "s.csv")
    assert "drift of the scores from" in call.err
    assert "columns that have moved: none" in call.err
    np.save(tmp_path / "moved.npy", np.minimum(DIGITS.X + np.eye(64)[20] / 2, 1))
    call = utsushi(*words, "--out", tmp_path / "t.csv", "--data", tmp_path / "moved.npy")
    assert "columns that have moved: x20 (" in call.err


def test_the_score_is_named(utsushi, ae_run, tmp_path):
    words = ["detect", ae_run, "--out", tmp_path / "s.csv", "--worst", 0]
    assert "scored by squared-error" in utsushi(*words).err
    assert "scored by neighbors" in utsushi(*words, "--scoring", "neighbors").err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--out", "s.txt"], ".csv, .parquet, .npz"),
        (["--out", "s.csv", "--picture", "p.jpg"], ".png"),
        (["--out", "s.csv", "--report", "r.htm"], "--report must end in .html, got 'r.htm'"),
        (["--out", "s.csv", "--report", "r.html", "--worst", "0"], "must be positive with --rep"),
        (["--out", "s.csv", "--report", "r.html", "--lang", "fr"], "'fr'"),
        (["--out", "s.csv", "--worst", "-1"], "--worst must be a non-negative integer, got -1"),
        (["--out", ""], "--out must end in .csv, .parquet, .npz, got ''"),
        (["--out", "."], "--out must end in .csv, .parquet, .npz, got '.'"),
        (["--out", "s.csv", "--scoring", "best"], "'best'"),
        (["--out", "s.csv", "--scoring", "auto,best"], "--scoring must be 'combined', one of"),
        (["--out", "s.csv", "--scoring", "bound"], "VariationalAutoencoder"),
        (["--out", "s.csv", "--contamination", "0.9"], "0.9"),
        (["--out", "s.csv", "--max-false-positive-rate", "0.0001"], "9999 held-out samples"),
        (
            ["--out", "s.csv", "--contamination", ".1", "--max-false-positive-rate", ".1"],
            "both set",
        ),
        (["--out", "s.csv", "--normal", "nothing.npy"], "nothing.npy"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(utsushi, ae_run, tmp_path, monkeypatch, words, what):
    monkeypatch.chdir(tmp_path)
    call = utsushi("detect", ae_run, *words)
    assert (call.status, call.out) == (2, "")
    assert what in [line for line in call.err.splitlines() if line.startswith("utsushi: ")][-1]
    assert list(tmp_path.iterdir()) == []


def test_a_model_file_alone_asks_for_normal_rows(utsushi, ae_run, tmp_path):
    model = tmp_path / "m.safetensors"
    model.write_bytes((ae_run / "model.safetensors").read_bytes())
    words = ["detect", model, "--data", "digits8x8", "--out", tmp_path / "s.csv"]
    assert "--normal" in utsushi(*words).error
    assert utsushi(*words, "--normal", "digits8x8").status == 0

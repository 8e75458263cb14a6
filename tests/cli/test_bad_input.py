"""Every user error: one line with the value, what was expected and the fix, exit 2, no file."""

import json

import numpy as np
import pytest
from PIL import Image

from utsushi import datasets

TRAIN = ["--hidden", "8", "--max-epochs", "1", "--verbose", "0", "--random-state", "0"]


@pytest.fixture
def refused(utsushi, tmp_path):
    """Train on bad data; check the manners of the refusal and return its line."""

    def call(source, *words):
        before = sorted(tmp_path.rglob("*"))
        result = utsushi("train", "ae", "--data", source, "--out", tmp_path / "r", *TRAIN, *words)
        assert result.status == 2
        assert result.out == ""
        assert result.error.startswith("utsushi: ")
        assert sorted(tmp_path.rglob("*")) == before
        return result.error

    return call


@pytest.mark.parametrize(("bad", "name"), [(np.nan, "NaN"), (np.inf, "inf")])
def test_a_value_that_is_not_finite_is_located(refused, tmp_path, bad, name):
    X = np.zeros((20, 4))
    X[7, 2] = bad
    np.save(tmp_path / "bad.npy", X)
    error = refused(tmp_path / "bad.npy")
    assert name in error
    assert "row 7, column 2" in error


def test_an_empty_folder_is_named(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "empty" in refused(tmp_path / "empty")


def test_images_of_several_sizes_are_named(refused, tmp_path):
    (tmp_path / "images").mkdir()
    for name, size in (("a.png", (8, 8)), ("b.png", (8, 9))):
        Image.new("L", size).save(tmp_path / "images" / name)
    error = refused(tmp_path / "images")
    assert "a.png" in error
    assert "b.png" in error


def test_a_column_of_numbers_and_text_is_named(refused, tmp_path):
    (tmp_path / "table.csv").write_text("a,b\n1,red\n2,3\n")
    error = refused(tmp_path / "table.csv")
    assert "'b'" in error
    assert "red" in error


def test_a_missing_file_is_named(refused, tmp_path):
    assert "nothing.npy" in refused(tmp_path / "nothing.npy")


def test_a_name_that_is_nearly_a_bundled_one_is_suggested(refused):
    assert "mnist20k" in refused("mnist20")


def test_a_damaged_file_is_named(refused, tmp_path):
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY\x01\x00 nonsense")
    assert "bad.npy" in refused(tmp_path / "bad.npy")


def test_an_array_of_objects_is_refused(refused, tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    assert "objects.npy" in refused(tmp_path / "objects.npy")


def test_one_row_is_too_few_to_train_on(refused, tmp_path):
    np.save(tmp_path / "one.npy", np.zeros((1, 4)))
    assert "1 sample" in refused(tmp_path / "one.npy")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--n-components", "0"),
        ("--n-components", "ten"),
        ("--learning-rate", "-1"),
        ("--recipe", "slow"),
        ("--scaling", "log"),
        ("--network", "cnn"),
        ("--sampler", "magic"),
        ("--hidden", "8,-2"),
        ("--image-shape", "3,3"),
        ("--validation-fraction", "1"),
        ("--early-stopping", "3"),
        ("--device", "abacus"),
        ("--precision", "int4"),
        ("--penalty", "large"),
        ("--lang", "fr"),
    ],
)
def test_a_value_that_a_parameter_may_not_have_is_named(refused, option, value):
    error = refused("digits8x8", option, value)
    assert value.split(",")[-1] in error
    assert option.strip("-").replace("-", "_") in error.replace("-", "_")


@pytest.mark.parametrize(
    ("model", "words", "needs"),
    [
        ("ae", ["--network", "dense", "--channels", "8"], "--network conv"),
        ("ae", ["--activation", "relu", "--channels", "8"], "--network conv"),
        ("dae", ["--penalty-strength", "0.1"], "--penalty sparse"),
        ("vae", ["--gradient", "standard"], "--objective importance-weighted"),
        ("vae", ["--n-estimates", "2"], "--objective importance-weighted"),
        ("vae", ["--objective", "importance-weighted", "--free-bits", "1"], "--objective elbo"),
    ],
)
@pytest.mark.parametrize("command", ["train", "tune"])
def test_an_option_that_does_not_fit_is_named_with_what_it_needs(
    utsushi, tmp_path, command, model, words, needs
):
    call = utsushi(command, model, *words, "--data", "digits8x8", "--out", tmp_path / "r")
    assert call.status == 2
    assert words[-2] in call.error
    assert call.error.endswith(f". Set {needs}, or leave {words[-2]} out.")
    assert not list(tmp_path.iterdir())


def test_an_option_of_an_unknown_object_names_the_known_ones(utsushi, tmp_path):
    call = utsushi("train", "ae", "--network", "cnn", "--activation", "relu", "--out", tmp_path)
    assert call.status == 2
    assert call.error.startswith("utsushi: --network must be 'dense' or 'conv' or ")
    assert call.error.endswith(", got 'cnn'.")


def test_an_error_of_a_value_says_what_it_must_be_and_what_it_is(refused):
    error = refused("digits8x8", "--weight-decay", "-1")
    assert "--weight-decay must be a float in the range [0.0, inf), got -1.0. See" in error
    error = refused("digits8x8", "--scaling", "log")
    assert (
        "--scaling must be one of 'center', 'minmax', 'standard', 'unit-length' or none, got 'log'"
        in error
    )


def test_an_unknown_option_is_named(utsushi):
    assert "--foo" in utsushi("train", "vae", "--foo", "1").error


def test_an_unknown_model_is_named_with_the_known_ones(utsushi):
    call = utsushi("train", "gan")
    assert call.status == 2
    assert "'gan'" in call.error
    assert "ae, dae, vae" in call.error


def test_an_unknown_command_is_named_with_the_known_ones(utsushi):
    call = utsushi("qqq")
    assert call.status == 2
    assert "'qqq'" in call.error
    assert "lecture, data, train" in call.error


def test_a_command_that_is_nearly_a_known_one_is_suggested(utsushi):
    assert "'trian'. Did you mean 'train'?" in utsushi("trian").error


def test_a_missing_option_is_named(utsushi):
    call = utsushi("train", "ae")
    assert call.status == 2
    assert "--out" in call.error


def test_a_folder_that_holds_a_run_is_not_overwritten(utsushi, ae_run):
    before = (ae_run / "model.safetensors").read_bytes()
    call = utsushi("train", "ae", "--data", "digits8x8", "--out", ae_run, *TRAIN)
    assert call.status == 2
    assert "--force" in call.error
    assert (ae_run / "model.safetensors").read_bytes() == before


def test_a_folder_that_holds_anything_else_is_never_replaced(utsushi, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    call = utsushi("train", "ae", "--data", "digits8x8", "--out", tmp_path, "--force", *TRAIN)
    assert call.status == 2
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_training_that_diverges_leaves_the_old_run_and_exits_with_1(utsushi, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(64, 4)))
    words = ["train", "ae", "--data", tmp_path / "x.npy", "--out", tmp_path / "r", "--force"]
    words += ["--hidden", "8", "--n-components", "2", "--max-epochs", "3", "--verbose", "0"]
    assert utsushi(*words).status == 0
    before = (tmp_path / "r" / "model.safetensors").read_bytes()
    call = utsushi(*words, "--learning-rate", "1e30")
    assert call.status == 1
    assert "diverged" in call.error
    assert (tmp_path / "r" / "model.safetensors").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r", "x.npy"]


def test_rows_of_another_width_are_refused(utsushi, ae_run, tmp_path):
    np.save(tmp_path / "wide.npy", np.zeros((3, 65)))
    call = utsushi("encode", ae_run, "--data", tmp_path / "wide.npy", "--out", tmp_path / "c.npy")
    assert call.status == 2
    assert "64 features" in call.error
    assert "'digits8x8', got 65" in call.error
    assert not (tmp_path / "c.npy").exists()


@pytest.mark.parametrize("path", ["nothing", "nothing.safetensors"])
def test_a_missing_run_is_named(utsushi, tmp_path, path):
    call = utsushi("evaluate", tmp_path / path)
    assert call.status == 2
    assert path in call.error


def test_a_folder_without_a_run_is_named(utsushi, tmp_path):
    call = utsushi("evaluate", tmp_path)
    assert call.status == 2
    assert "holds no run" in call.error


def test_a_damaged_model_is_named(utsushi, vae_run, tmp_path):
    content = bytearray((vae_run / "model.safetensors").read_bytes())
    content[-3] ^= 1
    (tmp_path / "bad.safetensors").write_bytes(content)
    call = utsushi("generate", tmp_path / "bad.safetensors", "--out", tmp_path / "x.npy")
    assert call.status == 2
    assert "damaged" in call.error


def test_a_damaged_config_is_named(utsushi, vae_run, tmp_path):
    config = json.loads((vae_run / "config.json").read_text()) | {"surprise": 1}
    (tmp_path / "config.json").write_text(json.dumps(config))
    call = utsushi("evaluate", tmp_path)
    assert call.status == 2
    assert "surprise" in call.error


@pytest.mark.parametrize("command", ["encode", "generate", "reconstruct"])
def test_an_output_of_an_unknown_kind_is_refused(utsushi, vae_run, tmp_path, command):
    call = utsushi(command, vae_run, "--out", tmp_path / "rows.xlsx")
    assert call.status == 2
    assert ".parquet" in call.error


def test_rows_of_a_table_do_not_become_a_picture(utsushi, table_run, tmp_path):
    call = utsushi("generate", table_run, "--out", tmp_path / "new.png")
    assert call.status == 2
    assert "--out must end in .npy" in call.error
    assert "new.png" in call.error


def test_an_autoencoder_has_no_noise_to_add(utsushi, ae_run, tmp_path):
    call = utsushi("generate", ae_run, "--noise", "--out", tmp_path / "new.npy")
    assert call.status == 2
    assert "--noise" in call.error


def test_an_unknown_sampler_of_new_rows_is_refused(utsushi, ae_run, tmp_path):
    for name, why in (("magic", "--sampler must be"), ("prior", "brings them to a prior")):
        call = utsushi("generate", ae_run, "--sampler", name, "--out", tmp_path / "new.npy")
        assert call.status == 2
        assert why in call.err
        assert list(tmp_path.iterdir()) == []


def test_rows_for_a_sampler_that_is_not_fitted_are_refused(utsushi, ae_run, tmp_path):
    words = ["generate", ae_run, "--data", "digits8x8", "--out", tmp_path / "new.npy"]
    assert "without --sampler" in utsushi(*words).error


def test_no_generated_rows_are_refused(utsushi, vae_run, tmp_path):
    call = utsushi("generate", vae_run, "-n", "0", "--out", tmp_path / "new.npy")
    assert call.status == 2
    assert "-n must be a positive integer, got '0'" in call.error


def test_a_file_that_cannot_be_written_is_named(utsushi, vae_run, tmp_path):
    (tmp_path / "file").write_text("")
    call = utsushi("generate", vae_run, "--out", tmp_path / "file" / "new.npy")
    assert call.status == 1
    assert "file" in call.error


def test_more_components_than_features_are_allowed_with_a_warning(utsushi, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(20, 3)))
    with pytest.warns(UserWarning, match="n_components=10 is more than the 3 features"):
        call = utsushi("train", "ae", "--data", tmp_path / "x.npy", "--out", tmp_path / "r", *TRAIN)
    assert call.status == 0


def test_constant_columns_are_allowed(utsushi, tmp_path):
    np.save(tmp_path / "x.npy", np.ones((20, 12)))
    words = ["--data", tmp_path / "x.npy", "--out", tmp_path / "r", *TRAIN]
    assert utsushi("train", "ae", *words).status == 0


def test_data_default_is_the_lectures_digits():
    from utsushi.cli.options import DEFAULT_DATA

    assert datasets.open(DEFAULT_DATA).X.shape == (20000, 784)


def test_another_programs_folder_is_not_replaced_for_its_config(utsushi, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"architectures": ["other"]}')
    words = ["--data", "digits8x8", "--out", tmp_path / "other", "--force", *TRAIN]
    call = utsushi("train", "ae", *words)
    assert call.status == 2
    assert (tmp_path / "other" / "config.json").exists()


def test_a_place_where_no_folder_can_be_made_is_found_before_training(utsushi, tmp_path):
    (tmp_path / "file").write_text("")
    call = utsushi("train", "ae", "--data", "digits8x8", "--out", tmp_path / "file" / "r", *TRAIN)
    assert call.status == 2
    assert "cannot be created" in call.error


def test_the_current_folder_is_no_place_for_a_run(utsushi, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call = utsushi("train", "ae", "--data", "digits8x8", "--out", ".", *TRAIN)
    assert call.status == 2
    assert "current folder" in call.error


def test_columns_in_another_order_are_found_by_their_names(utsushi, table_run, tmp_path):
    (tmp_path / "a.csv").write_text("height,width,depth\n2,1,3\n5,4,6\n")
    (tmp_path / "b.csv").write_text("width,height,depth\n1,2,3\n4,5,6\n")
    for name in "ab":
        words = ["--data", tmp_path / f"{name}.csv", "--out", tmp_path / f"{name}.npy"]
        assert utsushi("encode", table_run, *words).status == 0
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


@pytest.mark.parametrize("n", ["0", "-5"])
def test_no_reconstructed_rows_are_refused(utsushi, vae_run, tmp_path, n):
    call = utsushi("reconstruct", vae_run, "-n", n, "--out", tmp_path / "x.npy")
    assert call.status == 2
    assert f"-n must be a positive integer, got {n}" in call.error


@pytest.mark.parametrize("value", ["inf", "nan", "1e999"])
def test_a_rate_that_is_no_finite_number_is_refused(utsushi, tmp_path, value):
    call = utsushi("train", "ae", "--out", tmp_path / "r", "--learning-rate", value)
    assert call.status == 2
    assert value in call.error


@pytest.mark.filterwarnings("ignore:.*more than the 64 features")
@pytest.mark.parametrize(
    "words",
    [
        ["train", "ae", "--n-components", "99999999999"],
        ["train", "ae", "--hidden", "99999999999"],
        ["compare", "ae hidden=99999999999"],
    ],
    ids=" ".join,
)
def test_a_model_larger_than_the_memory_is_refused_and_leaves_nothing(utsushi, tmp_path, words):
    call = utsushi(*words, "--data", "digits8x8", "--out", str(tmp_path / "run"))
    assert call.status == 2
    assert call.err.splitlines()[-1].startswith("utsushi: ")
    assert "Choose fewer components or narrower layers." in call.err.splitlines()[-1]
    assert not list(tmp_path.iterdir())

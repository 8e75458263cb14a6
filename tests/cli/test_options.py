"""Parameters in messages of the library are written as options of the command line."""

import numpy as np
import pytest

from utsushi.cli.options import as_options


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("use scaling='standard'.", "use --scaling standard."),
        ("set scaling=None, or", "set --scaling none, or"),
        ("image_shape=None, expected", "no --image-shape, expected"),
        ("drop=('id', 'name')", "--drop id,name"),
        ("drop=('id',), or name it", "--drop id, or name it"),
        ("drop=(…)", "--drop …"),
        ("drop=('seen (UTC)',)", "--drop 'seen (UTC)'"),
        ('drop=("patient\'s age",)', """--drop 'patient'"'"'s age'"""),
        ("channels=() has", "--channels '' has"),
        ("image_shape=(height, width)", "--image-shape height,width"),
        ("hidden=(1000,) or hidden=(500, 250)", "--hidden 1000 or --hidden 500,250"),
        ("learning_rate=1e-3 or less", "--learning-rate 1e-3 or less"),
        ("recipe__learning_rate=3e-05 in place", "--learning-rate 3e-05 in place"),
        ("try beta<4 or objective__free_bits>0.", "try --beta below 4 or --free-bits above 0."),
        ("，recipe__weight_decay=1 にする", "，--weight-decay 1 にする"),
        ("network__channels is not a parameter", "--channels is not a parameter"),
        ("penalty__strength must be", "--penalty-strength must be"),
        ("objective__strength must be", "--objective-strength must be"),
        ("got penalty=None", "got no --penalty"),
        ("or skip_bad=True", "or --skip-bad"),
        ("leave out pixels=True", "leave out --pixels"),
        ("with pixels=False", "with --no-pixels"),
        ("with handle_unknown='ignore'", "with --handle-unknown ignore"),
        ("with dates=('day',), or", "with --dates day, or"),
        ("conditional=False", "--conditional false"),
        ("raise n_samples.", "raise --n-samples."),
        ("n_components must be", "--n-components must be"),
        ("beta must be", "--beta must be"),
    ],
)
def test_a_setting_is_said_as_the_option_of_that_name(said, expected):
    assert as_options(said) == expected


@pytest.mark.parametrize(
    "said",
    [
        "column 'learning_rate' at row 3",
        "/home/you/random_state/x.npy",
        "random_state.npy",
        "extractor='own'",
        "trials>3 and x_y<5",
        "a=1 and b_c=(2, 3)",
        "see 'utsushi train ae --help'",
        "the network is small",
        "the columns' scaling",
        "such as 'vae beta=4'",
        "give Flow(recipe=Recipe(learning_rate=0.0001))",
        "network=Conv(channels=(3, 4))",
        "expected (n_samples, n_features)",
        'column "the patient\'s batch_size"',
    ],
)
def test_what_is_no_setting_stays(said):
    assert as_options(said) == said


def test_a_command_without_options_for_models_keeps_their_parameters():
    text = "beta=-1 and drop=('id',)"
    assert as_options(text, of_models=False) == "beta=-1 and --drop id"


def test_an_error_of_a_command_names_its_options(utsushi, tmp_path):
    (tmp_path / "table.csv").write_text(
        "a,when\n" + "\n".join(f"{i},2026-01-0{i}" for i in range(1, 9))
    )
    call = utsushi("train", "ae", "--data", tmp_path / "table.csv", "--out", tmp_path / "run")
    assert call.status == 2
    assert "days with --dates when" in call.error
    assert call.error.endswith("with --drop when.")

    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(20, 3)))
    words = ["--n-components", "0", "--out", tmp_path / "run"]
    call = utsushi("train", "ae", "--data", tmp_path / "rows.npy", *words)
    assert call.error.startswith("utsushi: --n-components must be an int")
    assert "RandomState" not in call.error

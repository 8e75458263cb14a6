"""What the library says of settings, the program says of its options."""

import numpy as np
import pytest
import typer.main

from utsushi.cli.main import app
from utsushi.cli.wording import as_options, options_of


@pytest.fixture(scope="module")
def options():
    return options_of(typer.main.get_command(app), ["train", "vae", "--data", "generate"])


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
        ("an int, an instance of 'numpy.random.RandomState' or None", "an int or None"),
        ("hidden=(1000,) or hidden=(500, 250)", "--hidden 1000 or --hidden 500,250"),
        ("learning_rate=1e-3 or less", "--learning-rate 1e-3 or less"),
        ("try beta<4 or free_bits>0.", "try --beta below 4 or --free-bits above 0."),
        ("or skip_bad=True", "or --skip-bad"),
        ("leave out pixels=True", "leave out --pixels"),
        ("with pixels=False", "with --no-pixels"),
        ("with handle_unknown='ignore'", "with --handle-unknown ignore"),
        ("with dates=('day',), or", "with --dates day, or"),
        ("conditional=False", "--conditional false"),
        ("raise n_samples.", "raise --n-samples."),
        ("The 'n_components' parameter of Autoencoder must", "--n-components must"),
        (
            "a str among {'flow'} or an instance of 'utsushi.samplers.Sampler'.",
            "a str among {'flow'}.",
        ),
    ],
)
def test_a_setting_is_said_as_the_option_of_that_name(options, said, expected):
    assert as_options(said, options) == expected


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
        "drop=('Year, Month',)",
        "give Flow(recipe=Recipe(learning_rate=0.0001))",
        "network=Conv(channels=(3, 4))",
        "expected (n_samples, n_features)",
        'column "the patient\'s batch_size"',
    ],
)
def test_what_is_no_setting_stays(options, said):
    assert as_options(said, options) == said


@pytest.mark.parametrize("word", ["beta=4.csv", "runs/vae beta=4", "batch_size"])
def test_what_was_typed_is_said_as_it_was(options, word):
    text = f"{word} has no column 'x'; set beta=1"
    assert as_options(text, options, [word]) == f"{word} has no column 'x'; set --beta 1"


def test_the_options_are_those_of_the_command(options):
    program = typer.main.get_command(app)
    assert "beta" in options
    assert "sampler" in options_of(program, ["generate", "run"])
    assert "beta" not in options_of(program, ["compare", "vae"])
    assert "version" in options_of(program, [])


def test_an_error_of_a_command_names_its_options(utsushi, tmp_path):
    (tmp_path / "table.csv").write_text(
        "a,when\n" + "\n".join(f"{i},2026-01-0{i}" for i in range(1, 9))
    )
    call = utsushi("train", "ae", "--data", tmp_path / "table.csv", "--out", tmp_path / "run")
    assert call.status == 2
    assert "make them days with --dates when" in call.error
    assert call.error.endswith("with --drop when")

    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(20, 3)))
    words = ["--n-components", "0", "--out", tmp_path / "run"]
    call = utsushi("train", "ae", "--data", tmp_path / "rows.npy", *words)
    assert call.error.startswith("utsushi: --n-components must be an int")

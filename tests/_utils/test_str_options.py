"""The names among which a parameter may be chosen are told in one order."""

import subprocess
import sys

import pytest

from utsushi import Autoencoder
from utsushi._utils.str_options import SortedStrOptions


def test_the_names_are_sorted_in_every_process():
    code = (
        "from utsushi._utils.str_options import SortedStrOptions; "
        "print(SortedStrOptions({'tanh', 'elu', 'relu', 'gelu', 'silu'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "a str among {'elu', 'gelu', 'relu', 'silu', 'tanh'}\n"


def test_a_refused_parameter_is_told_the_names_in_order():
    with pytest.raises(
        ValueError, match=r"a str among \{'center', 'minmax', 'standard', 'unit-length'\} or None"
    ):
        Autoencoder(scaling="none").fit([[0.0, 1.0], [1.0, 0.0]])


def test_it_takes_the_names_alone():
    assert SortedStrOptions({"a", "b"}).is_satisfied_by("a")
    assert not SortedStrOptions({"a", "b"}).is_satisfied_by("c")
    assert not SortedStrOptions({"a", "b"}).is_satisfied_by(["a"])

"""``utsushi tune`` beside ``utsushi train``."""

import pytest
import typer.main

from utsushi.cli import train, tune
from utsushi.cli.parameters import TRAINED


def options_of(app, name):
    command = typer.main.get_command(app).commands[name]
    return {option for parameter in command.params for option in parameter.opts}


@pytest.mark.parametrize("name", TRAINED)
def test_every_option_of_train_is_one_of_tune_but_those_of_a_run_under_way(name):
    missing = options_of(train.app, name) - options_of(tune.app, name)
    assert missing == {"--checkpoint-every", "--tensorboard"}

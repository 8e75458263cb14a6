"""The search for settings: its spaces, its studies, and the run that it leaves."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution

from utsushi import (
    Autoencoder,
    DenoisingAutoencoder,
    Recipe,
    VariationalAutoencoder,
    load,
    networks,
)
from utsushi._utils.lazy_rows import ConvertedRows
from utsushi.exceptions import MissingPackageError, RunError, SettingError, TrainingDivergedError
from utsushi.search import settings_of, space_of, tune, write_best
from utsushi.search import study as searching

X = np.random.default_rng(0).random((60, 6), dtype=np.float32)
SPACE = {
    "recipe__learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "hidden_width": IntDistribution(2, 6),
}


def small(**settings):
    return Autoencoder(2, hidden=(4,), max_epochs=2, sampler="gaussian", **settings)


def params_of(search):
    return [trial.params for trial in search.study.trials]


# --- spaces -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        Autoencoder(),
        DenoisingAutoencoder(recipe="lecture"),
        VariationalAutoencoder(),
        Autoencoder(network="conv", image_shape=(5, 6)),
        VariationalAutoencoder(network=networks.Conv(), image_shape=(5, 6)),
    ],
    ids=lambda model: f"{type(model).__name__} {model.network}",
)
def test_each_model_can_be_trained_with_both_ends_of_its_space(model):
    rows = np.random.default_rng(0).random((20, 30), dtype=np.float32)
    ranges = space_of(model, 30, 100, given=["hidden"])
    model.set_params(hidden=(4,), max_epochs=1, random_state=0)
    for end, index in (("low", 0), ("high", -1)):
        chosen = {
            name: range_.choices[index] if hasattr(range_, "choices") else getattr(range_, end)
            for name, range_ in ranges.items()
        }
        assert model.set_params(**settings_of(chosen)).fit(rows).n_epochs_ == 1


def test_the_size_of_the_code_is_searched_where_a_component_costs_something():
    assert "n_components" in space_of(VariationalAutoencoder(), 30, 100)
    assert "n_components" not in space_of(Autoencoder(), 30, 100)


def test_what_is_given_is_not_searched():
    given = ["hidden", "n_components", "recipe__weight_decay"]
    assert set(space_of(VariationalAutoencoder(), 30, 100, given)) == {
        "network__activation",
        "recipe__learning_rate",
        "recipe__batch_size",
    }


# --- studies ------------------------------------------------------------------------------------


def test_the_best_trial_has_the_lowest_objective_and_its_model_can_be_made_again():
    found = tune(small(random_state=0), X, n_trials=3, space=SPACE)
    values = [trial.value for trial in found.study.trials]
    assert found.best_value == min(values)
    model = found.model.fit(X)
    assert model.history_[-1]["validation_objective"] == found.best_value
    assert model.hidden == (found.study.best_params["hidden_width"],)


def test_the_callers_model_is_not_changed():
    model = small(random_state=0)
    before = model.get_params()
    tune(model, X, n_trials=1, space=SPACE)
    assert model.get_params() == before


def test_a_search_that_goes_on_suggests_what_it_would_have(monkeypatch):
    def told(study, trial, *others):
        return study.tell(
            trial, trial.params["hidden_width"] + trial.params["recipe__learning_rate"]
        )

    monkeypatch.setattr(searching, "_tried", told)
    storage = optuna.storages.InMemoryStorage()
    for n_trials in (3, 12, 14):  # the first ten are random
        resumed = tune(small(random_state=0), X, n_trials=n_trials, space=SPACE, storage=storage)
    whole = tune(small(random_state=0), X, n_trials=14, space=SPACE)
    assert params_of(resumed) == params_of(whole)
    assert resumed.best_value == whole.best_value


def test_trials_differ_and_another_seed_makes_others():
    first, second = (
        params_of(tune(small(random_state=seed), X, n_trials=2, space=SPACE)) for seed in (0, 1)
    )
    assert first[0] != first[1]
    assert first[0] != second[0]


def test_without_a_seed_a_search_that_goes_on_keeps_its_own():
    storage = optuna.storages.InMemoryStorage()
    once = tune(small(), X, n_trials=1, space=SPACE, storage=storage)
    again = tune(small(), X, n_trials=2, space=SPACE, storage=storage)
    assert once.model.random_state == again.model.random_state


def test_a_hopeless_trial_is_given_up_after_its_first_third():
    study = optuna.create_study(direction="minimize")
    for _ in range(5):
        trial = study.ask(SPACE)
        for epoch in range(1, 10):
            trial.report(-1e9, epoch)
        study.tell(trial, -1e9)
    base = small(random_state=0, recipe=Recipe(validation_fraction=0.2)).set_params(max_epochs=9)
    given_up = searching._tried(study, study.ask(SPACE), base, X, None, 9)
    assert (given_up.state.name, given_up.last_step) == ("PRUNED", 3)


def test_a_trial_that_diverges_is_given_up_and_the_search_goes_on(monkeypatch):
    fit, calls = Autoencoder.fit, iter([True])

    def diverge_once(self, *rows, **how):
        if next(calls, False):
            raise TrainingDivergedError("diverged")
        return fit(self, *rows, **how)

    monkeypatch.setattr(Autoencoder, "fit", diverge_once)
    found = tune(small(random_state=0), X, n_trials=2, space=SPACE)
    assert [trial.state.name for trial in found.study.trials] == ["PRUNED", "COMPLETE"]


def test_a_trial_whose_objective_is_not_a_number_is_given_up_and_counts(monkeypatch):
    fit, values = Autoencoder.fit, iter([np.nan, np.inf])

    def spoiled(self, *rows, **how):
        fit(self, *rows, **how)
        row = self.history_[-1]
        row["validation_objective"] = next(values, row["validation_objective"])

    monkeypatch.setattr(Autoencoder, "fit", spoiled)
    found = tune(small(random_state=0), X, n_trials=3, space=SPACE)
    assert [trial.state.name for trial in found.study.trials] == ["PRUNED", "PRUNED", "COMPLETE"]


def test_a_trial_that_is_stopped_does_not_count(monkeypatch):
    settings = {"n_trials": 2, "space": SPACE, "storage": optuna.storages.InMemoryStorage()}

    def stop(self, *rows, **how):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Autoencoder, "fit", stop)
        with pytest.raises(KeyboardInterrupt):
            tune(small(random_state=0), X, **settings)
    found = tune(small(random_state=0), X, **settings)
    states = [trial.state.name for trial in found.study.trials]
    assert states == ["FAIL", "COMPLETE", "COMPLETE"]


def states_of(study):
    return [trial.state.name for trial in study.trials]


def test_a_trial_that_other_processes_make_already_is_not_made_again(monkeypatch):
    storage, fit, others = optuna.storages.InMemoryStorage(), Autoencoder.fit, []

    def beside_another(self, *rows, **how):
        if not others:  # another process begins the last trial, and has not ended it
            others.append(optuna.load_study(study_name="Autoencoder", storage=storage).ask(SPACE))
        return fit(self, *rows, **how)

    monkeypatch.setattr(Autoencoder, "fit", beside_another)
    found = tune(small(random_state=0), X, n_trials=2, space=SPACE, storage=storage)
    assert states_of(found.study) == ["COMPLETE", "RUNNING", "FAIL"]


def test_a_trial_that_ends_after_the_last_of_other_processes_does_not_count(monkeypatch):
    storage, fit = optuna.storages.InMemoryStorage(), Autoencoder.fit

    def overtaken(self, *rows, **how):
        study = optuna.load_study(study_name="Autoencoder", storage=storage)
        study.tell(study.ask(SPACE), 1e9)
        return fit(self, *rows, **how)

    monkeypatch.setattr(Autoencoder, "fit", overtaken)
    found = tune(small(random_state=0), X, n_trials=1, space=SPACE, storage=storage)
    assert states_of(found.study) == ["FAIL", "COMPLETE"]


def test_the_trial_of_a_process_that_was_killed_is_made_up_for():
    storage = optuna.storages.InMemoryStorage()
    optuna.create_study(study_name="Autoencoder", storage=storage).ask(SPACE)
    found = tune(small(random_state=0), X, n_trials=2, space=SPACE, storage=storage)
    assert states_of(found.study) == ["RUNNING", "COMPLETE", "COMPLETE"]


def test_of_trials_that_are_all_under_way_elsewhere_there_is_no_best(monkeypatch, refusal):
    ask = optuna.Study.ask

    def behind_another(study, space):
        ask(study, space)
        return ask(study, space)

    monkeypatch.setattr(optuna.Study, "ask", behind_another)
    message = refusal(SettingError, tune, small(random_state=0), X, n_trials=1, space=SPACE)
    assert "(1 running elsewhere)" in message


@pytest.mark.parametrize(
    ("model", "rows", "space", "named"),
    [
        (small(random_state=1), X, SPACE, "random_state was 0, is 1"),
        (small(random_state=0, scaling="standard"), X, SPACE, "scaling was center, is standard"),
        (
            small(random_state=0, recipe=Recipe(precision="bfloat16")),
            X,
            SPACE,
            "recipe__precision was float32, is bfloat16",
        ),
        (small(random_state=0), X[1:], SPACE, "rows was (60, 6)"),
        (small(random_state=0), X, {}, "the range of hidden_width was"),
    ],
    ids=["seed", "model", "recipe", "rows", "space"],
)
def test_a_study_of_another_search_is_refused(model, rows, space, named, refusal):
    storage = optuna.storages.InMemoryStorage()
    tune(small(random_state=0), X, n_trials=1, space=SPACE, storage=storage)
    message = refusal(SettingError, tune, model, rows, space=space, storage=storage)
    assert "the study 'Autoencoder' is of another search" in message
    assert named in message


def test_rows_on_the_disk_are_not_read_into_memory_at_once():
    class Large(ConvertedRows):
        def __array__(self, dtype=None, copy=None):
            raise MemoryError

    rows = Large(X, lambda some: some)
    assert len(tune(small(random_state=0), rows, n_trials=1, space=SPACE).study.trials) == 1


def test_rows_on_the_disk_are_those_of_a_search_in_memory(tmp_path):
    settings = {"n_trials": 1, "space": SPACE, "storage": optuna.storages.InMemoryStorage()}
    np.save(tmp_path / "rows.npy", X)
    tune(small(random_state=0), X, **settings)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert len(tune(small(random_state=0), mapped, **settings).study.trials) == 1


@pytest.mark.parametrize("conditional", [True, False])
def test_labels_are_of_a_search_where_the_model_is_told_them(conditional, refusal):
    model = VariationalAutoencoder(2, hidden=(4,), max_epochs=1, random_state=0)
    model.set_params(conditional=conditional)
    settings = {"n_trials": 1, "space": SPACE, "storage": optuna.storages.InMemoryStorage()}
    labels = np.arange(60) % 3
    tune(model, X, labels, **settings)
    tune(model, X, labels.astype(np.int8), **settings)  # the same
    if conditional:
        assert "labels was" in refusal(SettingError, tune, model, X, labels[::-1], **settings)
    else:
        assert len(tune(model, X, labels[::-1], **settings).study.trials) == 1


def test_a_storage_that_cannot_be_opened_is_named(refusal, tmp_path):
    storage = f"sqlite:///{tmp_path}/no/such/search.db"
    message = refusal(SettingError, tune, small(), X, storage=storage)
    assert message.startswith("storage must be the address of a database")
    assert f"got {storage!r}" in message


def test_optuna_speaks_as_loudly_as_before():
    before = optuna.logging.get_verbosity()
    tune(small(random_state=0), X, n_trials=1, space=SPACE)
    assert optuna.logging.get_verbosity() == before


def test_without_optuna_the_message_names_the_extra(refusal, monkeypatch):
    monkeypatch.setattr("utsushi._utils.optional_dependencies.find_spec", lambda name: None)
    assert "pip install 'utsushi[tune]'" in refusal(MissingPackageError, tune, small(), X)


def test_what_mattered_is_what_moves_the_objective():
    study = optuna.create_study(direction="minimize")
    for index in range(20):
        rate, width = 10 ** (-4 + 0.15 * index), 2 + index * 7 % 5
        params = {"recipe__learning_rate": rate, "hidden_width": width}
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=SPACE, value=float(index))
        )
    parts = searching.Search(study, small()).importances
    assert list(parts) == ["recipe__learning_rate", "hidden_width"]
    assert sum(parts.values()) == pytest.approx(1)
    assert parts["recipe__learning_rate"] > 0.8


def test_of_few_trials_nothing_is_said_of_what_mattered():
    assert tune(small(random_state=0), X, n_trials=2, space=SPACE).importances == {}


# --- the run ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """Give a storage, and the run that a search left by the command line."""
    from utsushi.cli.main import run

    path = tmp_path_factory.mktemp("search")
    np.save(path / "rows.npy", X)
    words = ["tune", "ae", "--data", str(path / "rows.npy"), "--hidden", "8", "--max-epochs", "1"]
    words += ["--n-components", "2", "--storage", f"sqlite:///{path}/search.db"]
    words += ["--out", str(path / "best")]
    assert run([*words, "--trials", "5"]) == 0
    return SimpleNamespace(path=path, words=words, best=path / "best")


def test_the_best_run_is_an_ordinary_one_with_all_trials_beside(searched):
    model = load(searched.best)
    described = json.loads((searched.best / "search.json").read_text())
    assert model.history_[-1]["validation_objective"] == described["best_value"]
    assert len(described["trials"]) == 5
    assert (searched.best / "figures" / "importance.png").read_bytes()[1:4] == b"PNG"
    assert set(described["importances"]) == {
        "network__activation",
        "recipe__learning_rate",
        "recipe__batch_size",
        "recipe__weight_decay",
    }
    names = {path.name for path in searched.best.iterdir()}
    assert names >= {"config.json", "model.safetensors", "report.html", "history.jsonl"}
    assert {path.name for path in searched.path.iterdir()} == {"best", "rows.npy", "search.db"}


def test_a_search_that_is_over_leaves_the_run_as_it_is(searched, capsys):
    from utsushi.cli.main import run

    before = (searched.best / "config.json").stat().st_mtime_ns
    assert run([*searched.words, "--trials", "5"]) == 0
    assert (searched.best / "config.json").stat().st_mtime_ns == before
    out, err = capsys.readouterr()
    assert out.split()[0] == "setting"
    assert "trial" in err


def test_a_run_of_another_search_of_the_same_name_and_trial_is_not_replaced(searched, refusal):
    best = json.loads((searched.best / "search.json").read_text())
    trial = SimpleNamespace(number=best["best_trial"])
    study = SimpleNamespace(study_name=best["study"], best_trial=trial)
    another = SimpleNamespace(id="another", study=study)
    message = refusal(RunError, write_best, searched.best, another, None, source="digits8x8")
    assert "already holds a run" in message


def test_a_search_in_memory_is_refused_the_run_of_another_before_it_begins(searched, capsys):
    from utsushi.cli.main import run

    before = (searched.best / "search.json").read_bytes()
    kept = searched.words.index("--storage")
    words = [*searched.words[:kept], *searched.words[kept + 2 :], "--trials", "1"]
    assert run(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "already holds a run" in line
    assert (searched.best / "search.json").read_bytes() == before


def test_the_same_trial_of_another_search_replaces_the_run_with_force(tmp_path):
    from utsushi.cli.main import run

    np.save(tmp_path / "rows.npy", X)
    words = ["tune", "ae", "--data", str(tmp_path / "rows.npy"), "--n-components", "2"]
    words += ["--max-epochs", "1", "--trials", "1", "--out", str(tmp_path / "best")]
    assert run([*words, "--hidden", "3"]) == 0
    assert run([*words, "--hidden", "5", "--force"]) == 0
    model = load(tmp_path / "best")
    described = json.loads((tmp_path / "best" / "search.json").read_text())
    assert model.hidden == (5,)
    assert model.history_[-1]["validation_objective"] == described["best_value"]


@pytest.mark.skipif(os.environ.get("UTSUSHI_SOAK") != "1", reason="make soak: two new processes")
def test_two_processes_share_a_study_and_leave_one_run(tmp_path):
    words = ["tune", "vae", "--data", "digits8x8", "--hidden", "8", "--max-epochs", "2"]
    words += ["--trials", "12", "--storage", f"sqlite:///{tmp_path}/search.db"]
    program = [sys.executable, "-c", "from utsushi.cli import main; main()", *words]
    both = [
        subprocess.Popen([*program, "--out", tmp_path / "best"], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    notes = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], notes
    assert all("trial" in text for text in notes)
    described = json.loads((tmp_path / "best" / "search.json").read_text())
    trials = described["trials"]
    assert sum(trial["state"] in ("complete", "pruned") for trial in trials) == 12
    assert len({json.dumps(trial["settings"]) for trial in trials}) == len(trials)
    load(tmp_path / "best")

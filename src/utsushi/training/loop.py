"""The training loop: `train` → `_run_epoch` → `_step`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Generator, Tensor, nn

from utsushi._utils.seeds import Purpose, generator, torch_seeded
from utsushi.exceptions import TrainingDivergedError
from utsushi.networks import EncoderDecoder
from utsushi.networks.dense import ACTIVATIONS
from utsushi.objectives import Batch, Objective, Source, Terms
from utsushi.training.checkpoint import Checkpoints, state_of
from utsushi.training.data_parallel import (
    PartialRows,
    ReducedMeans,
    current_group,
    data_parallel_terms,
)
from utsushi.training.history import EarlyStopping, History, RunningMeans, TrainerState
from utsushi.training.precision import with_precision
from utsushi.training.recipe import Recipe, fast_settings

__all__ = ["Augment", "shuffled_batches", "train"]

#: Samples per block when held-out samples are evaluated.
EVALUATION_ROWS = 1000

#: Training samples, chosen by the seed, to which the evaluation of held-out samples is calibrated.
MOST_CALIBRATION_ROWS = 4000

#: Steps between two checks that the sums are finite: a check waits for the device.
STEPS_PER_CHECK = 50

#: Layers of torch that never draw; all others may.
_DRAW_NOTHING = (
    *(nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.Sequential, nn.Flatten, nn.Unflatten),
    *ACTIVATIONS.values(),
)

#: Takes scaled samples (B, D) and a generator; returns samples to train on in their place.
Augment = Callable[[Tensor, Generator], Tensor]


@dataclass(frozen=True)
class _Training:
    """Constants of a training.

    Attributes
    ----------
    module : EncoderDecoder
        Its parameters are trained.
    view : EncoderDecoder
        The module in the precision in which held-out samples are evaluated.
    objective : Objective
    terms : callable
        Takes a training batch and a generator; returns the terms, with a gradient.
    data : Source
        All training samples.
    batches, validation : Source
        The samples of which this process computes the terms.
    rank : tuple of int
        The end of the path of every random number; empty for a single process.
    may_draw : bool
        Whether layers may draw from torch's global generators, as dropout does.
    new_means : callable
        Returns running means over the samples of all processes.
    """

    module: EncoderDecoder
    view: EncoderDecoder
    objective: Objective
    terms: Callable[[Batch, Generator], Terms]
    data: Source
    batches: Source
    validation: Source | None
    rank: tuple[int, ...]
    new_means: Callable[[], RunningMeans]
    recipe: Recipe
    optimizer: torch.optim.Optimizer
    probe: nn.Parameter
    n_epochs: int
    n_steps: int
    seed: int
    augment: Augment | None
    checkpoints: Checkpoints | None
    may_draw: bool

    def is_over(self, state: TrainerState) -> bool:
        """Tell whether the last epoch is done, or early stopping ends the training."""
        done = state.epoch - 1
        return done >= self.n_epochs or state.early_stopping.should_stop(done)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from the first of all."""
        return self.recipe.rate(step / self.n_steps)

    def layers_seeded(self, epoch: int, step: int) -> AbstractContextManager[None]:
        """Return a context in which the draws of layers are a function of the step."""
        if not self.may_draw:
            return nullcontext()
        return torch_seeded(self.data.device, self.seed, Purpose.LAYERS, epoch, step, *self.rank)

    def generator(self, purpose: Purpose, *path: int) -> Generator:
        """Return the generator of a purpose and a path, in this process."""
        return generator(self.seed, purpose, *path, *self.rank)


def train(
    module: EncoderDecoder,
    objective: Objective,
    data: Source,
    *,
    recipe: Recipe,
    seed: int,
    validation: Source | None = None,
    augment: Augment | None = None,
    checkpoints: Checkpoints | None = None,
    on_epoch: Callable[[dict[str, Any]], bool | None] = lambda row: None,
    optimizer: torch.optim.Optimizer | None = None,
    epochs_before: int = 0,
) -> History:
    """Minimize ``objective`` over the samples of ``data``; the module changes in place.

    The loss of a batch is the sum of its samples' objectives, as in the lecture, so the weight of a
    sample does not depend on the size of its batch.

    In a process group (`utsushi.training.data_parallel`), each process makes the same call, with
    all samples, and computes the gradient of its part of each batch.

    Parameters
    ----------
    module : EncoderDecoder
        On the device to train on.
    objective : Objective
        What to minimize.
    data : Source of n samples
        The scaled training samples, on the same device.
    recipe : Recipe
        Length, batches, rates and precision. With ``early_stopping`` and no held-out samples, the
        training objective is monitored.
    seed : int
        The order of the samples is a function of (seed, epoch), the noise of (seed, epoch, step),
        and in a process group of the rank.
    validation : Source of m samples, optional
        Held-out samples, evaluated after each epoch.
    augment : callable, optional
        Takes the scaled samples of a batch and a generator, which is a function of (seed, epoch,
        step); returns the samples to train on in their place. Held-out samples are not augmented.
    checkpoints : Checkpoints, optional
        Where to write checkpoints; a training resumes from a checkpoint there.
    on_epoch : callable
        Called with each row of the history, those of before a checkpoint too, while the module is
        in ``eval`` mode. If it returns True, the training ends with what was learned.
    optimizer : Optimizer, optional
        Of the module's parameters, with the state of a training before; None makes a new one.
    epochs_before : int >= 0, default=0
        The epochs of trainings before, from which the epochs of this one are counted.

    Returns
    -------
    list of dict
        A row per epoch: ``epoch``, the means over the samples of ``objective`` and of each of its
        parts as it was during the epoch, the same with the prefix ``validation_`` as it is after
        the epoch, the last ``learning_rate``, and ``seconds``.

    Raises
    ------
    TrainingDivergedError
        When a term or a gradient is no longer a finite number.
    TrainingInterrupted
        When a signal stopped it, after a checkpoint.
    """
    recipe = recipe.completed(fast_settings(data.n_features, len(data)))
    n_epochs = epochs_before + recipe.n_epochs(len(data))
    training_view = with_precision(module, recipe.precision, compile=recipe.compile)
    training = _Training(
        module=module,
        view=with_precision(module, recipe.precision),
        objective=objective,
        terms=lambda batch, noise: objective(training_view, batch, noise),
        data=data,
        batches=data,
        validation=validation,
        rank=(),
        new_means=RunningMeans,
        recipe=recipe,
        optimizer=optimizer or recipe.new_optimizer(module.parameters()),
        probe=probe_of(module),
        n_epochs=n_epochs,
        n_steps=n_epochs * recipe.steps_per_epoch(len(data)),
        seed=seed,
        augment=augment,
        checkpoints=checkpoints,
        may_draw=not all(isinstance(layer, _DRAW_NOTHING) for layer in _layers_of(module)),
    )
    if (group := current_group()).size > 1:
        training = replace(
            training,
            terms=data_parallel_terms(objective, training_view),
            batches=PartialRows(data, group),
            validation=None if validation is None else PartialRows(validation, group),
            rank=(group.rank,),
            new_means=lambda: ReducedMeans(group),
        )
    state = TrainerState(
        EarlyStopping(recipe.early_stopping), training.new_means(), epoch=epochs_before + 1
    )
    if checkpoints is not None:
        checkpoints.restore(state, module, training.optimizer)
    module.eval()
    stopped = False
    for row in state.history:
        stopped = _asks_to_stop(on_epoch, row)
    # A training that has begun another epoch was not stopped by the rows before.
    stopped = stopped and state.step == 0
    while not stopped and not training.is_over(state):
        row = _run_epoch(training, state)
        state.early_stopping.update(row, module)
        state.end_epoch(row)
        _write_checkpoint(training, state, row)
        stopped = _asks_to_stop(on_epoch, row)
        if stopped and checkpoints is not None:
            checkpoints.write(*state_of(state, module, training.optimizer))
    state.early_stopping.restore(module)
    module.eval()
    # No loss has checked the parameters of the last step.
    after = _evaluate(training, next(data.blocks(EVALUATION_ROWS)), n_epochs)
    check_means(after, len(state.history), recipe.learning_rate)
    return state.history


def _asks_to_stop(on_epoch: Callable[[dict[str, Any]], bool | None], row: dict[str, Any]) -> bool:
    """Call a callback with a row; return whether it stops the training, in any process."""
    stop = bool(on_epoch(dict(row)))
    group = current_group()
    return stop if group.size == 1 else bool(group.all_reduce_max(stop)[0])


def _layers_of(module: nn.Module) -> Iterator[nn.Module]:
    """Yield all modules from outside of this library."""
    for layer in module.modules():
        if not type(layer).__module__.startswith("utsushi."):
            yield layer


def shuffled_batches(
    data: Source, batch_size: int, seed: int, epoch: int, *, done: int = 0
) -> Iterator[Batch]:
    """Yield each sample of ``data`` once, in an order that is a function of (seed, epoch).

    Parameters
    ----------
    data : Source
        All samples, on any device.
    batch_size : int
        Samples per batch; the last may have fewer.
    seed, epoch : int
        Decide the order.
    done : int, default=0
        The number of batches to skip at the beginning of the epoch.

    Yields
    ------
    Batch of at most batch_size samples
        Gathered in one call.

    Examples
    --------
    >>> import torch
    >>> rows = Batch(torch.arange(5.0).reshape(5, 1))
    >>> [len(batch) for batch in shuffled_batches(rows, 2, seed=0, epoch=1)]
    [2, 2, 1]
    """
    order = data.order(generator(seed, Purpose.ORDER, epoch))
    n_steps = math.ceil(len(data) / batch_size)
    for step, indices in enumerate(order.split(batch_size)[done:], start=done):
        batch = data[indices]
        yield replace(batch, epochs=epoch - 1 + step / n_steps)


@torch.enable_grad()  # the caller may have switched gradients off
def _run_epoch(training: _Training, state: TrainerState) -> dict[str, Any]:
    """Train on every sample once, evaluate held-out samples, and return the epoch's history."""
    started = time.perf_counter() - state.seconds
    epoch, means, recipe = state.epoch, state.means, training.recipe
    first_step = (epoch - 1) * recipe.steps_per_epoch(len(training.data))
    training.module.train()
    for batch in shuffled_batches(
        training.batches, recipe.batch_size, training.seed, epoch, done=state.step
    ):
        step = state.step
        means.add(_step(training, batch, epoch, step, training.rate(first_step + step)))
        if step % STEPS_PER_CHECK == 0:
            check_means(means.result(), epoch, recipe.learning_rate)
        state.step = step + 1
        if training.checkpoints is not None:
            state.seconds = time.perf_counter() - started
            _write_checkpoint(training, state)
    training.module.eval()
    rate = training.rate(first_step + state.step - 1)
    row = {"epoch": epoch, **means.result()}
    if training.validation is not None:
        held_out = _evaluate(_calibrated(training), training.validation, epoch)
        row |= {f"validation_{name}": value for name, value in held_out.items()}
    check_means(row, epoch, recipe.learning_rate)
    return {**row, "learning_rate": float(rate), "seconds": time.perf_counter() - started}


def _write_checkpoint(
    training: _Training, state: TrainerState, row: dict[str, Any] | None = None
) -> None:
    """Write a checkpoint if one is due: after a step, or after the epoch of a row."""
    checkpoints = training.checkpoints
    if checkpoints is None:
        return
    if row is not None:
        checkpoints.append_history(row)
    if checkpoints.is_due(epoch_ended=row is not None) or training.is_over(state):
        checkpoints.write(*state_of(state, training.module, training.optimizer))
    checkpoints.stop_if_signalled()


def _step(training: _Training, batch: Batch, epoch: int, step: int, rate: float) -> Terms:
    """Take one step of the optimizer on ``batch`` and return its terms.

    On a CPU, loss and gradient are checked before the step. On an accelerator, where the check
    would wait for the device, the sums are checked every fifty steps.
    """
    noise = training.generator(Purpose.NOISE, epoch, step)
    if training.augment is not None:
        draws = training.generator(Purpose.AUGMENTATION, epoch, step)
        batch = replace(batch, x=training.augment(batch.x, draws))
    for group in training.optimizer.param_groups:
        group["lr"] = rate
        for parameter in group["params"]:  # zero_grad() takes a twentieth of a small step
            parameter.grad = None
    with training.layers_seeded(epoch, step):
        terms = training.terms(batch, noise)
        loss = terms.objective.sum()
        loss.backward()
    if loss.device.type == "cpu":
        peak = training.recipe.learning_rate
        check_step(training.module, training.probe, loss, terms, epoch, peak)
    training.optimizer.step()
    return terms


def _calibrated(training: _Training) -> _Training:
    """Return the training with an objective that is the same density for all blocks."""
    data, draws = training.data, generator(training.seed, Purpose.CALIBRATION)
    chosen = torch.randperm(len(data), generator=draws)[:MOST_CALIBRATION_ROWS].to(data.device)
    objective = training.objective.calibrated(training.view, data[chosen], draws)
    return replace(training, objective=objective)


@torch.no_grad()
def _evaluate(training: _Training, data: Source, epoch: int) -> dict[str, float]:
    """Return the mean terms of held-out samples, with noise of their own."""
    noise = training.generator(Purpose.NOISE, epoch)
    means = training.new_means()
    for block in data.blocks(EVALUATION_ROWS):
        means.add(training.objective(training.view, block, noise))
    return means.result()


# --- divergence ---------------------------------------------------------------------------------


def probe_of(module: EncoderDecoder) -> nn.Parameter:
    """Return the parameter whose gradient is checked before each step: the first bias.

    A value that is not finite anywhere in the backward pass reaches the first layer. Checking all
    gradients would take a twentieth of the time.
    """
    parameters = list(module.parameters())
    return next((p for p in parameters if p.ndim == 1), parameters[0])


def check_step(
    module: EncoderDecoder,
    probe: nn.Parameter,
    loss: Tensor,
    terms: Terms,
    epoch: int,
    learning_rate: float,
) -> None:
    """Stop before a step whose loss or gradient is not finite.

    Parameters
    ----------
    module : EncoderDecoder
        After the backward pass.
    probe : Parameter
        See `probe_of`.
    loss : Tensor, 0-dimensional
        The sum of ``terms.objective``.
    terms : Terms
    epoch : int >= 1
    learning_rate : float
        The parameter of the recipe, for the error.

    Raises
    ------
    TrainingDivergedError
        The message names the term, or the parameter nearest to the loss.
    """
    if not math.isfinite(loss.item()):
        parts = {"objective": terms.objective, **terms.parts}
        means = {name: values.mean().item() for name, values in parts.items()}
        check_means(means, epoch, learning_rate)
    # A sum that merely overflows passes the second check.
    if probe.grad is not None and not math.isfinite(probe.grad.sum().item()):
        backwards = reversed(list(module.named_parameters()))
        gradients = {f"gradient of {name}": p.grad for name, p in backwards if p.grad is not None}
        bad_values = {name: _least_finite(values) for name, values in gradients.items()}
        check_means(bad_values, epoch, learning_rate)


def check_means(row: dict[str, Any], epoch: int, learning_rate: float) -> None:
    """Stop a training whose terms are not finite.

    Raises
    ------
    TrainingDivergedError
        The message names the term, the value, the epoch and ``learning_rate``, of which a tenth
        usually helps.
    """
    broken = _first_non_finite(row.items())
    if broken is not None:
        raise TrainingDivergedError(
            f"training diverged: the {broken[0]} became {broken[1]} in epoch {epoch} with "
            f"recipe__learning_rate={learning_rate:.3g}. Try "
            f"recipe__learning_rate={learning_rate / 10:.3g} or scaling='standard'."
        )


def _least_finite(values: Tensor) -> float:
    """Return a value that is not finite, or zero."""
    bad = values[~torch.isfinite(values)]
    return bad[0].item() if len(bad) else 0.0


def _first_non_finite(values: Iterable[tuple[str, Any]]) -> tuple[str, float] | None:
    """Return the first name and value that is NaN or infinite; parts before their sum."""
    ordered = sorted(values, key=lambda item: item[0].endswith("objective"))
    return next(
        ((name, value) for name, value in ordered if not abs(value) < float("inf")),
        None,
    )

"""The training loop, a ladder of verbs: `train` → `_run_epoch` → `_step`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Generator, Tensor, nn

from utsushi._utils.seeds import Purpose, generator
from utsushi.distributions.likelihoods import BatchMean
from utsushi.networks import EncoderDecoder
from utsushi.objectives import Batch, Source, Terms
from utsushi.training.batches import shuffled_batches
from utsushi.training.checkpoint import Checkpoints
from utsushi.training.data_parallel import SharedRows, shared_objective
from utsushi.training.distributed import Processes, current
from utsushi.training.finite_checks import check_means, check_step, probe_of
from utsushi.training.history import BestSoFar, History, Means, Progress
from utsushi.training.precision import Arithmetic, Products
from utsushi.training.recipe import Recipe
from utsushi.training.state import state_of

__all__ = ["Objective", "train"]

#: Rows per block when held-out rows are evaluated.
EVALUATION_ROWS = 1000

#: Training rows, drawn by the seed, that calibrate what held-out rows are measured by.
MOST_CALIBRATION_ROWS = 4000

#: Steps between two looks at whether the sums are still finite: a look waits for the device.
STEPS_PER_CHECK = 50

#: Takes scaled rows (B, D) and a generator; returns rows to train on in their place.
Augment = Callable[[Tensor, Generator], Tensor]


class Objective(Protocol):
    """What the loop minimizes: a batch's terms, a value per row."""

    @property
    def is_rotation_invariant(self) -> bool:
        """Whether it stays the same when rows and copies are turned alike."""

    def __call__(self, module: EncoderDecoder, batch: Batch, generator: Generator) -> Terms:
        """Return the terms of a batch, drawing noise from ``generator`` alone."""

    def of_turned_rows(self, n_features: int) -> Objective:
        """Return the same of rows of ``n_features`` that are told by fewer numbers.

        Asked for if it is rotation invariant: the numbers have the same squared distances.
        """

    def of_shared_rows(self, mean: BatchMean) -> Objective:
        """Return the same of batches of which some rows are at hand.

        ``mean`` takes the means that it needs over all of a batch's rows.
        """

    def calibrated(self, module: EncoderDecoder, known: Source, generator: Generator) -> Objective:
        """Return the objective with what it learns as it trains fixed by known rows."""


@dataclass(frozen=True)
class _Training:
    """What stays the same from the first step to the last."""

    processes: Processes
    products: Products
    objective: Objective
    recipe: Recipe
    optimizer: torch.optim.Optimizer
    probe: nn.Parameter
    n_epochs: int
    n_steps: int
    seed: int
    augment: Augment | None
    checkpoints: Checkpoints | None

    def is_over(self, progress: Progress) -> bool:
        """Tell whether there is no epoch left to make, or none worth making."""
        done = progress.epoch - 1
        return done >= self.n_epochs or progress.best.is_long_ago(done)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from the first of all."""
        return self.recipe.rate(step / self.n_steps)


def train(
    module: EncoderDecoder,
    objective: Objective,
    data: Source,
    *,
    recipe: Recipe,
    seed: int,
    validation: Source | None = None,
    augment: Augment | None = None,
    patience: int | None = None,
    precision: str = "float32",
    checkpoints: Checkpoints | None = None,
    on_epoch: Callable[[dict[str, Any]], None] = lambda row: None,
    on_end: Callable[[Arithmetic], None] = lambda arithmetic: None,
) -> History:
    """Minimize ``objective`` over the rows of ``data``; the module changes in place.

    The loss of a batch is the sum of its rows' objectives, as in the lecture, so each row weighs
    the same whatever the size of its batch.

    Where several processes are joined (`utsushi.training.distributed`), each makes the same call,
    with all rows. A batch is then one of all processes together, each of which takes its part.

    Parameters
    ----------
    module : EncoderDecoder
        On the device to train on.
    objective : Objective
        What to minimize.
    data : Source of n rows
        The scaled training rows, on the same device.
    recipe : Recipe
        Length, batches, rates.
    seed : int
        The order of the rows is a function of (seed, epoch), the noise of (seed, epoch, step).
    validation : Source of m rows, optional
        Held-out rows, evaluated after each epoch.
    augment : callable, optional
        Takes the scaled rows of a batch and a generator, which is a function of (seed, epoch,
        step); returns the rows to train on in their place. Held-out rows stay as they are.
    patience : int, optional
        Stop when the held-out objective has not improved for so many epochs, and take the
        parameters of its best epoch. Without held-out rows the training objective is watched.
    precision : {"float32", "bfloat16", "auto"}
        What the products of training are made in; see `utsushi.training.precision`.
    checkpoints : Checkpoints, optional
        Where to write checkpoints; the training goes on from the one that is found there.
    on_epoch : callable
        Called with each row of the history, those of before a checkpoint too.
    on_end : callable
        Called at the end with the arithmetic that the training went through.

    Returns
    -------
    list of dict
        A row per epoch: ``epoch``, the means over the rows of ``objective`` and of each of its
        parts as it was during the epoch, the same with the prefix ``validation_`` as it is after
        the epoch, the last ``learning_rate``, and ``seconds``.

    Raises
    ------
    TrainingDivergedError
        When a term or a gradient is no longer a finite number.
    TrainingInterrupted
        When a signal stopped it, after a checkpoint.
    """
    n_epochs = recipe.n_epochs(len(data))
    n_steps = n_epochs * recipe.steps_per_epoch(len(data))
    products = Products(module, precision, recipe.compile, n_steps)
    training = _Training(
        processes=current(),
        products=products,
        objective=shared_objective(objective, products),
        recipe=recipe,
        optimizer=_optimizer(module, recipe),
        probe=probe_of(module),
        n_epochs=n_epochs,
        n_steps=n_steps,
        seed=seed,
        augment=augment,
        checkpoints=checkpoints,
    )
    progress = Progress(BestSoFar(patience))
    if checkpoints is not None:
        checkpoints.restore(progress, training.products, training.optimizer)
    for row in progress.history:
        on_epoch(row)
    while not training.is_over(progress):
        row = _run_epoch(training, data, validation, progress)
        progress.best.note(row, module)
        progress.next_epoch(row)
        _keep(training, progress, row)
        on_epoch(row)
    progress.best.give_to(module)
    # What the last step left was not looked at by any loss.
    history = list(progress.history)
    after = _evaluate(training, next(data.blocks(EVALUATION_ROWS)), n_epochs)
    check_means(after, len(history), recipe.learning_rate)
    on_end(training.products.chosen)
    return history


@torch.enable_grad()  # the caller may have switched gradients off
def _run_epoch(
    training: _Training, data: Source, validation: Source | None, progress: Progress
) -> dict[str, Any]:
    """Train on every row once, evaluate the held-out rows, and return the epoch's history."""
    started = time.perf_counter() - progress.seconds
    epoch, means = progress.epoch, progress.means
    first_step = (epoch - 1) * training.recipe.steps_per_epoch(len(data))
    training.products.module.train()
    size, processes = training.recipe.batch_size, training.processes
    rows = data if processes.n == 1 else SharedRows(data, processes)
    for batch in shuffled_batches(rows, size, training.seed, epoch, done=progress.step):
        step = progress.step
        rate = training.rate(first_step + step)
        n_rows = min(size, len(data) - step * size)  # of all processes
        noise = processes.draws(generator(training.seed, Purpose.NOISE, epoch, step), n_rows)
        seen = _augmented(training, batch, epoch, step, n_rows)
        means.add(_step(training, seen, rate, noise, epoch))
        if step % STEPS_PER_CHECK == 0:
            check_means(means.result(), epoch, training.recipe.learning_rate)
        progress.step = step + 1
        if training.checkpoints is not None:
            progress.seconds = time.perf_counter() - started
            _keep(training, progress)
    training.products.module.eval()
    rate = training.rate(first_step + progress.step - 1)
    row = {"epoch": epoch, **processes.means(means)}
    if validation is not None:
        held_out = _evaluate(_calibrated(training, data), validation, epoch)
        row |= {f"validation_{name}": value for name, value in held_out.items()}
    check_means(row, epoch, training.recipe.learning_rate)
    return {**row, "learning_rate": rate, "seconds": time.perf_counter() - started}


def _keep(training: _Training, progress: Progress, row: dict[str, Any] | None = None) -> None:
    """Write a checkpoint if it is time for one: after a step, or after the epoch of a row."""
    checkpoints = training.checkpoints
    if checkpoints is None:
        return
    if row is not None:
        checkpoints.append_history(row)
    if checkpoints.is_due(epoch_ended=row is not None) or training.is_over(progress):
        training.processes.pool(progress.means)
        checkpoints.write(*state_of(progress, training.products, training.optimizer))
    checkpoints.stop_if_asked()


def _augmented(training: _Training, batch: Batch, epoch: int, step: int, n_rows: int) -> Batch:
    """Return what to train on in place of a batch."""
    if training.augment is None:
        return batch
    draws = generator(training.seed, Purpose.AUGMENTATION, epoch, step)
    draws = training.processes.draws(draws, n_rows)
    return replace(batch, x=training.augment(batch.x, draws))


def _step(training: _Training, batch: Batch, rate: float, noise: Generator, epoch: int) -> Terms:
    """Take one step of the optimizer on ``batch`` and return its terms.

    What is no number is found before the step; on an accelerator, which would be kept waiting, by
    the next look at the sums.
    """
    for group in training.optimizer.param_groups:
        group["lr"] = rate
        for parameter in group["params"]:  # zero_grad() takes a twentieth of a small step
            parameter.grad = None
    with training.products.step() as module:
        terms = training.objective(module, batch, noise)
        loss = terms.objective.sum()
        loss.backward()
        if loss.device.type == "cpu":
            given = training.recipe.learning_rate
            check_step(training.products.module, training.probe, loss, terms, epoch, given)
        training.optimizer.step()
    return terms


def _calibrated(training: _Training, data: Source) -> _Training:
    """Return the training with an objective that is one density for all blocks of rows."""
    draws = generator(training.seed, Purpose.CALIBRATION)
    chosen = torch.randperm(len(data), generator=draws)[:MOST_CALIBRATION_ROWS].to(data.device)
    objective = training.objective.calibrated(training.products.inference, data[chosen], draws)
    return replace(training, objective=objective)


@torch.no_grad()
def _evaluate(training: _Training, data: Source, epoch: int) -> dict[str, float]:
    """Return the mean terms of held-out rows, with noise of their own."""
    noise = generator(training.seed, Purpose.NOISE, epoch)
    module = training.products.inference
    means = Means()
    for block, draws in training.processes.shared_blocks(data.blocks(EVALUATION_ROWS), noise):
        means.add(training.objective(module, block, draws))
    return training.processes.means(means)


def _optimizer(module: EncoderDecoder, recipe: Recipe) -> torch.optim.Optimizer:
    """Return AdamW, whose fused form updates all parameters in one pass over the memory."""
    return torch.optim.AdamW(
        module.parameters(),
        lr=recipe.learning_rate,
        betas=(recipe.betas[0], recipe.betas[1]),
        weight_decay=recipe.weight_decay,
        fused=True,
    )

"""The training loop, a ladder of verbs: `train` → `_run_epoch` → `_step`."""

from __future__ import annotations

import copy
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Generator, Tensor

from utsushi.exceptions import TrainingDivergedError
from utsushi.networks import EncoderDecoder
from utsushi.objectives import Batch, Terms
from utsushi.seeds import Purpose, generator
from utsushi.training.arithmetic import Arithmetic, Products
from utsushi.training.batches import shuffled_batches
from utsushi.training.recipe import Recipe

__all__ = ["Objective", "train"]

#: Rows per block when held-out rows are evaluated.
EVALUATION_ROWS = 1000

#: Training rows, drawn by the seed, that calibrate what held-out rows are measured by.
CALIBRATION_ROWS = 4000

#: Steps between two looks at whether the sums are still finite: a look waits for the device.
STEPS_PER_CHECK = 50

History = list[dict[str, Any]]

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

    def calibrated(self, module: EncoderDecoder, known: Batch, generator: Generator) -> Objective:
        """Return the objective with what it learns as it trains fixed by known rows."""


@dataclass(frozen=True)
class _Training:
    """What stays the same from the first step to the last."""

    products: Products
    objective: Objective
    recipe: Recipe
    optimizer: torch.optim.Optimizer
    n_epochs: int
    n_steps: int
    seed: int
    augment: Augment | None


def train(
    module: EncoderDecoder,
    objective: Objective,
    data: Batch,
    *,
    recipe: Recipe,
    seed: int,
    validation: Batch | None = None,
    augment: Augment | None = None,
    patience: int | None = None,
    precision: str = "float32",
    on_epoch: Callable[[dict[str, Any]], None] = lambda row: None,
    on_end: Callable[[Arithmetic], None] = lambda arithmetic: None,
) -> History:
    """Minimize ``objective`` over the rows of ``data``; the module changes in place.

    The loss of a batch is the sum of its rows' objectives, as in the lecture, so each row weighs
    the same whatever the size of its batch.

    Parameters
    ----------
    module : EncoderDecoder
        On the device to train on.
    objective : Objective
        What to minimize.
    data : Batch of n rows
        The scaled training rows, on the same device.
    recipe : Recipe
        Length, batches, rates.
    seed : int
        The order of the rows is a function of (seed, epoch), the noise of (seed, epoch, step).
    validation : Batch of m rows, optional
        Held-out rows, evaluated after each epoch.
    augment : callable, optional
        Takes the scaled rows of a batch and a generator, which is a function of (seed, epoch,
        step); returns the rows to train on in their place. Held-out rows stay as they are.
    patience : int, optional
        Stop when the held-out objective has not improved for so many epochs, and take the
        parameters of its best epoch. Without held-out rows the training objective is watched.
    precision : {"float32", "bfloat16", "auto"}
        What the products of training are made in; see `utsushi.training.arithmetic`.
    on_epoch : callable
        Called with each new row of the history.
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
        When the objective is no longer a finite number.
    """
    n_epochs = recipe.n_epochs(len(data))
    n_steps = n_epochs * recipe.steps_per_epoch(len(data))
    training = _Training(
        products=Products(module, precision, recipe.compile, n_steps),
        objective=objective,
        recipe=recipe,
        optimizer=_optimizer(module, recipe),
        n_epochs=n_epochs,
        n_steps=n_steps,
        seed=seed,
        augment=augment,
    )
    best = _BestSoFar(module, patience)
    history: History = []
    for epoch in range(1, n_epochs + 1):
        row = _run_epoch(training, data, validation, epoch)
        history.append(row)
        on_epoch(row)
        if best.is_over(row):
            break
    best.restore()
    # What the last step left was not looked at by any loss.
    after = _evaluate(training, next(data.blocks(EVALUATION_ROWS)), n_epochs)
    _check_finite(after, len(history), history[-1]["learning_rate"])
    on_end(training.products.chosen)
    return history


@torch.enable_grad()  # the caller may have switched gradients off
def _run_epoch(
    training: _Training, data: Batch, validation: Batch | None, epoch: int
) -> dict[str, Any]:
    """Train on every row once, evaluate the held-out rows, and return the epoch's history."""
    started = time.perf_counter()
    first_step = (epoch - 1) * training.recipe.steps_per_epoch(len(data))
    means = _Means()
    training.products.module.train()
    batches = shuffled_batches(data, training.recipe.batch_size, training.seed, epoch)
    for step, batch in enumerate(batches):
        rate = training.recipe.rate((first_step + step) / training.n_steps)
        noise = generator(training.seed, Purpose.NOISE, epoch, step)
        means.add(_step(training, _augmented(training, batch, epoch, step), rate, noise))
        if step % STEPS_PER_CHECK == 0:
            _check_finite(means.result(), epoch, rate)
    training.products.module.eval()
    row = {"epoch": epoch, **means.result()}
    if validation is not None:
        held_out = _evaluate(_calibrated(training, data), validation, epoch)
        row |= {f"validation_{name}": value for name, value in held_out.items()}
    _check_finite(row, epoch, rate)
    return {**row, "learning_rate": rate, "seconds": time.perf_counter() - started}


def _augmented(training: _Training, batch: Batch, epoch: int, step: int) -> Batch:
    """Return what to train on in place of a batch."""
    if training.augment is None:
        return batch
    draws = generator(training.seed, Purpose.AUGMENTATION, epoch, step)
    return replace(batch, x=training.augment(batch.x, draws))


def _step(training: _Training, batch: Batch, rate: float, noise: Generator) -> Terms:
    """Take one step of the optimizer on ``batch`` and return its terms."""
    for group in training.optimizer.param_groups:
        group["lr"] = rate
        for parameter in group["params"]:  # zero_grad() takes a twentieth of a small step
            parameter.grad = None
    with training.products.step() as module:
        terms = training.objective(module, batch, noise)
        terms.objective.sum().backward()
        training.optimizer.step()
    return terms


def _calibrated(training: _Training, data: Batch) -> _Training:
    """Return the training with an objective that is one density for all blocks of rows."""
    draws = generator(training.seed, Purpose.CALIBRATION)
    chosen = torch.randperm(len(data), generator=draws)[:CALIBRATION_ROWS].to(data.x.device)
    objective = training.objective.calibrated(training.products.inference, data[chosen], draws)
    return replace(training, objective=objective)


@torch.no_grad()
def _evaluate(training: _Training, data: Batch, epoch: int) -> dict[str, float]:
    """Return the mean terms of held-out rows, with noise of their own."""
    noise = generator(training.seed, Purpose.NOISE, epoch)
    module = training.products.inference
    means = _Means()
    for block in data.blocks(EVALUATION_ROWS):
        means.add(training.objective(module, block, noise))
    return means.result()


class _Means:
    """Running means of the terms over rows; they stay on the device until they are asked for."""

    def __init__(self) -> None:
        self.n_rows = 0
        self.sums: dict[str, float] = defaultdict(float)
        self.waiting: dict[str, list[Tensor]] = defaultdict(list)

    def add(self, terms: Terms) -> None:
        # To add up at each step would cost a small step a twentieth of its time.
        self.n_rows += len(terms.objective)
        for name, values in {"objective": terms.objective, **terms.parts}.items():
            self.waiting[name].append(values.detach())

    def result(self) -> dict[str, float]:
        for name, values in self.waiting.items():
            self.sums[name] += torch.cat(values).sum(dtype=torch.float32).item()
        self.waiting.clear()
        return {name: total / self.n_rows for name, total in self.sums.items()}


class _BestSoFar:
    """The parameters of the best epoch, and when to stop; idle without ``patience``."""

    def __init__(self, module: EncoderDecoder, patience: int | None) -> None:
        self.module = module
        self.patience = patience
        self.objective = float("inf")
        self.epoch = 0
        self.parameters: dict[str, Tensor] | None = None

    def is_over(self, row: dict[str, Any]) -> bool:
        """Take note of an epoch; tell whether it was the last one worth making."""
        if self.patience is None:
            return False
        watched = row.get("validation_objective", row["objective"])
        if watched < self.objective:
            self.objective, self.epoch = watched, row["epoch"]
            self.parameters = copy.deepcopy(self.module.state_dict())
        return bool(row["epoch"] - self.epoch >= self.patience)

    def restore(self) -> None:
        """Give the module the parameters of its best epoch."""
        if self.parameters is not None:
            self.module.load_state_dict(self.parameters)


def _optimizer(module: EncoderDecoder, recipe: Recipe) -> torch.optim.Optimizer:
    """Return AdamW, whose fused form updates all parameters in one pass over the memory."""
    return torch.optim.AdamW(
        module.parameters(),
        lr=recipe.learning_rate,
        betas=(recipe.betas[0], recipe.betas[1]),
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def _check_finite(row: dict[str, Any], epoch: int, rate: float) -> None:
    """Stop a training whose terms are no longer numbers."""
    broken = _first_non_finite(row.items())
    if broken is not None:
        raise TrainingDivergedError(
            f"training diverged: the {broken[0]} became {broken[1]} in epoch {epoch} at a learning "
            f"rate of {rate:.3g}, a finite number was expected; try learning_rate={rate / 10:.1g} "
            f"or scaling='standard'"
        )


def _first_non_finite(values: Iterable[tuple[str, Any]]) -> tuple[str, float] | None:
    """Return the first name and value that is NaN or infinite; parts before their sum."""
    named = sorted(values, key=lambda item: item[0].endswith("objective"))
    return next(
        ((name, value) for name, value in named if not abs(value) < float("inf")),
        None,
    )

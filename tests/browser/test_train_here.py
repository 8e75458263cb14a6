"""Train here: the gradient, the training in the worker, and when it stops."""

import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from torch.nn import functional

SIZE, HIDDEN, CODE, COUNT = 7, 5, 3, 4

TERMS = """({ x, noise, beta }) => {
  const trainer = Utsushi.makeTrainer({
    x: Float64Array.from(x), size: 7, hidden: 5, codeSize: 3, batch: 4, seed: 3,
    Numbers: Float64Array,
  });
  const terms = trainer.terms(Float64Array.from(x), Float64Array.from(noise), 4, beta);
  return {
    ...terms, slots: trainer.slots,
    parameters: [...trainer.parameters], gradient: [...trainer.gradient],
  };
}"""


@pytest.fixture
def training(visit):
    """Open a page with the part in view, its worker ready."""

    def look(name="film", **how):
        living = visit(name, **how)
        living.page.locator("#train-here").scroll_into_view_if_needed()
        living.until("Utsushi.trainHere.snapshot()")
        return living

    return look


def test_loss_and_gradient_are_those_of_torch(visit):
    rng = np.random.default_rng(0)
    x = np.where(rng.random((COUNT, SIZE)) < 0.4, 0, rng.random((COUNT, SIZE)))
    noise, beta = rng.normal(size=(COUNT, CODE)), 1.7
    given = {"x": x.ravel().tolist(), "noise": noise.ravel().tolist(), "beta": beta}
    found = visit("film").js(TERMS, given)
    parameters = torch.tensor(found["parameters"], dtype=torch.float64, requires_grad=True)

    def linear(name, values):
        slot = found["slots"][name]
        outputs, inputs = slot["outputs"], slot["inputs"]
        weight = parameters[slot["weight"] : slot["bias"]].reshape(outputs, inputs)
        return functional.linear(values, weight, parameters[slot["bias"] :][:outputs])

    x, noise = torch.tensor(x), torch.tensor(noise)
    mean, log_variance = linear("head", linear("first", x).relu()).chunk(2, dim=1)
    codes = mean + (log_variance / 2).exp() * noise
    logits = linear("last", linear("second", codes).relu())
    reconstruction = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum") / COUNT
    normal = torch.distributions.Normal(mean, (log_variance / 2).exp())
    prior = torch.distributions.Normal(torch.zeros(()).double(), torch.ones(()).double())
    kl = torch.distributions.kl_divergence(normal, prior).sum() / COUNT
    (reconstruction + beta * kl).backward()
    assert found["reconstruction"] == pytest.approx(reconstruction.item(), rel=1e-9)
    assert found["kl"] == pytest.approx(kl.item(), rel=1e-9)
    np.testing.assert_allclose(found["gradient"], parameters.grad.numpy(), atol=1e-9)
    assert np.abs(found["gradient"]).max() > 0.01


#: Stops after 150 steps; how it stops otherwise has its own test.
STOPPER = """() => {
  Utsushi.makeStopper = function () {
    let steps = 0;
    return {
      add: () => (++steps === 150 ? "converged" : null),
      reset() { steps = 0; },
    };
  };
}"""


def test_it_stops_by_itself_and_its_map_and_images_are_organized(visit):
    living = visit("film")
    living.js(STOPPER)
    living.page.locator("#train-here").scroll_into_view_if_needed()
    living.until("Utsushi.trainHere.snapshot()")
    status = living.page.locator("#train-status")
    expect(status).to_have_text("0 steps")
    images = living.pixels("#train-plane")
    living.page.locator("#train-play").click()
    living.until("Utsushi.trainHere.outcome()")
    after = living.js("Utsushi.trainHere.snapshot()")
    expect(status).to_have_text("Converged after 150 steps")
    expect(living.page.locator("#train-play")).to_have_text("Train")
    lines = living.page.locator("#train-curve polyline").first.get_attribute("points")
    heights = [float(pair.split(",")[1]) for pair in lines.split()]
    assert heights[-1] > heights[0] + 30  # further down
    assert after["information"][0] + after["information"][1] > 0.5
    assert (living.pixels("#train-plane") != images).any()
    living.settle()
    assert living.js("Utsushi.trainHere.snapshot().step") == 150


def test_a_step_is_one_step_and_pause_stops(training):
    living = training()
    living.page.locator("#train-step").click()
    living.until("Utsushi.trainHere.snapshot().step === 1")
    living.page.locator("#train-play").click()
    expect(living.page.locator("#train-step")).to_be_disabled()
    living.until("Utsushi.trainHere.snapshot().step > 1")
    living.page.locator("#train-play").click()
    living.until("!Utsushi.trainHere.snapshot().playing")
    steps = living.js("Utsushi.trainHere.snapshot().step")
    living.settle()
    assert living.js("Utsushi.trainHere.snapshot().step") == steps
    living.page.locator("#train-again").click()
    living.until("Utsushi.trainHere.snapshot().step === 0")


def test_more_components_are_shown_on_the_two_most_informative(training):
    living = training()
    living.page.locator("#train-size").select_option("5")
    living.until("Utsushi.trainHere.snapshot().information.length === 5")
    sentence = living.page.locator("#train-components")
    expect(sentence).to_contain_text("Dead components:")
    living.page.locator("#train-size").select_option("2")
    living.until("Utsushi.trainHere.snapshot().information.length === 2")
    expect(sentence).to_be_hidden()


def test_a_large_weight_of_the_divergence_makes_all_components_dead(visit):
    information = visit("film").js(
        """() => {
          const { floats } = Utsushi.page.train;
          const x = floats.slice(0, 64 * 200);
          const trainer = Utsushi.makeTrainer({ x, size: 64, hidden: 16 });
          const results = [];
          for (const [beta, steps] of [[0.1, 200], [100, 300]]) {
            for (let i = 0; i < steps; i++) trainer.step(beta);
            results.push(trainer.encode(200).information);
          }
          return results;
        }"""
    )
    assert min(information[0]) > 0.5
    assert max(information[1]) < 0.01


def test_the_same_seed_gives_the_same_training(visit):
    same = visit("film").js(
        """() => {
          const { floats } = Utsushi.page.train;
          const run = (seed) => {
            const x = floats.slice(0, 6400);
            const trainer = Utsushi.makeTrainer({ x, size: 64, hidden: 8, seed });
            for (let i = 0; i < 20; i++) trainer.step(1);
            return Array.from(trainer.parameters).join();
          };
          return [run(1) === run(1), run(1) === run(2)];
        }"""
    )
    assert same == [True, False]


def test_it_stops_at_a_flat_loss_or_after_a_number_of_steps(visit):
    stops = visit("film").js(
        """() => {
          const run = (loss) => {
            const stopper = Utsushi.makeStopper({ window: 10, least: 0.01, most: 100 });
            for (let step = 1; ; step++) {
              const outcome = stopper.add(loss(step));
              if (outcome) return [step, outcome];
            }
          };
          const losses = [() => 5, (step) => 100 - step / 2, (step) => Math.max(50 - step, 20)];
          return losses.map(run);
        }"""
    )
    assert stops == [[20, "converged"], [100, "limit"], [50, "converged"]]


@pytest.mark.parametrize("name", ["table", "seen"])
def test_a_page_of_tables_does_not_offer_it(visit, name):
    assert visit(name).page.locator("#train-here").is_hidden()


def test_a_page_with_few_images_does_not_offer_it(visit):
    living = visit("conv, 1x28x28")
    living.js("document.getElementById('train-here').scrollIntoView()")
    living.until("document.getElementById('train-here').hidden")


def test_images_of_28_pixels_are_halved_and_colour_images_train_too(training):
    living = training("digits")
    assert living.js("document.getElementById('train-plane').width") == 12 * 14
    expect(living.page.locator("#train-hint")).to_contain_text("14 × 14")
    living = training("colour")
    living.page.locator("#train-step").click()
    living.until("Utsushi.trainHere.snapshot().step === 1")
    picture = living.pixels("#train-plane")
    assert picture.shape == (12 * 12, 12 * 10, 3)
    assert (picture[..., 0] != picture[..., 1]).any()

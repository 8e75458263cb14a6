"""The chapters run, line by line, and their exercises tell right from wrong.

In short form all pages share one kernel, whose names are cleared between them: a kernel and its
imports cost more than a short chapter. ``UTSUSHI_SOAK=1`` runs each chapter at its full size in a
kernel of its own. The outputs are kept for the site (docs/_ext/execution.py).
"""

import os
import re
from pathlib import Path
from textwrap import dedent

import jupytext
import pytest

LECTURES = Path(__file__).parents[2] / "lectures"
SOAK = os.environ.get("UTSUSHI_SOAK") == "1"
CHAPTERS = [
    pytest.param(
        path, id=f"{language}/{path.stem}", marks=pytest.mark.xdist_group(f"in-{language}")
    )
    for language in ("en", "ja")
    for path in sorted((LECTURES / language).glob("[0-9]*.md"))
]

each_chapter = pytest.mark.parametrize("path", CHAPTERS)

#: Plausible wrong answers, by the function that an exercise asks for.
WRONG = {
    "left_over": {
        "divided by N - 1": """
            def left_over(X, n_components):
                eigenvalues = np.linalg.eigvalsh(np.cov(X.T))
                return eigenvalues[: len(eigenvalues) - n_components].sum()
        """,
        "what PCA keeps": """
            def left_over(X, n_components):
                eigenvalues = np.linalg.eigvalsh(np.cov(X.T, bias=True))
                return eigenvalues[len(eigenvalues) - n_components :].sum()
        """,
    },
    "n_parameters": {
        "without biases": "n_parameters = lambda D, hidden, H: 2 * (D * hidden + hidden * H)",
        "the encoder alone": """
            def n_parameters(D, hidden, H):
                return (D + 1) * hidden + (hidden + 1) * H
        """,
    },
    "components_needed": {
        "better, not as good": """
            def components_needed(errors, target):
                for n_components, error in enumerate(errors, start=1):
                    if error < target:
                        return n_components
        """,
        "counted from zero": """
            def components_needed(errors, target):
                for n_components, error in enumerate(errors):
                    if error <= target:
                        return n_components
        """,
    },
    "draw_gaussian": {
        "the factor on the wrong side": """
            def draw_gaussian(mean, covariance, n, rng):
                return mean + rng.standard_normal((n, len(mean))) @ np.linalg.cholesky(covariance)
        """,
        "the covariance for its root": """
            def draw_gaussian(mean, covariance, n, rng):
                return mean + rng.standard_normal((n, len(mean))) @ covariance
        """,
    },
    "draw_mixture": {
        "without the weights": """
            def draw_mixture(weights, means, covariances, n, rng):
                chosen = rng.integers(len(weights), size=n)
                factors = np.linalg.cholesky(np.asarray(covariances))[chosen]
                noise = rng.standard_normal((n, len(means[0])))
                return np.asarray(means)[chosen] + np.einsum("nij,nj->ni", factors, noise)
        """,
        "one spread for all": """
            def draw_mixture(weights, means, covariances, n, rng):
                chosen = rng.choice(len(weights), size=n, p=weights)
                noise = rng.standard_normal((n, len(means[0])))
                return np.asarray(means)[chosen] + noise @ np.linalg.cholesky(covariances[1]).T
        """,
    },
    "share_near": {
        "only what is nearer": """
            def share_near(new, known, radius):
                distances = np.linalg.norm(new[:, None] - known[None], axis=2)
                return (distances.min(axis=1) < radius).mean()
        """,
        "near to all": """
            def share_near(new, known, radius):
                distances = np.linalg.norm(new[:, None] - known[None], axis=2)
                return (distances.max(axis=1) <= radius).mean()
        """,
    },
    "best_rate": {
        "the mean itself": "best_rate = np.mean",
        "by the median": "best_rate = lambda x: np.log(2) / np.median(x)",
        "with n - 1": "best_rate = lambda x: (len(x) - 1) / np.sum(x)",
    },
    "stable_responsibilities": {
        "zero by zero": """
            def stable_responsibilities(log_terms):
                return np.exp(log_terms) / np.exp(log_terms).sum(axis=1, keepdims=True)
        """,
        "the largest term of all samples": """
            def stable_responsibilities(log_terms):
                terms = np.exp(log_terms - log_terms.max())
                return terms / terms.sum(axis=1, keepdims=True)
        """,
    },
    "lower_bound": {
        "without the entropy of q": "lower_bound = lambda log_terms, q: q @ log_terms",
        "0 log 0 is not a number": "lower_bound = lambda log_terms, q: q @ (log_terms - np.log(q))",
        "the logarithm itself": "lower_bound = lambda log_terms, q: logsumexp(log_terms)",
    },
    "log_mean_exp": {
        "without the shift": "log_mean_exp = lambda a: a.exp().mean().log()",
        "the sum": "log_mean_exp = lambda a: torch.logsumexp(a, dim=0)",
    },
    "straight_posterior": {
        "without the prior": "straight_posterior = lambda x, a, sigma: (x / a, sigma**2 / a**2)",
        "the deviation": """
            def straight_posterior(x, a, sigma):
                precision = 1 + a**2 / sigma**2
                return a * x / sigma**2 / precision, precision**-0.5
        """,
    },
    "effective_sample_size": {
        "without the shift": """
            def effective_sample_size(log_w):
                return log_w.exp().sum() ** 2 / log_w.exp().square().sum()
        """,
        "the number of draws": "effective_sample_size = lambda log_w: torch.tensor(len(log_w))",
    },
    "divergence": {
        "sigma for its square": """
            def divergence(mean, sigma):
                return -0.5 * (1 + math.log(sigma) - mean**2 - sigma)
        """,
        "a half forgotten": """
            def divergence(mean, sigma):
                return -(1 + math.log(sigma**2) - mean**2 - sigma**2)
        """,
    },
    "estimated_elbo": {
        "without the divergence": """
            def estimated_elbo(mean, sigma, S):
                z = mean + sigma * torch.randn(S, 1, generator=generator)
                return gaussian_log_prob(x.float(), decode(z), SIGMA**2).mean()
        """,
        "the code's mean alone": """
            def estimated_elbo(mean, sigma, S):
                log_p = gaussian_log_prob(x.float(), decode(torch.tensor([mean])), SIGMA**2)
                kl = kl_standard_normal(torch.tensor(mean), torch.tensor(2 * math.log(sigma)))
                return log_p - kl
        """,
    },
    "tight_q": {
        "the variance": """
            def tight_q(x, a, sigma):
                precision = 1 + a**2 / sigma**2
                return a * x / sigma**2 / precision, 1 / precision
        """,
        "the prior": "tight_q = lambda x, a, sigma: (0.0, 1.0)",
    },
    "my_reparameterize": {
        "the variance for the deviation": """
            def my_reparameterize(mean, log_variance, noise):
                return mean + torch.exp(log_variance) * noise
        """,
        "the logarithm itself": """
            def my_reparameterize(mean, log_variance, noise):
                return mean + log_variance * noise
        """,
    },
    "draws_needed": {
        "the other way round": """
            def draws_needed(mu, sigma):
                return 4 * sigma**2 / (mu**4 / sigma**2 + 14 * mu**2 + 15 * sigma**2)
        """,
        "deviations": """
            def draws_needed(mu, sigma):
                return ((mu**4 / sigma**2 + 14 * mu**2 + 15 * sigma**2) / (4 * sigma**2)) ** 0.5
        """,
    },
    "coin_slopes": {
        "a sign lost": """
            def coin_slopes(p, z):
                return (z - 0.3) ** 2 * (z / p + (1 - z) / (1 - p))
        """,
        "the values alone": "coin_slopes = lambda p, z: (z - 0.3) ** 2",
    },
    "calibrated_log_likelihood": {
        "a variance for each image": """
            def calibrated_log_likelihood(x, x_hat):
                variance = (x - x_hat).square().mean(dim=1)
                return (-0.5 * x.shape[1] * (1 + torch.log(2 * math.pi * variance))).mean()
        """,
        "without the squared error": """
            def calibrated_log_likelihood(x, x_hat):
                variance = (x - x_hat).square().mean()
                return -0.5 * x.shape[1] * torch.log(2 * math.pi * variance)
        """,
        "the variance of one": """
            def calibrated_log_likelihood(x, x_hat):
                return Normal(x_hat, 1.0).log_prob(x).sum(dim=1).mean()
        """,
    },
    "importance_bound": {
        "the mean of the logarithms": """
            def importance_bound(vae, x, noise):
                mean, log_variance = vae.posterior(x)
                z = mean + torch.exp(0.5 * log_variance) * noise
                log_w = Normal(vae.decoder(z), 1.0).log_prob(x).sum(dim=-1)
                log_w = log_w - 0.5 * (z.square() - noise.square() - log_variance).sum(dim=-1)
                return log_w.mean(dim=0)
        """,
        "not divided by K": """
            def importance_bound(vae, x, noise):
                mean, log_variance = vae.posterior(x)
                z = mean + torch.exp(0.5 * log_variance) * noise
                log_w = Normal(vae.decoder(z), 1.0).log_prob(x).sum(dim=-1)
                log_w = log_w - 0.5 * (z.square() - noise.square() - log_variance).sum(dim=-1)
                return torch.logsumexp(log_w, dim=0)
        """,
        "the closed form of J2": """
            def importance_bound(vae, x, noise):
                mean, log_variance = vae.posterior(x)
                q = Normal(mean, torch.exp(0.5 * log_variance))
                J2 = kl_divergence(q, Normal(0.0, 1.0)).sum(dim=-1)
                log_p = Normal(vae.decoder(q.mean + q.stddev * noise), 1.0).log_prob(x).sum(dim=-1)
                return torch.logsumexp(log_p, dim=0) - math.log(len(noise)) - J2
        """,
    },
    "draw_images": {
        "means only": """
            def draw_images(vae, n, generator):
                z = torch.randn(n, H, generator=generator)
                return vae.decoder(z) + mean_image
        """,
        "without the mean image": """
            def draw_images(vae, n, generator):
                z = torch.randn(n, H, generator=generator)
                return vae.decoder(z) + torch.randn(n, D, generator=generator)
        """,
        "codes that are not from the prior": """
            def draw_images(vae, n, generator):
                z = 2 * torch.rand(n, H, generator=generator) - 1
                return vae.decoder(z) + torch.randn(n, D, generator=generator) + mean_image
        """,
    },
    "beta_of": {
        "a half forgotten": """
            def beta_of(pixels, components, D, H):
                return (1 if components == "sum" else 1 / H) / (1 if pixels == "sum" else 1 / D)
        """,
        "one for all": "beta_of = lambda pixels, components, D, H: 0.5",
    },
    "survivors": {
        "whatever sigma is": """
            def survivors(variances, beta, sigma):
                nats = np.maximum(0, 0.5 * np.log(variances / beta))
                return int((nats > 0).sum()), float(nats.sum())
        """,
        "sigma for its square": """
            def survivors(variances, beta, sigma):
                nats = np.maximum(0, 0.5 * np.log(variances / (beta * sigma)))
                return int((nats > 0).sum()), float(nats.sum())
        """,
    },
    "best_answer": {
        "the mean": "best_answer = lambda images: images.mean(axis=0)",
        "the first": "best_answer = lambda images: images[0]",
    },
    "new_digits": {
        "random noise": """
            def new_digits(model, n, seed):
                return np.random.default_rng(seed).random((n, 784))
        """,
        "codes of another distribution": """
            def new_digits(model, n, seed):
                codes = np.random.default_rng(seed).uniform(-1, 1, (n, 10))
                return np.clip(model.inverse_transform(codes), 0, 1)
        """,
        "copies of test digits": """
            def new_digits(model, n, seed):
                return np.random.default_rng(seed).choice(X_test, n)
        """,
    },
    "walk": {
        "a straight line": """
            def walk(z0, z1, t):
                t = np.asarray(t)[:, None]
                return (1 - t) * z0 + t * z1
        """,
        "a straight line, renormalized": """
            def walk(z0, z1, t):
                t = np.asarray(t)[:, None]
                line = (1 - t) * z0 + t * z1
                return np.sqrt(10) * line / np.linalg.norm(line, axis=1, keepdims=True)
        """,
        "the long way round": """
            def walk(z0, z1, t):
                t = np.asarray(t)[:, None]
                angle = np.arccos(z0 @ z1 / 10) - 2 * np.pi
                return (np.sin((1 - t) * angle) * z0 + np.sin(t * angle) * z1) / np.sin(angle)
        """,
    },
    "movement": {
        "all components at once": """
            def movement(model, Z):
                moved = model.inverse_transform(Z + 1)
                return np.full(10, np.mean((moved - model.inverse_transform(Z)) ** 2))
        """,
        "not squared": """
            def movement(model, Z):
                before, steps = model.inverse_transform(Z), np.eye(Z.shape[1], dtype=Z.dtype)
                decode = model.inverse_transform
                return np.array([np.mean(np.abs(decode(Z + step) - before)) for step in steps])
        """,
    },
    "paired": {
        "divided by n": """
            def paired(a, b):
                d = np.asarray(a) - np.asarray(b)
                return d.mean(), d.std() / np.sqrt(len(d))
        """,
        "as if of different rows": """
            def paired(a, b):
                a, b = np.asarray(a), np.asarray(b)
                error = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / len(a))
                return a.mean() - b.mean(), error
        """,
    },
    "frechet_1d": {
        "variances for deviations": """
            def frechet_1d(a, b):
                return (a.mean() - b.mean()) ** 2 + (a.var(ddof=1) - b.var(ddof=1)) ** 2
        """,
        "the means alone": "frechet_1d = lambda a, b: (a.mean() - b.mean()) ** 2",
    },
    "share_of_copies": {
        "the largest distance": """
            def share_of_copies(made, held_out, train):
                def nearest(rows):
                    return np.linalg.norm(rows[:, None] - train[None], axis=2).min(axis=1)
                return (nearest(made) <= nearest(held_out).max()).mean()
        """,
        "exact copies only": """
            def share_of_copies(made, held_out, train):
                return (np.linalg.norm(made[:, None] - train[None], axis=2).min(axis=1) == 0).mean()
        """,
    },
    "best_factor": {
        "nearly right": "best_factor = lambda r: 1.04",
        "right at one half only": "best_factor = lambda r: 4 * r * (1 - r)",
        "the factor that keeps the mean": "best_factor = lambda r: 1 / (1 - r)",
    },
    "threshold": {
        "a quantile": "threshold = lambda held_out, rate: np.quantile(held_out, rate)",
        "one rank too high": """
            def threshold(held_out, rate):
                return np.sort(held_out)[int(np.floor(rate * (len(held_out) + 1)))]
        """,
    },
    "class_probabilities": {
        "without the shares": """
            def class_probabilities(log_likelihoods, shares):
                joint = np.exp(log_likelihoods - log_likelihoods.max(axis=1, keepdims=True))
                return joint / joint.sum(axis=1, keepdims=True)
        """,
        "outside of the logarithms": """
            def class_probabilities(log_likelihoods, shares):
                joint = np.exp(log_likelihoods) * shares
                return joint / joint.sum(axis=1, keepdims=True)
        """,
    },
    "quantize": {
        "without a gradient": """
            def quantize(z, codebook):
                return codebook[torch.cdist(z, codebook).argmin(dim=1)].detach()
        """,
        "a gradient for the codebook alone": """
            def quantize(z, codebook):
                return codebook[torch.cdist(z, codebook).argmin(dim=1)]
        """,
        "the code itself": "quantize = lambda z, codebook: z",
    },
    "jump": {
        "variances without their roots": "jump = lambda a: (np.prod(a), 1 - np.prod(a))",
        "noise that never fades": """
            def jump(alphas):
                return np.sqrt(np.prod(alphas)), sum(1 - a for a in alphas)
        """,
    },
    "clearly_better": {
        "the error of one accuracy": """
            def clearly_better(a, b, n):
                return a - b > 2 * np.sqrt(a * (1 - a) / n)
        """,
        "the sum of both errors": """
            def clearly_better(a, b, n):
                return a - b > 2 * (np.sqrt(a * (1 - a) / n) + np.sqrt(b * (1 - b) / n))
        """,
    },
}


def with_answers(path, cell_type):
    """Return the code cells, each check repeated after wrong answers and after the solution."""
    cells, name, check = [], None, None
    for cell in jupytext.read(path).cells:
        if cell.cell_type == "code":
            tag = "".join(cell.metadata.get("tags", ()))
            cells.append(cell_type(f"{cell.source}\n", tag))
            if tag == "exercise":
                (name,) = re.findall(r"^def (\w+)", cell.source, re.MULTILINE)
            check = cell.source if tag == "check" else None
        elif check is not None:
            (solution,) = re.findall(r"```python \.noeval\n(.*?)```", cell.source, re.DOTALL)
            answers = [(dedent(wrong), "wrong") for wrong in WRONG.get(name, {}).values()]
            for answer, tag in [*answers, (solution, "solved")]:
                cells += [cell_type(answer, "answer"), cell_type(check, tag)]
            check = None
    return cells


@pytest.fixture(scope="module")
def execute(execution, kernel):
    """Run a chapter once, and return its cells with their outputs to every test that asks."""
    done = {}

    def run(path):
        if path not in done:
            cells = with_answers(path, execution.Cell)
            name = f"{path.parent.name}/{path.name}"
            if SOAK:
                with execution.Kernel("full") as own:
                    outputs = own.outputs(cells, name)
            else:
                outputs = kernel.outputs(cells, name, ignore_poor_fits=True)
            done[path] = list(zip(cells, outputs, strict=True))
            # The site shows the chapter without the answers.
            page = [pair for pair in done[path] if pair[0].tag not in {"answer", "wrong", "solved"}]
            key = execution.key_of([cell for cell, _ in page], "full" if SOAK else kernel.mode)
            execution.keep(key, [outputs for _, outputs in page])
        return done[path]

    return run


def checks_of(cells, tag):
    """Return what the checks with a tag printed."""
    return ["".join(o["text"] for o in outputs) for cell, outputs in cells if cell.tag == tag]


@each_chapter
def test_every_cell_runs_without_a_warning(path, execute):
    assert execute(path)  # what fails or writes to standard error raises


@each_chapter
def test_the_site_finds_the_cells_that_a_notebook_has(path, execution):
    notebook = [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "code"]
    assert [cell.code.strip("\n") for cell in execution.cells_of(path.read_text())] == notebook


@each_chapter
def test_a_check_accepts_the_solution(path, execute):
    solved = checks_of(execute(path), "solved")
    assert len(solved) == 3
    assert [text.splitlines()[-1][0] for text in solved] == ["✓"] * 3, solved


@each_chapter
def test_a_check_does_not_accept_an_exercise_as_it_stands(path, execute):
    stubs = checks_of(execute(path), "check")
    assert [text.splitlines()[-1][0] for text in stubs] == ["✗"] * 3, stubs


@each_chapter
def test_a_check_refuses_a_wrong_answer_with_a_hint(path, execute):
    text = path.read_text()
    wrong = [answer for name in WRONG if f"def {name}(" in text for answer in WRONG[name]]
    last = [text.splitlines()[-1] for text in checks_of(execute(path), "wrong")]
    assert [line[0] for line in last] == ["✗"] * len(wrong), dict(zip(wrong, last, strict=True))
    assert [line for line in last if "Error" in line] == []


def test_every_wrong_answer_is_one_to_an_exercise():
    chapters = [path.read_text() for path in sorted((LECTURES / "en").glob("[0-9]*.md"))]
    assert [name for name in WRONG if not any(f"def {name}(" in text for text in chapters)] == []

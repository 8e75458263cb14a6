"""The colours of the classes are legible, and told apart with any colour vision."""

import re
from importlib.resources import files

import numpy as np
import pytest

CSS = "".join(
    files("utsushi.report").joinpath(name).read_text("utf-8")
    for name in ("style.css", "living.css")
)

#: Colour vision of the strongest deficiency, for linear RGB: Machado, Oliveira and Fernandes, 2009.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colour):
    """Return the linear RGB of a colour such as #12ab9f."""
    values = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """Return the contrast of WCAG 2."""
    low, high = sorted(rgb @ [0.2126, 0.7152, 0.0722] for rgb in (one, other))
    return (high + 0.05) / (low + 0.05)


def oklab(rgb):
    """Return the coordinates of Ottosson's OKLab."""
    cones = np.clip(rgb, 0, None) @ np.transpose(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    return np.cbrt(cones) @ np.transpose(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )


def colours(scheme, name):
    """Return the values of a property in a scheme; the light ones come first."""
    found = [linear(colour) for colour in re.findall(rf"--{name}: (#[0-9a-f]{{6}})", CSS)]
    return found[: len(found) // 2] if scheme == "light" else found[len(found) // 2 :]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_classes_have_a_contrast_of_4_5(scheme):
    classes = colours(scheme, r"class-\d")
    assert len(classes) == 10
    for name in ("paper", "panel"):
        (ground,) = colours(scheme, name)
        assert min(contrast(colour, ground) for colour in classes) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("vision", VISIONS)
def test_classes_are_told_apart(scheme, vision):
    seen = oklab(np.array(colours(scheme, r"class-\d")) @ np.transpose(VISIONS[vision]))
    distances = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    # 0.02 is just noticeable side by side; marks are apart.
    assert distances[np.triu_indices(10, 1)].min() > 0.08

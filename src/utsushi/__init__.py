"""Autoencoders and variational autoencoders as scikit-learn estimators, on PyTorch.

The public names are declared in ``__init__.pyi``, and imported when they are first used:
``import utsushi`` loads neither torch nor scikit-learn.
"""

import lazy_loader

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

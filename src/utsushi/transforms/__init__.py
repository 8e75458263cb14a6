"""Transforms of samples before training: scaling, table schema, corruption, augmentation."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=["augmentation", "corruption", "scaling", "table_schema"]
)

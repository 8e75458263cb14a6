"""What is done to samples before a network sees them: scaling, schema, damage, augmentation."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=["augmentation", "corruption", "scaling", "table_schema"]
)

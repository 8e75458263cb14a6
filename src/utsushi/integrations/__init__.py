"""What other systems take: ONNX graphs, Ray's clusters, TensorBoard's logs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=["onnx", "ray", "tensorboard"]
)

"""What other systems take: ONNX graphs, Ray's clusters, TensorBoard's logs."""

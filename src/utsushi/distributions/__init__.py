"""The distributions of a variational model, and the divergences between them."""

"""What all tests share."""

import os

# scikit-learn's check of array API input runs only where SciPy was told so before its import.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

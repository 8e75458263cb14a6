from . import (
    datasets as datasets,
    distributions as distributions,
    evaluation as evaluation,
    exceptions as exceptions,
    integrations as integrations,
    lecture as lecture,
    networks as networks,
    objectives as objectives,
    report as report,
    samplers as samplers,
    search as search,
    transforms as transforms,
)
from .estimators import (
    AnomalyDetector as AnomalyDetector,
    Autoencoder as Autoencoder,
    AutoencoderImputer as AutoencoderImputer,
    DenoisingAutoencoder as DenoisingAutoencoder,
    SemiSupervisedVariationalAutoencoder as SemiSupervisedVariationalAutoencoder,
    SparseAutoencoder as SparseAutoencoder,
    TableAutoencoder as TableAutoencoder,
    VariationalAutoencoder as VariationalAutoencoder,
    VectorQuantizedAutoencoder as VectorQuantizedAutoencoder,
    load as load,
)
from .training import Recipe as Recipe

__version__: str

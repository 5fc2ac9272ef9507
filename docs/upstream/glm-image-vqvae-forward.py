"""GlmImageVQVAE is a model class of its own type and has no ``forward``."""

import torch
from transformers import GlmImageVQVAE, GlmImageVQVAEConfig

try:
    GlmImageVQVAE(GlmImageVQVAEConfig())(torch.zeros(1, 3, 32, 32))
except NotImplementedError as error:
    assert "forward" in str(error)
else:
    raise AssertionError("mended upstream")

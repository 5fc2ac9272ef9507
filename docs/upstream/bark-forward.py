"""BarkModel generates with its parts, and has no ``forward`` of its own."""

import torch
from transformers import BarkModel

# It is what torch puts in where a class says nothing.
assert BarkModel.forward is torch.nn.Module.forward, "mended"

"""Qwen3OmniMoeForConditionalGeneration generates with its parts, and has no ``forward`` of its own."""

import torch
from transformers import Qwen3OmniMoeForConditionalGeneration

# Both are what torch puts in where a class says nothing.
assert Qwen3OmniMoeForConditionalGeneration.forward is torch.nn.Module.forward, "mended"

"""Qwen2_5OmniForConditionalGeneration generates with its parts, and has no ``forward`` of its own."""

import torch
from transformers import Qwen2_5OmniForConditionalGeneration

# Both are what torch puts in where a class says nothing.
assert Qwen2_5OmniForConditionalGeneration.forward is torch.nn.Module.forward, "mended"

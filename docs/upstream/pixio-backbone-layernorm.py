"""`PixioBackbone` has a `layernorm` of its own beside its model's: loaded, the model's is the backbone's."""

import tempfile

import torch
from transformers import PixioBackbone, PixioConfig

config = PixioConfig(hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=16)
model = PixioBackbone(config)
torch.nn.init.normal_(model.pixio.layernorm.weight)
with tempfile.TemporaryDirectory() as folder:
    model.save_pretrained(folder)
    loaded = PixioBackbone.from_pretrained(folder)
assert not torch.equal(loaded.pixio.layernorm.weight, model.pixio.layernorm.weight)

"""Each layer of a Reformer in training seeds torch's generator at random: what was seeded before can't be repeated."""

import torch
from transformers import ReformerConfig, ReformerModel

sizes = {"hidden_size": 8, "feed_forward_size": 8, "num_attention_heads": 1, "attention_head_size": 8}
config = ReformerConfig(**sizes, attn_layers=["local"], axial_pos_embds=False, hidden_dropout_prob=0.0)
model = ReformerModel(config).train()
draws = [(torch.manual_seed(0), model(torch.ones(1, 64, dtype=torch.long)), torch.rand(1))[-1] for _ in range(2)]
assert draws[0] != draws[1], "mended"
